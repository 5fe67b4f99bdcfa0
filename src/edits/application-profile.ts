import { gpusOf, type Grant } from "../grant/index.ts";
import type { FileEdit } from "./edits.ts";
import { whyNeeded } from "./needs.ts";

const PATH = "/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf";
/** The mask has a bit for each minor number. */
const MAX_MINOR = 63;

/** The driver's application profile for what draws, with the GPUs of the grant. */
export function applicationProfile(grant: Grant): FileEdit[] {
  const reason = whyNeeded(grant, ["graphics", "display"]);
  if (reason === undefined || !grant.extras.hasApplicationProfile) return [];
  return profileOf(
    gpusOf(grant).map(({ minor }) => minor),
    reason,
  );
}

/**
 * The profile that says which GPUs EGL and Vulkan may offer: a bit mask of minor numbers; none without a GPU. Rule and file: nvidia-container-toolkit 1.20
 * (update-application-profile); the mask is a literal in hexadecimal, which is no JSON and what the driver reads.
 */
export function profileOf(minors: readonly number[], reason: string): FileEdit[] {
  const known = new Set(minors.filter((minor) => minor <= MAX_MINOR));
  if (known.size === 0) return [];
  const mask = [...known].reduce((bits, minor) => bits | (1n << BigInt(minor)), 0n);
  const profile = `{"name":"_container_","settings":["EGLVisibleDGPUDevices",0x${mask.toString(16)}]}`;
  return [
    { path: PATH, content: `{"profiles":[${profile}],"rules":[{"pattern":[],"profile":"_container_"}]}\n`, reason },
  ];
}
