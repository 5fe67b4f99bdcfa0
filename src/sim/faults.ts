import type { FaultScene, SimFault } from "./fault.ts";
import { brokenApparmor } from "./faults/apparmor.ts";
import { brokenCdiSpecs } from "./faults/cdi-specs.ts";
import { brokenCgroups } from "./faults/cgroups.ts";
import { brokenCharLinks } from "./faults/char-links.ts";
import { brokenConfig } from "./faults/config.ts";
import { brokenDockerConfig } from "./faults/docker-config.ts";
import { brokenContainer } from "./faults/container.ts";
import { brokenContainerdConfig } from "./faults/containerd-config.ts";
import { brokenCrioConfig } from "./faults/crio-config.ts";
import { brokenPodmanConfig } from "./faults/podman-config.ts";
import { brokenCudaInit } from "./faults/cuda-init.ts";
import { brokenDeviceNodes } from "./faults/device-nodes.ts";
import { brokenDriverLibraries } from "./faults/driver-libraries.ts";
import { brokenDriverModule } from "./faults/driver-module.ts";
import { brokenDriverVersion } from "./faults/driver-version.ts";
import { brokenGpuHealth } from "./faults/gpu-health.ts";
import { brokenImex } from "./faults/imex.ts";
import { brokenLoaderCache } from "./faults/loader-cache.ts";
import { brokenLowLevelRuntime } from "./faults/low-level-runtime.ts";
import { brokenMig } from "./faults/mig.ts";
import { brokenPciDevice } from "./faults/pci-device.ts";
import { brokenPersistence } from "./faults/persistence.ts";
import { brokenSelinux } from "./faults/selinux.ts";
import { brokenSwarm } from "./faults/swarm.ts";
import { brokenUserNamespaces } from "./faults/user-namespaces.ts";
import type { TreeEntry } from "./tree.ts";

/** Every fault that a simulated host can have, one for each check of `berth doctor` that goes by files, in the doctor's order. */
export const FAULTS: readonly SimFault[] = [
  brokenConfig,
  brokenLowLevelRuntime,
  brokenPciDevice,
  brokenDriverModule,
  brokenDriverVersion,
  brokenDriverLibraries,
  brokenLoaderCache,
  brokenDeviceNodes,
  brokenCharLinks,
  brokenPersistence,
  brokenMig,
  brokenImex,
  brokenGpuHealth,
  brokenCudaInit,
  brokenCdiSpecs,
  brokenDockerConfig,
  brokenSwarm,
  brokenContainerdConfig,
  brokenCrioConfig,
  brokenPodmanConfig,
  brokenCgroups,
  brokenUserNamespaces,
  brokenSelinux,
  brokenApparmor,
  brokenContainer,
];

/** The tree of a machine with the fault that its profile names; without one it stays as it is. */
export function breakTree(tree: readonly TreeEntry[], scene: FaultScene): readonly TreeEntry[] {
  const fault = FAULTS.find(({ name }) => name === scene.profile.fault);
  return fault === undefined ? tree : fault.apply(tree, scene);
}
