import type { Check } from "./check.ts";
import { apparmor } from "./checks/apparmor.ts";
import { cdiSpecs } from "./checks/cdi-specs.ts";
import { cgroups } from "./checks/cgroups.ts";
import { charLinks } from "./checks/char-links.ts";
import { config } from "./checks/config.ts";
import { container } from "./checks/container.ts";
import { containerdConfig } from "./checks/containerd-config.ts";
import { crioConfig } from "./checks/crio-config.ts";
import { cudaInit } from "./checks/cuda-init.ts";
import { deviceNodes } from "./checks/device-nodes.ts";
import { dockerConfig } from "./checks/docker-config.ts";
import { dockerKind } from "./checks/docker-kind.ts";
import { driverLibraries } from "./checks/driver-libraries.ts";
import { driverModule } from "./checks/driver-module.ts";
import { driverVersion } from "./checks/driver-version.ts";
import { gpuHealth } from "./checks/gpu-health.ts";
import { imex } from "./checks/imex.ts";
import { loaderCache } from "./checks/loader-cache.ts";
import { lowLevelRuntime } from "./checks/low-level-runtime.ts";
import { mig } from "./checks/mig.ts";
import { pciDevice } from "./checks/pci-device.ts";
import { persistence } from "./checks/persistence.ts";
import { podmanConfig } from "./checks/podman-config.ts";
import { selinux } from "./checks/selinux.ts";
import { swarm } from "./checks/swarm.ts";
import { userNamespaces } from "./checks/user-namespaces.ts";

/** Every check, along the chain: what a check needs stands before it. */
export const CHECKS: readonly Check[] = [
  config,
  lowLevelRuntime,
  pciDevice,
  driverModule,
  driverVersion,
  driverLibraries,
  loaderCache,
  deviceNodes,
  charLinks,
  persistence,
  mig,
  imex,
  gpuHealth,
  cudaInit,
  cdiSpecs,
  dockerKind,
  dockerConfig,
  swarm,
  containerdConfig,
  crioConfig,
  podmanConfig,
  cgroups,
  userNamespaces,
  selinux,
  apparmor,
  container,
];
