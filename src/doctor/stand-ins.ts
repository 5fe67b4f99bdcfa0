import { lstatSync } from "node:fs";
import type { Scene } from "./scene.ts";

/** Why the driver cannot be asked under a root; undefined: it can. */
export function whyNotHere(scene: Scene): string | undefined {
  if (hasStandIns(scene)) return "the nodes of this simulated host are stand-ins";
  return scene.isHere || scene.isRoot ? undefined : "only root can ask the driver under another root";
}

/** Whether plain files stand in for the nodes of a simulated host, which work nowhere. */
function hasStandIns({ host, isSimulated }: Scene): boolean {
  const { controlNodes, unit } = host();
  const nodes = [...controlNodes, ...(unit?.items ?? []).flatMap((item) => (item.kind === "node" ? [item.node] : []))];
  return isSimulated && nodes.some(({ hostPath }) => lstatSync(hostPath, { throwIfNoEntry: false })?.isFile());
}
