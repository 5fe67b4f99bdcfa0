import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run.ts";

/** The temporary folder of one test file, and what has to be undone at its end, in reverse order. */
export class Scope {
  /** Absolute, without links. */
  readonly dir: string;
  readonly #steps: (() => void)[] = [];
  #isClosed = false;
  #count = 0;

  constructor(name: string) {
    this.dir = realpathSync(mkdtempSync(join(tmpdir(), `berth-e2e-${name}-`)));
    // A container whose root is another user of the machine has to pass through.
    chmodSync(this.dir, 0o711);
    process.once("exit", () => this.close());
    // A run that is broken off goes through "exit", too.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  }

  defer(step: () => void): void {
    this.#steps.push(step);
  }

  /** A new, empty folder. */
  folder(name: string): string {
    this.#count += 1;
    const path = join(this.dir, `${this.#count}-${name}`);
    mkdirSync(path);
    return path;
  }

  /** Undoes everything, unmounts what is mounted in the folder, and removes it. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const step of this.#steps.toReversed()) step();
    unmountBelow(this.dir);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Detaches every mount below a folder. Throws when one stays: what is under it must not be removed. */
export function unmountBelow(folder: string): void {
  for (const point of mountsBelow(folder).toReversed()) run(["umount", "--lazy", point]);
  const left = mountsBelow(folder);
  if (left.length > 0) throw new Error(`still mounted: ${left.join(", ")}`);
}

/** The mount points below a folder, in the order of mounting. */
export function mountsBelow(folder: string): string[] {
  const points = readMountTable().map((line) => line.split(" ")[4] ?? "");
  return points.filter((point) => point === folder || point.startsWith(`${folder}/`));
}

/** The lines of this process's /proc/self/mountinfo. */
export function readMountTable(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8").trimEnd().split("\n");
}

/** Calls `check` until it gives something back. Throws after the deadline, with what `explain` says. */
export function waitFor<T>(check: () => T | undefined, deadlineMs: number, explain: () => string): T {
  for (let waited = 0; ; waited += 50) {
    const value = check();
    if (value !== undefined) return value;
    if (waited >= deadlineMs) throw new Error(`not within ${deadlineMs} ms: ${explain()}`);
    Bun.sleepSync(50);
  }
}

/** Ends a process with SIGTERM, then SIGKILL, and waits until it is gone. */
export function endProcess(pid: number): void {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      // It is gone already.
      return;
    }
    for (let waited = 0; waited < 10_000 && isAlive(pid); waited += 20) Bun.sleepSync(20);
    if (!isAlive(pid)) return;
  }
}

/** Whether a process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
}
