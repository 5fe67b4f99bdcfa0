import { formatTable } from "../../base/index.ts";
import { BROKEN_PROFILES, PROFILES } from "../../sim/index.ts";
import type { World } from "../context.ts";

/** `berth sim profiles`: a line for each machine. */
export function printProfiles(this: World): void {
  const rows = [...PROFILES, ...BROKEN_PROFILES].map(({ name, summary }) => [name, summary]);
  this.print(formatTable([["profile", "machine"], ...rows]));
}
