import { BerthError, parseStrictInteger } from "../../base/index.ts";
import { parseProcessStat, searchPathIn, startTimeMs, type Root } from "../../linux/index.ts";

/** A daemon that runs. */
export interface Daemon {
  readonly pid: number;
  /** When it was started; undefined: the kernel's files do not say it. */
  readonly startedAt: Date | undefined;
  /** The folders of its PATH; undefined: whoever asks may not see it. */
  readonly searchPath: readonly string[] | undefined;
}

const MAX_PROCESSES = 100_000;
const FILE_BYTES = 64 * 1024;

/** The first process of a program's name, or the one of a number, by the process table of a root. Format: proc(5). */
export function findDaemon(files: Root, program: string | number): Daemon | undefined {
  const pid = typeof program === "number" ? program : findByName(files, program);
  if (pid === undefined || files.stat(`/proc/${pid}`) === undefined) return undefined;
  return { pid, startedAt: startOf(files, pid), searchPath: searchPathOf(files, pid) };
}

function findByName(files: Root, program: string): number | undefined {
  const pids = (files.list("/proc", MAX_PROCESSES) ?? []).flatMap((name) => {
    return parseStrictInteger(name, 2 ** 31 - 1) ?? [];
  });
  return pids.toSorted((a, b) => a - b).find((each) => read(files, `/proc/${each}/comm`)?.trimEnd() === program);
}

/** What it was started with; of another user's only root may look. */
function searchPathOf(files: Root, pid: number): readonly string[] | undefined {
  try {
    return searchPathIn(read(files, `/proc/${pid}/environ`) ?? "");
  } catch (error) {
    if (error instanceof BerthError) return undefined;
    throw error;
  }
}

function startOf(files: Root, pid: number): Date | undefined {
  const { startTicks } = parseProcessStat(read(files, `/proc/${pid}/stat`) ?? "");
  const started = startTimeMs(startTicks, read(files, "/proc/stat") ?? "");
  return started === undefined ? undefined : new Date(started);
}

/** A process can be gone by now, and one of the kernel's files can be larger than what is of use. */
function read(files: Root, path: string): string | undefined {
  if (files.stat(path) === undefined) return undefined;
  const bytes = files.readFile(path, path === "/proc/stat" ? FILE_BYTES * 64 : FILE_BYTES);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
