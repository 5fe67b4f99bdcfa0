import { join, resolve } from "node:path";
import { simUp } from "../../sim/index.ts";
import type { World } from "../context.ts";

/** `berth sim up DIR --profile NAME`. */
export function bringUp(
  this: World,
  flags: { readonly profile: string; readonly standIns?: boolean },
  dir: string,
): void {
  const { standIns = false } = flags;
  const sim = simUp(resolve(dir), flags.profile, { executable: this.executable, standIns });
  this.note(
    `A simulated ${flags.profile} is in ${sim.dir}; its runtime is ${join(sim.bin, "nvidia-container-runtime")}\n`,
  );
  if (sim.nodes === "stand-ins") this.note("Its device nodes are plain files: real ones need root.\n");
}
