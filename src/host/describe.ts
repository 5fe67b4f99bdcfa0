import { BerthError, errnoCode, messageOf } from "../base/index.ts";
import { supportedCuda } from "./cuda-versions.ts";
import { readCsvUnit } from "./csv-unit.ts";
import { readControlNodes } from "./device-nodes.ts";
import { readDriverVersion } from "./driver-version.ts";
import { readFeatures } from "./features.ts";
import { readFiles } from "./files.ts";
import { readGpus } from "./gpus.ts";
import type { Absence, GpuUnit, Host } from "./host.ts";
import { readImexChannels } from "./imex.ts";
import { readLearnt } from "./learnt-file.ts";
import { learntCuda, type Learnt } from "./learnt.ts";
import { readLibraries } from "./libraries.ts";
import { readLinks } from "./links.ts";
import { readMigControl } from "./mig-control.ts";
import { findPlatform } from "./platform.ts";
import { openScene, type Scene, type SceneOptions } from "./scene.ts";
import { onMachine } from "./tree.ts";
import { readWslUnit, WSL_STORES } from "./wsl.ts";

export interface DescribeOptions extends SceneOptions {
  /** What was learnt from the driver; without it, what is kept under the root. */
  readonly learnt?: Learnt;
}

/**
 * What the machine under `root` has, from its files alone: nothing here opens a device or loads a driver library. Without
 * a loaded driver (WSL, Tegra: its files) everything is empty. Throws BERTH-D004 when a file that is there cannot be read or understood.
 */
export function describeHost(root: string, options: DescribeOptions = {}): Host {
  return namingTheRoot(root, () => {
    const warnings: string[] = [];
    return describeScene(
      openScene(root, options, (message) => warnings.push(message)),
      warnings,
      options.learnt,
    );
  });
}

/** The same for an opened scene; `warnings` is what the scene warns into. */
export function describeScene(scene: Scene, warnings: readonly string[], learnt = readLearnt(scene.root)): Host {
  const { root } = scene;
  const platform = findPlatform(scene);
  if (platform !== "driver") return describeUnit(scene, platform, warnings);
  const version = readDriverVersion(scene);
  if (version === undefined) return { ...nothing(root), absence: notLoaded(scene), warnings };
  const { libraries, missing, folders } = readLibraries(scene, version);
  const architecture = libraries.find((library) => library.architecture !== "i386")?.architecture ?? "x86-64";
  const files = readFiles(scene, version, architecture, folders);
  return {
    root,
    absence: undefined,
    driver: { version, cuda: learntCuda(learnt, version) ?? supportedCuda(version), libraryFolders: folders },
    gpus: readGpus(scene, learnt),
    unit: undefined,
    controlNodes: readControlNodes(scene),
    migControl: readMigControl(scene),
    imexChannels: readImexChannels(scene),
    features: readFeatures(scene),
    libraries,
    missing,
    files,
    links: readLinks(scene, libraries, files),
    warnings,
  };
}

/** WSL and Tegra: one thing with all that belongs to it. */
function describeUnit(scene: Scene, kind: GpuUnit["kind"], warnings: readonly string[]): Host {
  const found = kind === "wsl" ? readWslUnit(scene) : readCsvUnit(scene);
  const features = kind === "csv" && found !== undefined ? readFeatures(scene) : NO_FEATURES;
  const absence = found === undefined ? noUnit(scene, kind) : undefined;
  return { ...nothing(scene.root), ...found, absence, features, warnings };
}

function notLoaded({ root }: Scene): Absence {
  const why = `the NVIDIA driver is not loaded, there is no "${onMachine(root, "/proc/driver/nvidia/version")}"`;
  return { why, remedy: "modprobe nvidia (or install the NVIDIA driver)" };
}

function noUnit(scene: Scene, kind: GpuUnit["kind"]): Absence {
  if (kind === "wsl") {
    const why = `no folder of "${onMachine(scene.driverRoot, WSL_STORES)}" holds the driver of Windows`;
    return { why, remedy: "install NVIDIA's driver in Windows, then: wsl --shutdown" };
  }
  const why = `nothing that the CSV lists in "${onMachine(scene.root, scene.csvFolder)}" name is here`;
  const remedy = scene.platform === "csv" ? 'set mode = "auto" in config.toml, or install' : "install";
  return { why, remedy: `${remedy} the lists of L4T (package nvidia-l4t-init)` };
}

const NO_FEATURES: Host["features"] = {
  gds: { nodes: [], files: [] },
  gdrcopy: { nodes: [], files: [] },
  mofed: { nodes: [], files: [] },
  nvswitch: { nodes: [], files: [] },
};

function nothing(root: string): Omit<Host, "absence" | "warnings"> {
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
    const message = `Cannot describe the host at "${root}": ${messageOf(error)}`;
    const remedy = `run it as a user who can read everything under ${root}`;
    throw new BerthError({ code: "BERTH-D004", message, remedy }, { cause: error });
  }
}
