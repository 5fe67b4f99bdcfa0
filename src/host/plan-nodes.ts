import { lstatSync, readlinkSync } from "node:fs";
import { resolve } from "node:path";
import { locateNode, nvidiaMajor, present, statNode } from "./device-nodes.ts";
import { readGpuFacts } from "./gpus.ts";
import { listGpuInstances, parseMigMinors } from "./mig.ts";
import { readCapabilityWish, readNodeWish, wantsImexChannel, type NodeAccess, type NodeWish } from "./node-wishes.ts";
import { countPciGpus } from "./pci-gpus.ts";
import { findPlatform } from "./platform.ts";
import { listRoot, openScene, readRootText, type Scene } from "./scene.ts";
import { onMachine } from "./tree.ts";

const MINORS = "/proc/driver/nvidia-caps/mig-minors";
const MINORS_BYTES = 2 * 1024 * 1024;
const MIG_CONTROL: ReadonlySet<string> = new Set(["config", "monitor"]);
const CONTROL_MINOR = 255;
const MODESET_MINOR = 254;

export interface NodeOptions {
  /** Below which folder of the root /dev is; "" and "/": the root itself. A driver in a container has its nodes there, too. */
  readonly devRoot?: string;
}

/** The device nodes that the loaded driver should have. */
export interface NodePlan {
  /** Those of GPUs, of control, of MIG, each once. Empty where the driver is not loaded, and on WSL and Tegra. */
  readonly nodes: readonly PlannedNode[];
  /** Modules without which nodes are missing that nobody can make, by the names that modprobe takes: "nvidia-uvm". */
  readonly missingModules: readonly ModuleName[];
  /** A sentence for each thing that could not be read. */
  readonly warnings: readonly string[];
}

export type ModuleName = "nvidia" | "nvidia-uvm" | "nvidia-modeset";

/** A character device that should be there. */
export interface PlannedNode extends NodeWish {
  /** "/dev/nvidia0" */
  readonly path: string;
  /** On this machine. */
  readonly hostPath: string;
  readonly major: number;
  readonly minor: number;
  readonly state: NodeState;
}

export type NodeState =
  | { readonly kind: "there" }
  | { readonly kind: "missing" }
  /** The right device under other permission bits or another owner than the driver wants. */
  | ({ readonly kind: "wrong-access" } & NodeAccess)
  /** Something else: `by` says what, "the device 195:3". */
  | { readonly kind: "occupied"; readonly by: string };

interface Wanted extends NodeWish {
  readonly path: string;
  readonly major: number;
  readonly minor: number;
}

/**
 * Which device nodes the driver of the machine under `root` should have, and what is at their places, from its files
 * alone. Throws BERTH-D004 as `describeHost` does. Rules: nvidia-modprobe, and what each driver's own files say of
 * minor, mode and owner.
 */
export function planDeviceNodes(root: string, options: NodeOptions = {}): NodePlan {
  const warnings: string[] = [];
  const scene = openScene(root, {}, (message) => warnings.push(message));
  if (findPlatform(scene) !== "driver") return { nodes: [], missingModules: [], warnings };
  const missingModules = listMissingModules(scene);
  const nodes = isLoaded(scene) ? wantedNodes(scene).map((node) => lookAt(scene, options, node)) : [];
  return { nodes, missingModules, warnings };
}

/** As `planDeviceNodes`, of the control nodes alone; nvidia-modeset is among them whether its module is loaded or not. */
export function planControlNodes(root: string, options: NodeOptions = {}): NodePlan {
  const warnings: string[] = [];
  const scene = openScene(root, {}, (message) => warnings.push(message));
  const wish = readNodeWish(scene);
  if (!isLoaded(scene)) return { nodes: [], missingModules: ["nvidia", "nvidia-uvm"], warnings };
  const wanted = [controlNode(scene, wish), modesetNode(scene, wish), ...uvmNodes(scene, wish)];
  return {
    nodes: wanted.map((node) => lookAt(scene, options, node)),
    missingModules: listMissingModules(scene),
    warnings,
  };
}

function isLoaded({ majorOf }: Scene): boolean {
  return (majorOf("nvidia") ?? majorOf("nvidia-frontend")) !== undefined;
}

function listMissingModules(scene: Scene): readonly ModuleName[] {
  if (!isLoaded(scene)) return countPciGpus(scene) > 0 ? ["nvidia", "nvidia-uvm"] : [];
  return scene.majorOf("nvidia-uvm") === undefined ? ["nvidia-uvm"] : [];
}

