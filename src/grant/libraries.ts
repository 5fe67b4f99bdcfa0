import { BerthError } from "../base/index.ts";
import type { Capability, Host } from "../host/index.ts";
import type { Grant } from "./grant.ts";

/** The library without which a capability is nothing. */
const MAIN_LIBRARIES: readonly (readonly [Capability, string])[] = [
  ["compute", "libcuda.so.1"],
  ["utility", "libnvidia-ml.so.1"],
];

/**
 * Throws BERTH-D002 where a container would start without a library that it needs, and fail later in words that do not lead here: one that was lost, libcuda for
 * `compute`, or all of them. Gives back a warning where only NVML is not installed.
 */
export function checkLibraries({ capabilities, unit, driver }: Grant, host: Host): readonly string[] {
  if (unit !== undefined) return [];
  const has = (capability: Capability): boolean => capabilities.some(({ name }) => name === capability);
  const lost = host.missing.find((library) => library.capabilities.some(has));
  if (lost !== undefined) {
    throw refuse(
      `"${lost.hostPath}" no longer exists, and a link still leads to it`,
      "install the driver's libraries again",
    );
  }
  if (host.libraries.length === 0) {
    const why = `none of driver ${driver.version ?? "of unknown version"} was found under "${host.root}"`;
    throw refuse(why, "install the driver's libraries, or name its root in config.toml (nvidia-container-cli.root)");
  }
  const absent = MAIN_LIBRARIES.filter(([capability, soname]) => has(capability) && !isThere(soname, host));
  if (absent.some(([capability]) => capability === "compute")) {
    const why = `there is no libcuda.so.1 of driver ${driver.version ?? "of unknown version"}`;
    throw refuse(why, "install it (package libcuda1), or ask without it: NVIDIA_DRIVER_CAPABILITIES=utility");
  }
  return absent.map(([capability, soname]) => `capability ${capability}: this host has no ${soname}`);
}

function isThere(wanted: string, { libraries }: Host): boolean {
  return libraries.some(({ soname, architecture }) => soname === wanted && architecture !== "i386");
}

function refuse(why: string, remedy: string): BerthError {
  return new BerthError({
    code: "BERTH-D002",
    message: `Cannot give the container the driver's libraries: ${why}`,
    remedy,
  });
}
