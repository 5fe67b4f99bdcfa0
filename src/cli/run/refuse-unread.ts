import { BerthError } from "../../base/index.ts";
import type { Config } from "../../config/index.ts";
import type { RunOption } from "./read-run-options.ts";

/** A container whose variable the administrator has not read would start without a GPU, and a lease be held for nothing. Throws BERTH-A046. */
export function refuseUnread(options: readonly RunOption[], config: Pick<Config, "acceptEnvWhenUnprivileged">): void {
  if (config.acceptEnvWhenUnprivileged || options.some(isPrivileging)) return;
  throw new BerthError({
    code: "BERTH-A046",
    message:
      "Cannot give the container GPUs: config.toml lets only privileged ones ask for them (accept-nvidia-visible-devices-envvar-when-unprivileged)",
    remedy: "set that key to true, or start it with --privileged or --cap-add SYS_ADMIN behind --",
  });
}

function isPrivileging({ name, value }: RunOption): boolean {
  if (name === "--privileged") return value === undefined || value === "true";
  return name === "--cap-add" && /^(?:ALL|(?:CAP_)?SYS_ADMIN)$/i.test(value ?? "");
}
