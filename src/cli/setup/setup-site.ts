import { existsSync } from "node:fs";
import { join } from "node:path";
import { ANSWER_MS, noteCdiFile, type SetupSite } from "../../engines/index.ts";
import { effectiveUid } from "../../linux/index.ts";
import { readMarker } from "../../sim/index.ts";
import { outputOf } from "../cdi/refresh-once.ts";
import type { World } from "../context.ts";
import { findSite } from "../site.ts";

/** The host whose engines are meant, as `--root` or the configuration say. */
export function findSetupSite(world: World): SetupSite {
  const { root } = findSite(world);
  const isOnMachine = root === "/" || readMarker(root) !== undefined;
  return {
    root,
    isOnMachine,
    ...foldersOf(world, root, isOnMachine),
    scene: { root, env: world.env, timeoutMs: ANSWER_MS },
    now: () => new Date(),
  };
}

/**
 * State outlives the boot, locks do not, and are none of an image of a machine; a user without rights, whose engines
 * run without root, has both at home.
 */
function foldersOf(
  { env }: Pick<World, "env">,
  root: string,
  isOnMachine: boolean,
): Pick<SetupSite, "stateDir" | "lockDir"> {
  if (root !== "/" || effectiveUid() === 0)
    return { stateDir: join(root, "var/lib/berth"), lockDir: join(isOnMachine ? root : "/", "run/berth") };
  const state = env("XDG_STATE_HOME") ?? "";
  const stateDir = join(state.startsWith("/") ? state : join(env("HOME") ?? "/", ".local/state"), "berth");
  return { stateDir, lockDir: stateDir };
}

/** Notes a CDI file that is about to be made, so that it is taken back with the rest; one that is there already stays. */
export function announceCdiFile(site: SetupSite): void {
  const { path } = outputOf(site.root, {});
  if (!existsSync(path)) noteCdiFile(site, path);
}
