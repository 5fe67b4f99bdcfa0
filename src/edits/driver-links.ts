import type { Grant } from "../grant/index.ts";
import type { Host } from "../host/index.ts";
import type { LinkEdit } from "./edits.ts";
import { whyNeeded } from "./needs.ts";

/** Names of the driver that are not beside their library: GBM's backend, the X server's GLX module. */
export function driverLinks(grant: Grant, host: Host): LinkEdit[] {
  return host.links.flatMap(({ path, target, capabilities }) => {
    const reason = whyNeeded(grant, capabilities);
    return reason === undefined ? [] : [{ path, target, reason }];
  });
}
