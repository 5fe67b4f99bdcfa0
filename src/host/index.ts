/**
 * Describe: what this machine has, as one plain value. Read from the files of a root (the driver's /proc and /sys entries,
 * device nodes, library folders), never through the driver, and kept in a cache that a start checks with a few stats. No
 * policy: it does not know who asks. Sources: the driver's procfs, libnvidia-container, nvidia-container-toolkit.
 */
export { loadHost, type LoadedHost, type LoadOptions } from "./cache.ts";
export { brandFamily, brandOfNumber, hasForwardCompatibility } from "./brands.ts";
export { smallestDriverFor, supportedCuda } from "./cuda-versions.ts";
export { describeHost, type DescribeOptions } from "./describe.ts";
export { normalizePciAddress } from "./gpu-names.ts";
export * from "./host.ts";
export { learn, type Lesson } from "./learn.ts";
export { hostOptions } from "./options.ts";
export { rememberFacts, type Remembered } from "./remember.ts";
export { isSimulated, type SceneOptions } from "./scene.ts";
export { findChangedNode } from "./verify.ts";
