import { statSync } from "node:fs";
import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import { loadConfig, type Config } from "../config/index.ts";
import type { World } from "./context.ts";

/** The host that a command is about. */
export interface Site {
  /** "/" or the folder of another host's root. Absolute. */
  readonly root: string;
  /** Where berth keeps what it knows of that host: under its root, so that two hosts never mix. */
  readonly stateDir: string;
  readonly config: Config;
}

/**
 * The host that `--root` or BERTH_ROOT names, with the configuration that lies under that root; else the one that the usual
 * configuration names. Throws C001 and C002, and BERTH-D004 when the root is no folder.
 */
export function findSite({ namedRoot, env, configSlot }: Pick<World, "namedRoot" | "env" | "configSlot">): Site {
  const isElsewhere = namedRoot !== undefined && namedRoot !== "/";
  const config = isElsewhere
    ? loadConfig({ get: () => undefined }, join(namedRoot, "etc/nvidia-container-runtime/config.toml"))
    : loadConfig({ get: env }, configSlot);
  const root = namedRoot ?? config.root;
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true) throw noRoot(root);
  return { root, stateDir: join(root, "run/berth"), config };
}

function noRoot(root: string): BerthError {
  const message = `Cannot describe the host at "${root}": there is no such folder`;
  const remedy = "name the root folder of a host with --root, or leave it out for this machine";
  return new BerthError({ code: "BERTH-D004", message, remedy });
}
