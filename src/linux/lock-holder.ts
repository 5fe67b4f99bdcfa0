import { readText } from "./proc.ts";
import { statPath } from "./file-stat.ts";

const MAX_BYTES = 4 * 1024 * 1024;

/** Who holds the lock of a file, as "process 12 (berth)"; undefined: nobody that can be seen from here. */
export function findLockHolder(path: string): string | undefined {
  const stats = statPath(path);
  if (stats === undefined) return undefined;
  const lines = (readText("/proc/locks", MAX_BYTES) ?? "").split("\n");
  const pid = lines.map((line) => holderIn(line, stats.dev, stats.ino)).find((each) => each !== undefined);
  if (pid === undefined) return undefined;
  return `process ${pid} (${readText(`/proc/${pid}/comm`, MAX_BYTES)?.trim() ?? "?"})`;
}

/** `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`: numbers of the file system in base 16 (proc_locks(5)). */
function holderIn(line: string, dev: string, ino: bigint): string | undefined {
  const [, kind, , , pid, file = ""] = line.trim().split(/\s+/);
  const [major = "", minor = "", inode = ""] = file.split(":");
  const isIt = `${Number.parseInt(major, 16)}:${Number.parseInt(minor, 16)}` === dev && inode === String(ino);
  return kind === "FLOCK" && isIt ? pid : undefined;
}
