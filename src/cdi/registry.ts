import { readdirSync } from "node:fs";
import { join } from "node:path";
import { BerthError, type Problem } from "../base/index.ts";
import { effectiveUid } from "../linux/index.ts";
import { formatOf, parseCdiSpec } from "./read-spec.ts";
import type { CdiDevice, CdiSpec } from "./spec.ts";
import { asUnreadable, checkTrustedFolder, readTrustedFile } from "./trusted-file.ts";

/** What the CDI files of a machine say. */
export interface Registry {
  /** Folder by folder, by name in each. */
  readonly files: readonly RegistryFile[];
  /** By qualified name, sorted; without those that are in a conflict. */
  readonly devices: ReadonlyMap<string, RegistryDevice>;
  readonly conflicts: readonly Conflict[];
  /** Of folders, files and conflicts. */
  readonly problems: readonly Problem[];
}

export type RegistryFile = GoodFile | { readonly path: string; readonly priority: number; readonly problem: Problem };

interface GoodFile {
  readonly path: string;
  /** The place of its folder in the list of folders: a later one wins. */
  readonly priority: number;
  readonly spec: CdiSpec;
}

export interface RegistryDevice {
  readonly file: string;
  readonly spec: CdiSpec;
  readonly device: CdiDevice;
}

/** A name that two files of one folder define: no engine resolves it. */
export interface Conflict {
  readonly name: string;
  readonly files: readonly string[];
  readonly problem: Problem;
}

/**
 * Reads the `.json` and `.yaml` files that lie in the folders; of two folders the later wins. A folder that does not exist is fine, a bad file is a
 * problem and the others count. As in Go's library, a name that is in conflict in one folder is unresolvable, whatever another says.
 */
export function readRegistry(folders: readonly string[]): Registry {
  const problems: Problem[] = [];
  const user = effectiveUid();
  const files = folders.flatMap((folder, priority) => {
    return listFiles(folder, user, problems).map((path) => readFile(path, priority, user));
  });
  const defined = new Map<string, DefinedDevice[]>();
  for (const file of files) {
    if ("problem" in file) problems.push(file.problem);
    else define(file, defined);
  }
  const conflicts = [...defined].flatMap(([name, all]) => findConflict(name, all) ?? []);
  const names = [...defined.keys()].filter((name) => conflicts.every((conflict) => conflict.name !== name)).toSorted();
  const devices = new Map(
    names.flatMap(
      (name) =>
        defined
          .get(name)
          ?.slice(-1)
          .map((last) => [name, last] as const) ?? [],
    ),
  );
  return { files, devices, conflicts, problems: [...problems, ...conflicts.map(({ problem }) => problem)] };
}

function listFiles(folder: string, user: number, problems: Problem[]): readonly string[] {
  try {
    if (!checkTrustedFolder(folder, user)) return [];
    const entries = readdirSync(folder, { withFileTypes: true });
    const names = entries.filter((entry) => !entry.isDirectory() && isSpecName(entry.name)).map(({ name }) => name);
    return names.toSorted().map((name) => join(folder, name));
  } catch (thrown) {
    problems.push(asUnreadable(folder, thrown));
    return [];
  }
}

/** What begins with a dot is a writer's temporary file. */
function isSpecName(name: string): boolean {
  return formatOf(name) !== undefined && !name.startsWith(".");
}

function readFile(path: string, priority: number, user: number): RegistryFile {
  try {
    return { path, priority, spec: parseCdiSpec(readTrustedFile(path, user), path) };
  } catch (thrown) {
    return { path, priority, problem: BerthError.from(thrown) };
  }
}

interface DefinedDevice extends RegistryDevice {
  readonly priority: number;
}

function define({ path, priority, spec }: GoodFile, defined: Map<string, DefinedDevice[]>): void {
  for (const device of spec.devices) {
    const name = `${spec.kind}=${device.name}`;
    const all = defined.get(name) ?? [];
    all.push({ file: path, priority, spec, device });
    defined.set(name, all);
  }
}

function findConflict(name: string, all: readonly DefinedDevice[]): Conflict | undefined {
  const second = all.find(({ priority }, index) => index > 0 && all[index - 1]?.priority === priority);
  if (second === undefined) return undefined;
  const files = all.filter(({ priority }) => priority === second.priority).map(({ file }) => file);
  const quoted = files.map((file) => `"${file}"`).join(" and ");
  const problem: Problem = {
    code: "BERTH-F003",
    message: `Cannot tell which CDI device "${name}" is meant: ${quoted} define it`,
    remedy: `remove one of them: rm ${files.at(-1)}`,
  };
  return { name, files, problem };
}
