import { capabilityMinors, FABRIC_IMEX_MINOR, MIG_CONFIG_MINOR, MIG_MONITOR_MINOR } from "./mig.ts";
import type { SimGpu, SimGpuDirect, SimImex, SimModule, SimProfile, SimWorkstation } from "./profile.ts";
import { deviceNode as node, type TreeEntry } from "./tree.ts";

const NVIDIA_MAJOR = 195;
const DRM_MAJOR = 226;
const CONTROL_MINOR = 255;
const MODESET_MINOR = 254;

const MISC_MAJOR = 10;
const VERBS_MAJOR = 231;
/** IB_UVERBS_BASE_MINOR of the kernel. */
const FIRST_VERBS_MINOR = 192;
const RDMA_CM_MINOR = 122;
/** nvidia-fs.ko makes as many, whatever there is to store to. */
const STORAGE_NODES = 16;

/** The nodes below /dev, with the modes that the driver and udev give them. */
export function deviceNodes(profile: SimProfile): readonly TreeEntry[] {
  const { driver, gpus, imex, gpuDirect, workstation } = profile;
  const console = gpus.some((gpu) => gpu.drm.card === 0) ? [] : [cardNode(0, workstation)];
  if (driver?.module === undefined) return console;
  return [
    ...console,
    node("/dev/nvidiactl", NVIDIA_MAJOR, CONTROL_MINOR),
    node("/dev/nvidia-modeset", NVIDIA_MAJOR, MODESET_MINOR),
    node("/dev/nvidia-uvm", driver.module.uvmMajor, 0),
    node("/dev/nvidia-uvm-tools", driver.module.uvmMajor, 1),
    ...gpus.flatMap((gpu) => gpuNodes(gpu, workstation)),
    ...(gpus.some((gpu) => gpu.isMigCapable) ? capabilityNodes(driver.module, gpus) : []),
    ...(imex === undefined ? [] : imexNodes(imex, driver.module)),
    ...(gpuDirect === undefined ? [] : gpuDirectNodes(gpuDirect)),
  ];
}

function gpuNodes(gpu: SimGpu, workstation: SimWorkstation | undefined): readonly TreeEntry[] {
  const { card, render } = gpu.drm;
  const byPath = `/dev/dri/by-path/pci-${gpu.bus}`;
  return [
    node(`/dev/nvidia${gpu.minor}`, NVIDIA_MAJOR, gpu.minor),
    cardNode(card, workstation),
    node(`/dev/dri/renderD${render}`, DRM_MAJOR, render, groupAccess(workstation?.renderGroup)),
    { kind: "link", path: `${byPath}-card`, target: `../card${card}` },
    { kind: "link", path: `${byPath}-render`, target: `../renderD${render}` },
  ];
}

function cardNode(card: number, workstation: SimWorkstation | undefined): TreeEntry {
  return node(`/dev/dri/card${card}`, DRM_MAJOR, card, groupAccess(workstation?.cardGroup));
}

function groupAccess(group: number | undefined) {
  return group === undefined ? {} : { mode: 0o660, group };
}

function imexNodes({ major, channels }: SimImex, module: SimModule): readonly TreeEntry[] {
  return [
    node(`/dev/nvidia-caps/nvidia-cap${FABRIC_IMEX_MINOR}`, module.capsMajor, FABRIC_IMEX_MINOR, { mode: 0o400 }),
    ...channels.map((channel) => node(`/dev/nvidia-caps-imex-channels/channel${channel}`, major, channel)),
  ];
}

function gpuDirectNodes(gpuDirect: SimGpuDirect): readonly TreeEntry[] {
  const { switches, networkCards } = gpuDirect;
  return [
    ...numbers(STORAGE_NODES).map((minor) => node(`/dev/nvidia-fs${minor}`, gpuDirect.storageMajor, minor)),
    node("/dev/gdrdrv", gpuDirect.gdrcopyMajor, 0),
    node("/dev/infiniband/rdma_cm", MISC_MAJOR, RDMA_CM_MINOR),
    ...numbers(networkCards).map((n) => node(`/dev/infiniband/uverbs${n}`, VERBS_MAJOR, FIRST_VERBS_MINOR + n)),
    node("/dev/nvidia-nvswitchctl", gpuDirect.switchMajor, CONTROL_MINOR),
    ...switches.map((_, minor) => node(`/dev/nvidia-nvswitch${minor}`, gpuDirect.switchMajor, minor)),
  ];
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, number) => number);
}

function capabilityNodes({ capsMajor }: SimModule, gpus: readonly SimGpu[]): readonly TreeEntry[] {
  const instances = gpus.flatMap((gpu) =>
    (gpu.mig ?? []).flatMap((device) => {
      const minors = capabilityMinors(gpu, device);
      return [minors.gpuInstance, minors.computeInstance];
    }),
  );
  const cap = (minor: number, mode: number) => {
    return node(`/dev/nvidia-caps/nvidia-cap${minor}`, capsMajor, minor, { mode });
  };
  return [cap(MIG_CONFIG_MINOR, 0o400), cap(MIG_MONITOR_MINOR, 0o444), ...instances.map((minor) => cap(minor, 0o444))];
}