function wantedNodes(scene: Scene): readonly Wanted[] {
  const wish = readNodeWish(scene);
  const minors = readGpuFacts(scene).map(({ minor }) => minor);
  return [
    controlNode(scene, wish),
    ...minors.map((minor) => ({ path: `/dev/nvidia${minor}`, major: nvidiaMajor(scene), minor, ...wish })),
    ...(hasModeset(scene) ? [modesetNode(scene, wish)] : []),
    ...uvmNodes(scene, wish),
    ...capabilityNodes(scene, minors),
    ...imexNodes(scene, wish),
  ];
}

function controlNode(scene: Scene, wish: NodeWish): Wanted {
  return { path: "/dev/nvidiactl", major: nvidiaMajor(scene), minor: CONTROL_MINOR, ...wish };
}

function modesetNode(scene: Scene, wish: NodeWish): Wanted {
  return { path: "/dev/nvidia-modeset", major: nvidiaMajor(scene), minor: MODESET_MINOR, ...wish };
}

/** Drivers before 560 name all their nodes nvidia-frontend in /proc/devices. */
function hasModeset(scene: Scene): boolean {
  if (scene.majorOf("nvidia-modeset") !== undefined) return true;
  return ["nvidia_modeset", "nvidia_current_modeset"].some((name) => listRoot(scene, `/sys/module/${name}`).length > 0);
}

function uvmNodes({ majorOf }: Scene, wish: NodeWish): readonly Wanted[] {
  const major = majorOf("nvidia-uvm");
  if (major === undefined) return [];
  return [
    { path: "/dev/nvidia-uvm", major, minor: 0, ...wish },
    { path: "/dev/nvidia-uvm-tools", major, minor: 1, ...wish },
  ];
}

/** Of MIG as a whole, and of each instance that exists. */
function capabilityNodes(scene: Scene, gpuMinors: readonly number[]): readonly Wanted[] {
  const major = scene.majorOf("nvidia-caps");
  if (major === undefined) return [];
  const minors = parseMigMinors(readRootText(scene, MINORS, MINORS_BYTES) ?? "");
  const names = listRoot(scene, "/proc/driver/nvidia/capabilities/mig")
    .filter((name) => MIG_CONTROL.has(name))
    .toSorted();
  const wanted = [...names, ...gpuMinors.flatMap((minor) => instanceNames(scene, minor))].map((name) => {
    const { minor = minors.get(name), ...wish } = readCapabilityWish(scene, capabilityFile(name));
    if (minor === undefined) scene.warn(`"${MINORS}" does not name "${name}"`);
    return minor === undefined ? undefined : { path: `/dev/nvidia-caps/nvidia-cap${minor}`, major, minor, ...wish };
  });
  return present(wanted);
}

/** The names in mig-minors: "gpu0/gi1/access", "gpu0/gi1/ci0/access". */
function instanceNames(scene: Scene, gpuMinor: number): readonly string[] {
  return listGpuInstances(scene, gpuMinor).flatMap(({ id, computeInstances }) => {
    const instance = `gpu${gpuMinor}/gi${id}`;
    return [
      `${instance}/access`,
      ...computeInstances.map((computeInstance) => `${instance}/ci${computeInstance}/access`),
    ];
  });
}

/** The same name in /proc/driver/nvidia/capabilities. */
function capabilityFile(name: string): string {
  return name.includes("/") ? name.replace("/", "/mig/") : `mig/${name}`;
}

function imexNodes(scene: Scene, wish: NodeWish): readonly Wanted[] {
  const major = scene.majorOf("nvidia-caps-imex-channels");
  if (major === undefined || !wantsImexChannel(scene)) return [];
  return [{ path: "/dev/nvidia-caps-imex-channels/channel0", major, minor: 0, ...wish }];
}

function lookAt(scene: Scene, { devRoot = "" }: NodeOptions, wanted: Wanted): PlannedNode {
  const hostPath = locateNode({ root: onMachine(scene.root, resolve("/", devRoot)) }, wanted.path);
  return { ...wanted, hostPath, state: stateOf(wanted, hostPath, scene.isSimulated) };
}

function stateOf(wanted: Wanted, hostPath: string, isSimulated: boolean): NodeState {
  const found = statNode(hostPath, isSimulated);
  if (found === "missing") return { kind: "missing" };
  if (found === "other") return { kind: "occupied", by: sayWhat(hostPath) };
  const { major, minor, mode, uid, gid } = found;
  if (major !== wanted.major || minor !== wanted.minor) return { kind: "occupied", by: `the device ${major}:${minor}` };
  const isRight = mode === wanted.mode && uid === wanted.uid && gid === wanted.gid;
  return isRight ? { kind: "there" } : { kind: "wrong-access", mode, uid, gid };
}

function sayWhat(hostPath: string): string {
  const stat = lstatSync(hostPath);
  if (stat.isSymbolicLink()) return `a link to "${readlinkSync(hostPath)}"`;
  if (stat.isDirectory()) return "a folder";
  return stat.isFile() ? "a regular file" : "something else than a character device";
}
