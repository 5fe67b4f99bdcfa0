import { BerthError, errnoCode } from "../base/index.ts";
import { readControlNodes } from "./device-nodes.ts";
import { readFiles } from "./files.ts";
import { readGpus } from "./gpus.ts";
import type { Host } from "./host.ts";
import { readLibraries } from "./libraries.ts";
import { openScene, readRootText, type Scene } from "./scene.ts";
import { readKnownUuids } from "./uuids.ts";

export interface DescribeOptions {
  /** Where the driver's files are, as a path inside the root; "" and "/" mean the root itself. */
  readonly driverRoot?: string;
}

/**
 * What the machine under `root` has, from its files alone: nothing here opens a device or loads a driver library. Without
 * a loaded driver everything is empty. Throws BERTH-D004 when a file that is there cannot be read or understood.
 */
export function describeHost(root: string, options: DescribeOptions = {}): Host {
  return namingTheRoot(root, () => {
    const warnings: string[] = [];
    return describeScene(
      openScene(root, options.driverRoot ?? "", (message) => warnings.push(message)),
      warnings,
    );
  });
}

/** The same for an opened scene; `warnings` is what the scene warns into. */
export function describeScene(scene: Scene, warnings: readonly string[]): Host {
  const { root } = scene;
  const version = readDriverVersion(scene);
  if (version === undefined) {
    return { ...nothing(root), warnings };
  }
  const { libraries, missing, folders } = readLibraries(scene, version);
  const architecture = libraries.find((library) => library.architecture !== "i386")?.architecture ?? "x86-64";
  return {
    root,
    driver: { version, cuda: undefined, libraryFolders: folders },
    gpus: readGpus(scene, readKnownUuids(root)),
    unit: undefined,
    controlNodes: readControlNodes(scene),
    migControl: {},
    imexChannels: [],
    features: NO_FEATURES,
    libraries,
    missing,
    files: readFiles(scene, version, architecture),
    links: [],
    warnings,
  };
}

const NO_FEATURES: Host["features"] = {
  gds: { nodes: [], files: [] },
  gdrcopy: { nodes: [], files: [] },
  mofed: { nodes: [], files: [] },
  nvswitch: { nodes: [], files: [] },
};

function nothing(root: string): Omit<Host, "warnings"> {
  return {
    root,
    driver: undefined,
    gpus: [],
    unit: undefined,
    controlNodes: [],
    migControl: {},
    imexChannels: [],
    features: NO_FEATURES,
    libraries: [],
    missing: [],
    files: [],
    links: [],
  };
}

/** Runs `work`, turning a failed file call into BERTH-D004. */
export function namingTheRoot<T>(root: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (errnoCode(error) === undefined || error instanceof BerthError) throw error;
    const message = `Cannot describe the host at "${root}": ${error instanceof Error ? error.message : String(error)}`;
    const remedy = `run it as a user who can read everything under ${root}`;
    throw new BerthError({ code: "BERTH-D004", message, remedy }, { cause: error });
  }
}

/** The text of /proc/driver/nvidia/version, or undefined while the kernel module is not loaded. */
export function readVersionText(scene: Scene): string | undefined {
  return readRootText(scene, "/proc/driver/nvidia/version");
}

function readDriverVersion(scene: Scene): string | undefined {
  const text = readVersionText(scene);
  if (text === undefined) return undefined;
  const version = parseDriverVersion(text);
  if (version !== undefined) return version;
  const message = `Cannot describe the host at "${scene.root}": "/proc/driver/nvidia/version" names no driver version`;
  throw new BerthError({ code: "BERTH-D004", message, remedy: "look at it with: cat /proc/driver/nvidia/version" });
}

/**
 * "570.133.20" of the line `NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.133.20  Sun …`, or of the open kernel
 * module's `NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.133.20  Release Build …`.
 */
export function parseDriverVersion(text: string): string | undefined {
  const line = text.split("\n").find((one) => one.startsWith("NVRM version:"));
  return /\s(\d{1,5}\.\d{1,5}(?:\.\d{1,5})?)(?:\s|$)/.exec(line ?? "")?.[1];
}
