import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoCode } from "../base/index.ts";

const GONE: ReadonlySet<string> = new Set(["ENOENT", "ESRCH", "ENODEV", "ENOTDIR"]);

/** Whether a control group, or one below it, holds a process: version 2 says so itself, in version 1 each is looked into (cgroups(7)). One that is there and cannot be read may hold one. */
export function isPopulated(folder: string): boolean {
  try {
    return holdsProcess(folder);
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return true;
  }
}

function holdsProcess(folder: string): boolean {
  const events = readIfThere(join(folder, "cgroup.events"));
  if (events !== undefined) return /^populated 1$/m.test(events);
  const processes = readIfThere(join(folder, "cgroup.procs"));
  if (processes === undefined) return false;
  return processes.trim() !== "" || foldersIn(folder).some(holdsProcess);
}

function foldersIn(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
  } catch (error) {
    if (GONE.has(errnoCode(error) ?? "")) return [];
    throw error;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (GONE.has(errnoCode(error) ?? "")) return undefined;
    throw error;
  }
}
