import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from "node:fs";
import { basename, join } from "node:path";

/** The program that a process runs at this moment, as it is counted; undefined: it is gone. */
export function programOf(pid: number): string | undefined {
  try {
    const path = readlinkSync(`/proc/${pid}/exe`);
    if (path.includes("runc")) return "runc";
    return basename(path) === "berth" ? "berth" : path.includes("nvidia-container-runtime") ? "launcher" : "another";
  } catch {
    // It has ended, or is a zombie.
    return undefined;
  }
}

/** Ends a process at once; false: it was gone. */
export function strike(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch {
    // That is how one learns of it.
    return false;
  }
}

export function childrenOf(pid: number): readonly number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  return readOrEmpty(path).split(" ").filter(Boolean).map(Number);
}

export function isRunning(pid: number): boolean {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  return stat !== "" && !/\) [ZX] /.test(stat);
}

/** A number that a runtime has written; undefined: not (yet). */
export function readPid(path: string): number | undefined {
  const pid = Number(readOrEmpty(path));
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Files of procfs go while they are read.
    return "";
  }
}

const CGROUPS = "/sys/fs/cgroup";

/** The folders of a control group in every hierarchy. */
function cgroupFolders(name: string): readonly string[] {
  const tops = existsSync(join(CGROUPS, "cgroup.procs"))
    ? [CGROUPS]
    : readdirSync(CGROUPS).map((each) => join(CGROUPS, each));
  return tops.map((top) => join(top, name)).filter((folder) => existsSync(folder));
}

/** Every process below a control group. */
export function processesBelow(name: string): readonly number[] {
  const lists = cgroupFolders(name).flatMap((folder) =>
    [folder, ...subfolders(folder)].map((each) => readOrEmpty(join(each, "cgroup.procs"))),
  );
  return [
    ...new Set(
      lists
        .flatMap((list) => list.split("\n"))
        .filter(Boolean)
        .map(Number),
    ),
  ];
}

/** Removes a control group that is empty, with all below it. */
export function removeCgroup(name: string): void {
  for (const folder of cgroupFolders(name)) {
    for (const each of [...subfolders(folder).toReversed(), folder]) {
      try {
        rmdirSync(each);
      } catch {
        // A process of it is still ending: whoever looks for processes finds it.
      }
    }
  }
}

function subfolders(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { withFileTypes: true }).filter((each) => each.isDirectory());
  return names.flatMap(({ name }) => [join(folder, name), ...subfolders(join(folder, name))]);
}
