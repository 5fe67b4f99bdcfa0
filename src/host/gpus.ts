import { parseStrictInteger } from "../base/index.ts";
import { present, readDrmNode, readGpuNode } from "./device-nodes.ts";
import { comparePciAddresses, normalizePciAddress, parseGpuUuid } from "./gpu-names.ts";
import type { Gpu } from "./host.ts";
import { readMigDevices } from "./mig.ts";
import { listRoot, readRootText, type Scene } from "./scene.ts";

const GPUS = "/proc/driver/nvidia/gpus";
const MAX_GPU_MINOR = 253;

interface GpuFacts {
  readonly bus: string;
  readonly minor: number;
  readonly uuid: string | undefined;
  readonly model: string;
}

/**
 * The GPUs of /proc/driver/nvidia/gpus, without those the driver excludes. The index is the order of PCI addresses, as
 * NVML's. `knownUuids` (PCI address → UUID) fills in what an uninitialised GPU does not say.
 */
export function readGpus(scene: Scene, knownUuids: ReadonlyMap<string, string>): readonly Gpu[] {
  const facts = present(listRoot(scene, GPUS).map((folder) => readFacts(scene, folder)));
  const sorted = facts.toSorted((a, b) => comparePciAddresses(a.bus, b.bus));
  const mig = readMigDevices(
    scene,
    sorted.map((gpu) => gpu.minor),
  );
  return sorted.map((gpu, index) => ({
    index,
    minor: gpu.minor,
    uuid: gpu.uuid ?? knownUuids.get(gpu.bus),
    bus: gpu.bus,
    model: gpu.model,
    computeCapability: undefined,
    brand: "unknown",
    node: readGpuNode(scene, gpu.minor),
    drmNodes: readDrmNodes(scene, gpu.bus),
    drmLinks: [],
    isMigEnabled: mig.has(gpu.minor),
    migDevices: mig.get(gpu.minor) ?? [],
  }));
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

function readDrmNodes(scene: Scene, bus: string): Gpu["drmNodes"] {
  const names = listRoot(scene, `/sys/bus/pci/devices/${bus}/drm`).filter((name) => /^(?:card|renderD)\d+$/.test(name));
  return present(names.toSorted().map((name) => readDrmNode(scene, name)));
}
