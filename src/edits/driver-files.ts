import type { Grant } from "../grant/index.ts";
import type { DriverFile, Host } from "../host/index.ts";
import type { MountEdit } from "./edits.ts";
import { READ_ONLY, SOCKET } from "./mount-options.ts";
import { whyNeeded } from "./needs.ts";

/** The driver's programs, firmware, sockets, configuration files and X modules that the granted capabilities need. */
export function driverFiles(grant: Grant, host: Host): MountEdit[] {
  return host.files.flatMap((file) => mountOf(grant, file));
}

function mountOf(grant: Grant, { kind, path, hostPath, capabilities }: DriverFile): MountEdit[] {
  const reason = whyNeeded(grant, capabilities);
  if (reason === undefined || (kind === "socket" && !grant.extras.hasSockets)) return [];
  return [{ hostPath, containerPath: path, kind, options: kind === "socket" ? SOCKET : READ_ONLY, reason }];
}
