import { parseStrictInteger } from "../base/index.ts";
import { readBootId } from "../linux/index.ts";
import { brandOf } from "./brands.ts";
import { present, readDrmNode, readGpuNode } from "./device-nodes.ts";
import { readDrmLinks } from "./drm-links.ts";
import { comparePciAddresses, normalizePciAddress, parseGpuUuid } from "./gpu-names.ts";
import type { Gpu, MigDevice } from "./host.ts";
import { learntGpu, type Learnt, type LearntGpu } from "./learnt.ts";
import { nameMigDevices, readMigDevices } from "./mig.ts";
import { computeCapabilityOf } from "./pci-ids.ts";
import { listRoot, readRootText, type Scene } from "./scene.ts";

const GPUS = "/proc/driver/nvidia/gpus";
const PCI_DEVICES = "/sys/bus/pci/devices";
const MAX_GPU_MINOR = 253;

export interface GpuFacts {
  readonly bus: string;
  readonly minor: number;
  readonly uuid: string | undefined;
  readonly model: string;
}

/**
 * The GPUs of /proc/driver/nvidia/gpus, without those the driver excludes. The index is the order of PCI addresses, as
 * NVML's. What was learnt from the driver fills in what these files do not say.
 */
export function readGpus(scene: Scene, learnt: Learnt): readonly Gpu[] {
  const sorted = readGpuFacts(scene);
  const mig = readMigDevices(
    scene,
    sorted.map((gpu) => gpu.minor),
  );
  return sorted.map((gpu, index) => ({
    index,
    ...describeGpu(scene, { gpu, known: learntGpu(learnt, gpu), migDevices: mig.get(gpu.minor) }),
  }));
}

/** What the driver's own file says of each GPU that it does not exclude, in order of PCI addresses. */
export function readGpuFacts(scene: Scene): readonly GpuFacts[] {
  const facts = present(listRoot(scene, GPUS).map((folder) => readFacts(scene, folder)));
  return facts.toSorted((a, b) => comparePciAddresses(a.bus, b.bus));
}

interface Sources {
  readonly gpu: GpuFacts;
  readonly known: LearntGpu | undefined;
  readonly migDevices: readonly MigDevice[] | undefined;
}

function describeGpu(scene: Scene, { gpu, known, migDevices }: Sources): Omit<Gpu, "index"> {
  const { bus, minor, model } = gpu;
  const drmNodes = readDrmNodes(scene, bus);
  return {
    minor,
    uuid: gpu.uuid ?? known?.uuid,
    bus,
    model,
    computeCapability: known?.computeCapability ?? readComputeCapability(scene, bus),
    brand: known?.brand ?? brandOf(model),
    node: readGpuNode(scene, minor),
    drmNodes,
    drmLinks: readDrmLinks(scene, bus, drmNodes),
    isMigEnabled: migDevices !== undefined,
    migDevices: nameMigDevices(migDevices ?? [], known?.boot === readBootId() ? known?.migDevices : undefined),
  };
}

function readFacts(scene: Scene, folder: string): GpuFacts | undefined {
  const text = readRootText(scene, `${GPUS}/${folder}/information`);
  if (text === undefined) return undefined;
  const field = (name: string): string => new RegExp(`^${name}:[ \\t]*(.*?)\\s*$`, "m").exec(text)?.[1] ?? "";
  if (field("GPU Excluded") === "Yes") return undefined;
  const bus = normalizePciAddress(field("Bus Location")) ?? normalizePciAddress(folder);
  const minor = parseStrictInteger(field("Device Minor"), MAX_GPU_MINOR);
  if (bus === undefined || minor === undefined) {
    scene.warn(
      `"${GPUS}/${folder}/information" has no ${bus === undefined ? "Bus Location" : "Device Minor"}: left out`,
    );
    return undefined;
  }
  return { bus, minor, uuid: parseGpuUuid(field("GPU UUID")), model: field("Model") || "Unknown" };
}

/** The UUID that the driver says for the GPU at a PCI address now. */
export function readGpuUuid(scene: Scene, bus: string): string | undefined {
  return readFacts(scene, bus)?.uuid;
}

/** By the PCI device id, which sysfs writes as "0x2330". */
function readComputeCapability(scene: Scene, bus: string): string | undefined {
  const [, id = ""] = /^0x([0-9a-f]{4})\s*$/.exec(readRootText(scene, `${PCI_DEVICES}/${bus}/device`) ?? "") ?? [];
  return id === "" ? undefined : computeCapabilityOf(Number.parseInt(id, 16));
}

function readDrmNodes(scene: Scene, bus: string): Gpu["drmNodes"] {
  const names = listRoot(scene, `${PCI_DEVICES}/${bus}/drm`).filter((name) => /^(?:card|renderD)\d+$/.test(name));
  return present(names.toSorted().map((name) => readDrmNode(scene, name)));
}
