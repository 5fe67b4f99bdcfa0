import { parseStrictInteger } from "../base/index.ts";
import { present, readCapabilityNode } from "./device-nodes.ts";
import type { DeviceNode, MigDevice } from "./host.ts";
import type { LearntMigDevice } from "./learnt.ts";
import { listRoot, readRootText, type Scene } from "./scene.ts";

const MINORS = "/proc/driver/nvidia-caps/mig-minors";
const MINORS_BYTES = 2 * 1024 * 1024;
const MAX_MINOR = 0xf_ffff;
const MAX_INSTANCE = 255;

/** One folder giN with its ciM, in order of number. */
export interface GpuInstance {
  readonly id: number;
  readonly computeInstances: readonly number[];
}

/**
 * The MIG devices of the GPUs with these minors, by minor, in order of GPU instance and compute instance. A GPU without
 * GPU instances is not in the map: the driver's files do not say that MIG is on where nothing was made yet.
 */
export function readMigDevices(scene: Scene, gpuMinors: readonly number[]): ReadonlyMap<number, readonly MigDevice[]> {
  const layouts = gpuMinors.map((minor) => ({ minor, instances: listGpuInstances(scene, minor) }));
  const enabled = layouts.filter(({ instances }) => instances.length > 0);
  if (enabled.length === 0) return new Map();
  const nodeMinors = parseMigMinors(readRootText(scene, MINORS, MINORS_BYTES) ?? "");
  return new Map(enabled.map(({ minor, instances }) => [minor, spreadOut(scene, { minor, instances, nodeMinors })]));
}

/** The folder in which the driver shows the MIG parts of a GPU. */
export function migFolder(gpuMinor: number): string {
  return `/proc/driver/nvidia/capabilities/gpu${gpuMinor}/mig`;
}

/**
 * The MIG devices of one GPU with what was learnt of them, which counts only for the very layout it was learnt of. The only
 * device of a GPU is number 0 without learning.
 */
export function nameMigDevices(
  devices: readonly MigDevice[],
  learnt: readonly LearntMigDevice[] = [],
): readonly MigDevice[] {
  const isKnown = isLayout(learnt, devices);
  return devices.map((device) => {
    const known = isKnown ? learnt.find((one) => isSamePart(one, device)) : undefined;
    const index = known?.index ?? (devices.length === 1 ? 0 : undefined);
    return { ...device, uuid: known?.uuid, index, profile: known?.profile };
  });
}

type MigPart = Pick<MigDevice, "gpuInstance" | "computeInstance">;

/** Whether two lists name the same parts of a GPU, in whatever order. */
export function isLayout(one: readonly MigPart[], other: readonly MigPart[]): boolean {
  return one.length === other.length && one.every((part) => other.some((device) => isSamePart(part, device)));
}

function isSamePart(one: MigPart, other: MigPart): boolean {
  return one.gpuInstance === other.gpuInstance && one.computeInstance === other.computeInstance;
}

/** Lines such as `gpu0/gi1/ci0/access 12` of /proc/driver/nvidia-caps/mig-minors: name → minor. */
export function parseMigMinors(text: string): ReadonlyMap<string, number> {
  const minors = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name = "", number = ""] = line.split(" ");
    const minor = parseStrictInteger(number, MAX_MINOR);
    if (minor !== undefined) minors.set(name, minor);
  }
  return minors;
}

/** The GPU instances of a GPU, in order of number. */
export function listGpuInstances(scene: Scene, gpuMinor: number): readonly GpuInstance[] {
  const folder = migFolder(gpuMinor);
  return listNumbered(scene, folder, "gi").map((id) => ({
    id,
    computeInstances: listNumbered(scene, `${folder}/gi${id}`, "ci"),
  }));
}

function listNumbered(scene: Scene, folder: string, prefix: string): readonly number[] {
  const names = listRoot(scene, folder).filter((name) => name.startsWith(prefix));
  return present(names.map((name) => parseStrictInteger(name.slice(prefix.length), MAX_INSTANCE))).toSorted(
    (a, b) => a - b,
  );
}

interface GpuLayout {
  readonly minor: number;
  readonly instances: readonly GpuInstance[];
  readonly nodeMinors: ReadonlyMap<string, number>;
}

function spreadOut(scene: Scene, layout: GpuLayout): readonly MigDevice[] {
  return layout.instances.flatMap((instance) => {
    const gpuInstanceNode = readAccessNode(scene, layout, `gi${instance.id}`);
    return instance.computeInstances.map((computeInstance) => ({
      gpuInstance: instance.id,
      computeInstance,
      uuid: undefined,
      index: undefined,
      profile: undefined,
      nodes: present([gpuInstanceNode, readAccessNode(scene, layout, `gi${instance.id}/ci${computeInstance}`)]),
    }));
  });
}

function readAccessNode(scene: Scene, layout: GpuLayout, part: string): DeviceNode | undefined {
  const name = `gpu${layout.minor}/${part}/access`;
  const minor = layout.nodeMinors.get(name);
  if (minor !== undefined) return readCapabilityNode(scene, minor);
  scene.warn(`"${MINORS}" does not name "${name}"`);
  return undefined;
}
