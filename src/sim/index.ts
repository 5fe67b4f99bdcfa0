/**
 * The simulated GPU host: a folder that looks like the root of a machine with GPUs, for the demo, the tests and anybody's
 * CI. Two of its files work inside a container: nvidia-smi and libnvidia-ml.so.1 report the GPUs whose device nodes may be
 * opened there. It imitates what the 570 drivers show and install; it does no GPU work.
 */
export { patchSoname } from "./patch.ts";
export { readMarker } from "./marker.ts";
export type { SimProfile } from "./profile.ts";
export { BROKEN_PROFILES, PROFILES } from "./profiles.ts";
export { simDown, simUp, simUpgrade, type SimHost } from "./simulate.ts";
