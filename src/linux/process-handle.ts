import { closeSync, statSync } from "node:fs";
import { FOLDER, openIn } from "./open-in.ts";
import { parseProcessStat } from "./proc-stat.ts";
import { readText } from "./proc.ts";
import { SysError } from "./sys.ts";

const AT_FDCWD = -100;
const MAX_STAT_BYTES = 4096;

/**
 * One process by its open folder in procfs: it stays this process when its number is given to another, and everything below `folder` fails once it is gone. Close it.
 */
export class ProcessHandle {
  readonly pid: number;
  readonly #fd: number;

  private constructor(pid: number, fd: number) {
    this.pid = pid;
    this.#fd = fd;
  }

  /** Undefined: there is no such process. Throws the SysError of openat2(2) otherwise. */
  static open(pid: number): ProcessHandle | undefined {
    const fd = openIn(AT_FDCWD, `/proc/${pid}`, { flags: FOLDER, resolve: 0 });
    if (fd >= 0) return new ProcessHandle(pid, fd);
    const error = new SysError("openat2", -fd, `/proc/${pid}`);
    if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
    throw error;
  }

  /** Its folder in procfs, for this process alone. */
  get folder(): string {
    return `/proc/self/fd/${this.#fd}`;
  }

  /** In clock ticks since the boot: with the boot's id and `pid` it names one process for ever. Undefined when it is gone. */
  get startTime(): string | undefined {
    const stat = this.read("stat", MAX_STAT_BYTES);
    return stat === undefined ? undefined : parseProcessStat(stat).startTicks;
  }

  /** Whether its users are this process's: it is in the same user namespace. Throws errno errors when it is gone or not ours to look into. */
  get hasOwnUsers(): boolean {
    return isSameFile(`${this.folder}/ns/user`, "/proc/self/ns/user");
  }

  /** A file of its folder as text; undefined when the process is gone. */
  read(name: string, maxBytes: number): string | undefined {
    try {
      return readText(`${this.folder}/${name}`, maxBytes);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ESRCH") return undefined;
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Whether two paths lead to one file, as those of one namespace do (namespaces(7)). Throws errno errors. */
export function isSameFile(a: string, b: string): boolean {
  const [one, other] = [statSync(a, { bigint: true }), statSync(b, { bigint: true })];
  return one.ino === other.ino && one.dev === other.dev;
}
