import { resolve } from "node:path";
import { parseCharMajors, readText } from "../linux/index.ts";
import { listIfThere, lstatIfThere, onMachine, resolveInRoot } from "./tree.ts";

const PROC_DEVICES_BYTES = 64 * 1024;
const PROC_FILE_BYTES = 64 * 1024;

/** Present in the root folder of a simulated host. Only there may plain files stand in for devices and sockets. */
export const SIMULATION_MARK = ".berth-sim";

/** Where the administrator's mount specification is, unless the configuration says otherwise. */
const CSV_FOLDER = "/etc/nvidia-container-runtime/host-files-for-container.d";

export interface SceneOptions {
  /** Where the driver's files are, as a path inside the root; "" and "/" mean the root itself. */
  readonly driverRoot?: string;
  /** "csv": a GPU that CSV files describe, whatever the machine looks like. "auto": what it looks like. */
  readonly platform?: "auto" | "csv";
  /** The folder of those CSV files, as a path inside the root. */
  readonly csvFolder?: string;
  /** The CSV files themselves, in place of those in the folder. */
  readonly csvFiles?: readonly string[];
  /** Patterns of links that CSV files list and nobody is to get. */
  readonly csvIgnored?: readonly string[];
  /** Folders with libraries of the driver, below its root, before the usual ones. */
  readonly libraryFolders?: readonly string[];
  /** Folders as /etc and /usr/share are, below the driver's root, with its configuration files, before the usual ones. */
  readonly configFolders?: readonly string[];
}

/** What all parts of one description share. */
export interface Scene {
  /** The host's root, absolute, without a slash at its end. */
  readonly root: string;
  /** The driver's root on this machine; `root` itself unless the driver lives in a container of its own. */
  readonly driverRoot: string;
  readonly isSimulated: boolean;
  /** The text of the root's /proc/devices. */
  readonly devices: string;
  /** The major of a driver's character devices, by its name in there. */
  readonly majorOf: (driver: string) => number | undefined;
  readonly platform: "auto" | "csv";
  readonly csvFolder: string;
  readonly options: SceneOptions;
  readonly warn: (message: string) => void;
}

/** Sets the scene: reads /proc/devices and follows the driver root's links. */
export function openScene(root: string, options: SceneOptions, warn: (message: string) => void): Scene {
  const folder = resolve(root);
  const { driverRoot = "", platform = "auto", csvFolder = "" } = options;
  const inside = resolve("/", driverRoot);
  const devices = readText(onMachine(folder, "/proc/devices"), PROC_DEVICES_BYTES) ?? "";
  // Not before it is asked for: a start that finds its cache fresh never is.
  let majors: ReadonlyMap<string, number> | undefined;
  return {
    root: folder,
    driverRoot: onMachine(folder, resolveInRoot(folder, inside) ?? inside),
    isSimulated: isSimulated(folder),
    devices,
    majorOf: (driver) => (majors ??= parseCharMajors(devices)).get(driver),
    platform,
    csvFolder: csvFolder === "" ? CSV_FOLDER : resolve("/", csvFolder),
    options,
    warn,
  };
}

/** Whether plain files may stand in for devices under this root; never under "/". */
export function isSimulated(root: string): boolean {
  return root !== "/" && lstatIfThere(onMachine(root, `/${SIMULATION_MARK}`)) !== undefined;
}

/** A small text file of the root, or undefined when it does not exist. Links stay inside the root. */
export function readRootText(scene: Scene, path: string, maxBytes = PROC_FILE_BYTES): string | undefined {
  const hostPath = locate(scene, path);
  return hostPath === undefined ? undefined : readText(hostPath, maxBytes);
}

/** The names in a folder of the root, unordered; none when it does not exist. Links stay inside the root. */
export function listRoot(scene: Scene, path: string): readonly string[] {
  const hostPath = locate(scene, path);
  return hostPath === undefined ? [] : (listIfThere(hostPath) ?? []);
}

/** Under "/" the kernel follows links by itself. */
function locate(scene: Scene, path: string): string | undefined {
  if (scene.root === "/") return path;
  const real = resolveInRoot(scene.root, path);
  return real === undefined ? undefined : onMachine(scene.root, real);
}
