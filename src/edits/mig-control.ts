import type { Grant } from "../grant/index.ts";
import type { DeviceEdit } from "./edits.ts";

/** The nodes by which MIG is configured and watched on the whole machine. */
export function migControl(grant: Grant): DeviceEdit[] {
  return grant.migControl.map(({ node, reason }) => ({ node, reason }));
}
