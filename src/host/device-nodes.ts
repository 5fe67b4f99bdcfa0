import { parseStrictInteger } from "../base/index.ts";
import { readText, splitDeviceNumber } from "../linux/index.ts";
import type { DeviceNode } from "./host.ts";
import type { Scene } from "./scene.ts";
import { lstatIfThere, onMachine, resolveInRoot } from "./tree.ts";

/** Documentation/admin-guide/devices.txt of the kernel: 195 is NVIDIA's, 226 is DRM's. */
const NVIDIA_MAJOR = 195;
const DRM_MAJOR = 226;
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xf_ffff;
const STAND_IN_BYTES = 64;

/** A device that should be at a path. What is not known is not checked: no minor, no major that is a number. */
export interface ExpectedNode {
  readonly path: string;
  readonly majors?: readonly (number | undefined)[];
  readonly minor?: number;
}

/** Numbers, permission bits and owner. */
export type FoundNode = Omit<DeviceNode, "path" | "hostPath">;

/** nvidiactl, nvidia-uvm, nvidia-uvm-tools and nvidia-modeset: those that exist and are what their names say. */
export function readControlNodes(scene: Scene): readonly DeviceNode[] {
  const nvidia = [nvidiaMajor(scene)];
  const uvm = [scene.majorOf("nvidia-uvm")];
  const expected = [
    { path: "/dev/nvidiactl", majors: nvidia, minor: 255 },
    { path: "/dev/nvidia-uvm", majors: uvm, minor: 0 },
    { path: "/dev/nvidia-uvm-tools", majors: uvm, minor: 1 },
    { path: "/dev/nvidia-modeset", majors: nvidia, minor: 254 },
  ];
  return present(expected.map((node) => readNode(scene, node)));
}

/** /dev/nvidiaN of a GPU; a missing one is a warning. */
export function readGpuNode(scene: Scene, minor: number): DeviceNode | undefined {
  return readNeeded(scene, { path: `/dev/nvidia${minor}`, majors: [nvidiaMajor(scene)], minor });
}

/** /dev/nvidia-caps/nvidia-capN; a missing one is a warning. */
export function readCapabilityNode(scene: Scene, minor: number): DeviceNode | undefined {
  return readNeeded(scene, capabilityNode(scene, minor));
}

/** What /dev/nvidia-caps/nvidia-capN should be. */
export function capabilityNode(scene: Scene, minor: number): ExpectedNode {
  return { path: `/dev/nvidia-caps/nvidia-cap${minor}`, majors: [scene.majorOf("nvidia-caps")], minor };
}

/** /dev/dri/<name> of "card3" or "renderD131": the number in a DRM name is its minor. */
export function readDrmNode(scene: Scene, name: string): DeviceNode | undefined {
  const minor = parseStrictInteger(name.replace(/^\D+/, ""), MAX_MINOR);
  if (minor === undefined) return undefined;
  return readNode(scene, { path: `/dev/dri/${name}`, majors: [DRM_MAJOR], minor });
}

/** Whether the node on this machine still is the device that was described, with the same mode and owner. */
export function isUnchangedNode(node: DeviceNode, isSimulated: boolean): boolean {
  const found = statNode(node.hostPath, isSimulated);
  if (typeof found === "string" || found.major !== node.major || found.minor !== node.minor) return false;
  return found.mode === node.mode && found.uid === node.uid && found.gid === node.gid;
}

/** What kind of node lies at a path of this machine: for comparing two looks at it. */
export function nodeSignature(hostPath: string, isSimulated: boolean): string {
  const found = statNode(hostPath, isSimulated);
  if (typeof found === "string") return found;
  return [found.major, found.minor, found.mode, found.uid, found.gid].join(":");
}

/** The values that are there. */
export function present<T>(values: readonly (T | undefined)[]): readonly T[] {
  return values.filter((value) => value !== undefined);
}

/** The major of the driver's own nodes: under one name since driver 560, under another before. */
export function nvidiaMajor(scene: Pick<Scene, "majorOf">): number {
  return scene.majorOf("nvidia") ?? scene.majorOf("nvidia-frontend") ?? NVIDIA_MAJOR;
}

function readNeeded(scene: Scene, expected: ExpectedNode): DeviceNode | undefined {
  return readNode(scene, expected, (hostPath) => scene.warn(`"${hostPath}" does not exist`));
}

/** The node at a path; one that is something else than expected is a warning and left out. */
export function readNode(
  scene: Scene,
  expected: ExpectedNode,
  onMissing?: (hostPath: string) => void,
): DeviceNode | undefined {
  const hostPath = locateNode(scene, expected.path);
  const found = statNode(hostPath, scene.isSimulated);
  if (found === "missing") {
    onMissing?.(hostPath);
    return undefined;
  }
  if (found === "other") {
    scene.warn(`"${hostPath}" is not a character device`);
    return undefined;
  }
  const { path, minor = found.minor } = expected;
  const majors = present(expected.majors ?? []);
  if (found.minor !== minor || (majors.length > 0 && !majors.includes(found.major))) {
    const should = `${majors.length > 0 ? majors.join(" or ") : "any"}:${expected.minor ?? "any"}`;
    scene.warn(`"${hostPath}" is the device ${found.major}:${found.minor}, not ${should}`);
    return undefined;
  }
  return { path, hostPath, ...found };
}

/** Where a node is, or would be, on this machine. The folder's links are followed inside the root; the node itself must not be a link. */
export function locateNode(scene: Pick<Scene, "root">, path: string): string {
  const slash = path.lastIndexOf("/");
  const folder = scene.root === "/" ? undefined : resolveInRoot(scene.root, path.slice(0, slash));
  return onMachine(scene.root, folder === undefined ? path : folder + path.slice(slash));
}

/** The device at a path of this machine; "other": something that is none. */
export function statNode(hostPath: string, isSimulated: boolean): FoundNode | "missing" | "other" {
  const stat = lstatIfThere(hostPath);
  if (stat === undefined) return "missing";
  const mode = stat.mode & 0o777;
  if (stat.isCharacterDevice()) return { ...splitDeviceNumber(stat.rdev), mode, uid: stat.uid, gid: stat.gid };
  if (!isSimulated || !stat.isFile() || stat.size > STAND_IN_BYTES) return "other";
  return readStandIn(hostPath, mode);
}

/** A plain file that says `berth-sim-device c MAJOR MINOR`: a root made without the right to make devices. */
function readStandIn(hostPath: string, mode: number): FoundNode | "other" {
  const [, major = "", minor = ""] =
    /^berth-sim-device c (\d+) (\d+)\n$/.exec(readText(hostPath, STAND_IN_BYTES) ?? "") ?? [];
  const numbers = { major: parseStrictInteger(major, MAX_MAJOR), minor: parseStrictInteger(minor, MAX_MINOR) };
  if (numbers.major === undefined || numbers.minor === undefined) return "other";
  return { major: numbers.major, minor: numbers.minor, mode, uid: 0, gid: 0 };
}
