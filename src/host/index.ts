/**
 * Describe: what this machine has, as one plain value. Read from the files of a root (the driver's /proc and /sys entries,
 * device nodes, library folders), never through the driver, and kept in a cache that a start checks with a few stats. No
 * policy: it does not know who asks. Beside that: which device nodes and links the driver should have, and making those. Sources: the driver's procfs, libnvidia-container,
 * nvidia-container-toolkit, nvidia-modprobe.
 */
export { loadHost, type LoadedHost, type LoadOptions } from "./cache.ts";
export { listLibraryFaults, listNodeFaults, type NodeFault } from "./faults.ts";
export { brandFamily, brandOfNumber, hasForwardCompatibility } from "./brands.ts";
export { knownDrivers, smallestDriverFor, supportedCuda } from "./cuda-versions.ts";
export { describeHost, type DescribeOptions } from "./describe.ts";
export { normalizePciAddress } from "./gpu-names.ts";
export * from "./host.ts";
export { loadModule, moduleCommand, moduleRoot } from "./load-modules.ts";
export { makeCharLinks, makeDeviceNodes, type Made } from "./make-nodes.ts";
export { listPossibleDevices } from "./possible-devices.ts";
export {
  linksTo,
  listNvidiaDevices,
  planCharLinks,
  type CharLink,
  type LinkState,
  type NumberedDevice,
} from "./plan-links.ts";
export { nodesRemedy } from "./nodes-remedy.ts";
export {
  planControlNodes,
  planDeviceNodes,
  type ModuleName,
  type NodeOptions,
  type NodePlan,
  type NodeState,
  type PlannedNode,
} from "./plan-nodes.ts";
export { askDriver, learn, ownCommand, type Lesson } from "./learn.ts";
export { listLostGpus, readGpuStates, unaskedStates, watchGpuStates } from "./gpu-states.ts";
export { listVersionedLibraries, type VersionedLibrary } from "./library-versions.ts";
export { readLoaderNames, type LoaderNames } from "./loader-names.ts";
export { hostOptions } from "./options.ts";
export { listPciGpus, type PciGpu } from "./pci-gpus.ts";
export { platformOf } from "./platform.ts";
export { rememberFacts, type Remembered } from "./remember.ts";
export { isSimulated, type SceneOptions } from "./scene.ts";
export { onMachine, resolveInRoot } from "./tree.ts";
export { findChangedNode } from "./verify.ts";
