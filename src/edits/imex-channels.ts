import type { Grant } from "../grant/index.ts";
import type { DeviceEdit } from "./edits.ts";

/** The nodes of the granted IMEX channels, by which GPUs of several machines share memory. */
export function imexChannels(grant: Grant): DeviceEdit[] {
  return grant.imexChannels.map(({ node, reason }) => ({ node, reason }));
}
