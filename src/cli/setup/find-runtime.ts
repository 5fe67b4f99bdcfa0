import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { BerthError } from "../../base/index.ts";
import { Root } from "../../linux/index.ts";
import type { World } from "../context.ts";

const NAME = "nvidia-container-runtime";
/** A program of that name in PATH may be NVIDIA's. */
const INSTALLED = ["/usr/lib/berth/bin", "/usr/local/lib/berth/bin", "/opt/berth/bin"];

export interface RuntimePlace {
  readonly root: string;
  /** Whether paths in the engines' files are of this machine. */
  readonly isOnMachine: boolean;
  /** What the user named. */
  readonly named: string | undefined;
}

/**
 * The runtime that engines are to be told of: the one that belongs to the running berth, or the one below another
 * host's root, as that host sees it. Throws G011.
 */
export function findRuntime(
  { root, isOnMachine, named }: RuntimePlace,
  { executable }: Pick<World, "executable">,
): string {
  if (named !== undefined) return checkNamed(resolve(named));
  if (isOnMachine) {
    const found = ownRuntime({ root }, { executable });
    if (found !== undefined) return found;
    throw noRuntime(`there is none beside "${executable}"`);
  }
  using handle = Root.open(root);
  const found = INSTALLED.map((folder) => `${folder}/${NAME}`).find((path) => handle.stat(path)?.kind === "file");
  if (found === undefined) throw noRuntime(`there is none in ${INSTALLED.join(", ")} under "${root}"`);
  return found;
}

/** The one that belongs to the running berth; undefined: there is none. */
export function ownRuntime(
  { root }: Pick<RuntimePlace, "root">,
  { executable }: Pick<World, "executable">,
): string | undefined {
  const beside = dirname(executable);
  const folders = [...(root === "/" ? [] : [join(root, "bin")]), join(beside, "bin"), beside];
  return folders.map((folder) => join(folder, NAME)).find((path) => existsSync(path));
}

function checkNamed(path: string): string {
  if (existsSync(path)) return path;
  throw noRuntime(`"${path}" does not exist`);
}

function noRuntime(why: string): BerthError {
  return new BerthError({
    code: "BERTH-G011",
    message: `Cannot tell an engine of ${NAME}: ${why}`,
    remedy: "install berth with its bin folder, or name the program: berth setup --runtime FILE",
  });
}
