import type { Grant } from "../grant/index.ts";
import type { DriverFile, Host } from "../host/index.ts";
import type { MountEdit } from "./edits.ts";
import { whyNeeded } from "./needs.ts";

const READ_ONLY = ["ro", "nosuid", "nodev", "rbind", "rprivate"] as const;
/** A socket is written to by connecting; nothing is ever executed from it. */
const SOCKET = ["nosuid", "nodev", "noexec", "rbind", "rprivate"] as const;

/** The driver's programs, firmware, sockets and configuration files that the granted capabilities need. */
export function driverFiles(grant: Grant, host: Host): MountEdit[] {
  return host.files.flatMap((file) => mountOf(grant, file));
}

function mountOf(grant: Grant, { kind, path, hostPath, capabilities }: DriverFile): MountEdit[] {
  const reason = whyNeeded(grant, capabilities);
  if (reason === undefined) return [];
  return [{ hostPath, containerPath: path, kind, options: kind === "socket" ? SOCKET : READ_ONLY, reason }];
}
