import type { Host } from "./host.ts";

/** The command that makes the device nodes of a host that are missing, or says what is in their places. */
export function nodesRemedy({ root }: Pick<Host, "root">): string {
  return root === "/" ? "berth nodes" : `berth --root ${root} nodes`;
}
