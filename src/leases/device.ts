import type { Gpu, Host, MigDevice } from "../host/index.ts";
import type { LinkTable } from "./best-set.ts";
import { readTopology } from "./topology.ts";

/** One thing that can be leased: a whole GPU, or one MIG device. */
export interface Device {
  /** Stays what it is over boots and driver upgrades: "0000:1b:00.0", "0000:1b:00.0/3/0" (GPU instance, compute instance). */
  readonly key: string;
  /** The key of the GPU that it is, or is a part of. */
  readonly gpuKey: string;
  /** Its GPU's place in `LinkTable`. */
  readonly place: number;
  /** As people name it: "0", "0:1". */
  readonly name: string;
  /** As `NVIDIA_VISIBLE_DEVICES` names it; undefined: there is no sure name yet. */
  readonly visibleName: string | undefined;
  readonly uuid: string | undefined;
  readonly model: string;
  readonly computeCapability: string | undefined;
  readonly numaNode: number | undefined;
  /** Undefined: a whole GPU. "" is a MIG device whose profile is not known. */
  readonly migProfile: string | undefined;
  /** Why it cannot be given to anybody as it is; undefined: it can. */
  readonly obstacle: string | undefined;
}

/** The numbers of a MIG device. */
export type MigInstances = Pick<MigDevice, "gpuInstance" | "computeInstance">;

/** What of a machine can be leased, and how its GPUs are joined. */
export interface Pool {
  readonly devices: readonly Device[];
  readonly links: LinkTable;
  /** Whether the links of NVLink are among `links`. */
  readonly areNvlinksKnown: boolean;
}

/** A GPU in MIG mode gives its MIG devices; any other gives itself. */
export function listPool(host: Host): Pool {
  const topology = readTopology(host);
  const devices = host.gpus.flatMap((gpu) => {
    const numaNode = topology.numaNodes[gpu.index];
    return gpu.isMigEnabled ? migDevices(gpu, numaNode) : [wholeGpu(gpu, numaNode)];
  });
  return { devices, links: topology.links, areNvlinksKnown: topology.areNvlinksKnown };
}

function wholeGpu(gpu: Gpu, numaNode: number | undefined): Device {
  return {
    ...shared(gpu, numaNode),
    key: gpu.bus,
    name: `${gpu.index}`,
    visibleName: gpu.uuid ?? `${gpu.index}`,
    uuid: gpu.uuid,
    migProfile: undefined,
    obstacle: gpu.node === undefined ? "it has no device node: berth nodes" : undefined,
  };
}

/** MIG on and no device made: the GPU is one device that nobody can have. */
function migDevices(gpu: Gpu, numaNode: number | undefined): readonly Device[] {
  const whole = wholeGpu(gpu, numaNode);
  if (gpu.migDevices.length === 0) return [{ ...whole, obstacle: "MIG is on, and there is no MIG device" }];
  return gpu.migDevices.map((mig) => ({
    ...whole,
    key: migKey(gpu.bus, mig),
    name: `${gpu.index}:${mig.index ?? `${mig.gpuInstance}/${mig.computeInstance}`}`,
    visibleName: mig.uuid ?? migName(gpu, mig),
    uuid: mig.uuid,
    migProfile: mig.profile ?? "",
    obstacle: mig.nodes.length < 2 ? "it has no device nodes: berth nodes" : whole.obstacle,
  }));
}

function shared(gpu: Gpu, numaNode: number | undefined) {
  const { bus, model, computeCapability, index } = gpu;
  return { gpuKey: bus, place: index, model, computeCapability, numaNode };
}

/** The key of a MIG device of the GPU at `bus`. */
export function migKey(bus: string, { gpuInstance, computeInstance }: MigInstances): string {
  return `${bus}/${gpuInstance}/${computeInstance}`;
}

/** What a key says of a MIG device; undefined: it is a whole GPU's. */
export function instancesIn({ key, gpuKey }: Pick<Device, "key" | "gpuKey">): MigInstances | undefined {
  const [, gpuInstance, computeInstance] = /^\/(\d+)\/(\d+)$/.exec(key.slice(gpuKey.length)) ?? [];
  if (gpuInstance === undefined || computeInstance === undefined) return undefined;
  return { gpuInstance: Number(gpuInstance), computeInstance: Number(computeInstance) };
}

/** The older name, which needs no number of NVML's, where the GPU's UUID is known. */
function migName(gpu: Gpu, { index, gpuInstance, computeInstance }: MigDevice): string | undefined {
  if (index !== undefined) return `${gpu.index}:${index}`;
  return gpu.uuid === undefined ? undefined : `MIG-${gpu.uuid}/${gpuInstance}/${computeInstance}`;
}
