import { statSync } from "node:fs";
import { posix } from "node:path";
import { errnoCode } from "../base/index.ts";
import { readBootId } from "../linux/index.ts";
import { LIBRARY_FOLDERS } from "./capability-table.ts";
import { csvFiles } from "./csv-files.ts";
import { nodeSignature } from "./device-nodes.ts";
import { readVersionText } from "./driver-version.ts";
import { BINARY_FOLDERS, FILE_RULES } from "./file-table.ts";
import type { Host } from "./host.ts";
import { learntStore } from "./learnt-file.ts";
import { mpsSignature } from "./mps-folder.ts";
import { findPlatform } from "./platform.ts";
import { listRoot, type Scene } from "./scene.ts";
import { listIfThere, lstatIfThere, onMachine, resolveInRoot } from "./tree.ts";
import { WSL_STORES } from "./wsl.ts";

/** What a cached description depends on, and what is said when it has changed. The order is that of the check. */
const PARTS = {
  berth: "another version of berth wrote it",
  place: "it describes another root",
  boot: "the machine was booted since",
  driver: "the driver is another one, or was loaded again",
  gpus: "the list of GPUs has changed",
  mig: "the MIG layout has changed",
  nodes: "the device nodes have changed",
  loader: "the loader's cache has changed",
  folders: "a folder with driver files has changed",
  sockets: "a socket of the driver's services has come or gone",
  features: "what GPUDirect Storage, GDRCopy or OFED needs has come or gone",
  platform: "the files by which a WSL or Tegra machine is known have changed",
  uuids: "the store of facts learnt from the driver has changed",
} as const;

type Part = keyof typeof PARTS;
export type Fingerprint = Readonly<Record<Part, string>>;

const PART_NAMES: readonly Part[] = [
  "berth", "place", "boot", "driver", "gpus", "mig", "nodes", "loader", "folders", "sockets", "features", "platform",
  "uuids",
]; // prettier-ignore

/** Tegra's mark, and where Windows shares its driver. The mark in sysfs cannot change while the machine runs. */
const PLATFORM_PATHS = ["/etc/nv_tegra_release", "/usr/lib/wsl/lib", WSL_STORES];
const FIRMWARE_FOLDERS = ["/lib/firmware/nvidia", "/lib/firmware/updates/nvidia"];

/** Reads what a description depends on: some 80 stats and small reads, no library. `version` is berth's own. */
export function takeFingerprint(scene: Scene, version: string): Fingerprint {
  const { root, driverRoot } = scene;
  const majors = scene.devices.split("\n").filter((line) => line.includes("nvidia"));
  return {
    berth: version,
    place: [root, driverRoot, scene.platform, scene.csvFolder].join(" "),
    boot: readBootId(),
    // A module that was loaded again gets a new inode in sysfs: minors may have changed where all the rest is equal.
    driver: [readVersionText(scene), inode(onMachine(root, "/sys/module/nvidia")), ...majors].join(" "),
    gpus: listRoot(scene, "/proc/driver/nvidia/gpus").toSorted().join(" "),
    mig: readMigLayout(scene),
    nodes: readNodes(scene),
    loader: signature(onMachine(driverRoot, "/etc/ld.so.cache")),
    folders: fixedFolders(scene).map(signature).join(" "),
    sockets: `${socketPaths(scene).map(presence).join("")} ${mpsSignature(scene)}`,
    features: readFeatureSigns(scene),
    platform: [...PLATFORM_PATHS, scene.csvFolder].map((path) => signature(onMachine(root, path))).join(" "),
    uuids: signature(learntStore(root)),
  };
}

/** Why a description with the fingerprint `then` is not true any more, or undefined when it is. */
export function findChange(then: Fingerprint, now: Fingerprint): string | undefined {
  const changed = PART_NAMES.find((part) => then[part] !== now[part]);
  return changed === undefined ? undefined : PARTS[changed];
}

/** Whether a value of a cache file has the shape of a fingerprint. */
export function isFingerprint(value: unknown): value is Fingerprint {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  return PART_NAMES.every((part) => typeof fields.get(part) === "string");
}

/** What a description depends on beyond the fingerprint, on this machine: folders of described files, files that were read. */
export function otherPaths(scene: Scene, host: Host): readonly string[] {
  const fixed = new Set(fixedFolders(scene));
  const files = [...host.libraries, ...host.files.filter(({ kind }) => kind !== "socket")].map(
    ({ hostPath }) => hostPath,
  );
  const links = host.links.map(({ path }) => onMachine(scene.driverRoot, path));
  const found = [...files, ...links, ...unitPlaces(scene, host)].map((path) => posix.dirname(path));
  const folders = [...found, ...(host.driver === undefined ? [] : awaitedFolders(scene))];
  const others = [...new Set(folders)].filter((folder) => !fixed.has(folder));
  return [...others, ...(findPlatform(scene) === "csv" ? csvPlaces(scene) : [])];
}

/** Where configuration files and X modules may still come: their folders, or what there is above them. */
function awaitedFolders(scene: Scene): readonly string[] {
  const rules = [...FILE_RULES.config, ...FILE_RULES.xorg].flatMap(({ folders }) => folders);
  const places = new Set(rules.map((folder) => nearestThere(scene, folder)));
  // Anything may come and go in the root folder itself.
  return [...places].filter((folder) => folder !== "/").map((folder) => onMachine(scene.driverRoot, folder));
}

function nearestThere(scene: Scene, folder: string): string {
  const real = resolveInRoot(scene.driverRoot, folder);
  return real ?? (folder === "/" ? folder : nearestThere(scene, posix.dirname(folder)));
}

/** The CSV files, which can be edited in place, and the folder in which the nodes that they name come and go. */
function csvPlaces(scene: Scene): readonly string[] {
  return [...csvFiles(scene), "/dev"].map((path) => onMachine(scene.root, path));
}

/** Of a WSL or Tegra GPU: its things on this machine. A folder counts as a whole, whatever is in it. */
function unitPlaces(scene: Scene, { unit }: Host): readonly string[] {
  return (unit?.items ?? []).map((item) => {
    if (item.kind === "node") return item.node.hostPath;
    return item.kind === "link" ? onMachine(scene.driverRoot, item.path) : item.hostPath;
  });
}

/** Inode, time and size of a file or folder, by which a change shows; "-" when it does not exist. */
export function signature(path: string): string {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? "-" : `${stat.ino}:${stat.mtimeMs}:${stat.size}:${stat.nlink}`;
  } catch (error) {
    // Any answer will do, as long as it is another one than after the change.
    return errnoCode(error) ?? "?";
  }
}

function presence(path: string): string {
  return lstatIfThere(path) === undefined ? "-" : "+";
}

function inode(path: string): string {
  return String(lstatIfThere(path)?.ino ?? "-");
}

function fixedFolders(scene: Scene): readonly string[] {
  const libraries = LIBRARY_FOLDERS.flatMap((folder) => [folder, `${folder}/vdpau`]);
  return [...libraries, ...BINARY_FOLDERS, ...FIRMWARE_FOLDERS].map((folder) => onMachine(scene.driverRoot, folder));
}

function socketPaths(scene: Scene): readonly string[] {
  return FILE_RULES.socket.flatMap(({ names }) => names.map((name) => onMachine(scene.driverRoot, `/run/${name}`)));
}

/** gpuN, giN and ciN folders. A folder of procfs has no time that would tell, and no links that could lead astray. */
function readMigLayout(scene: Scene): string {
  const folder = "/proc/driver/nvidia/capabilities";
  const gpus = listRoot(scene, folder).filter((name) => name.startsWith("gpu"));
  return gpus
    .toSorted()
    .map((gpu) => `${gpu}(${listGpuInstances(onMachine(scene.root, `${folder}/${gpu}/mig`))})`)
    .join("");
}

function listGpuInstances(folder: string): string {
  const instances = (listIfThere(folder) ?? []).filter((name) => name.startsWith("gi"));
  return instances
    .toSorted()
    .map((gi) => `${gi}[${(listIfThere(`${folder}/${gi}`) ?? []).toSorted().join(" ")}]`)
    .join("");
}

/** Numbers, mode and owner of each /dev/nvidia*; of the folders with MIG and DRM nodes only that something changed. */
function readNodes(scene: Scene): string {
  const names = listRoot(scene, "/dev").filter((name) => name.startsWith("nvidia"));
  const nodes = names.toSorted().map((name) => {
    const path = onMachine(scene.root, `/dev/${name}`);
    const node = nodeSignature(path, scene.isSimulated);
    return `${name}=${node === "other" ? signature(path) : node}`;
  });
  const others = ["/dev/gdrdrv", "/dev/dxg"].map((path) =>
    nodeSignature(onMachine(scene.root, path), scene.isSimulated),
  );
  const folders = ["/dev/dri", "/dev/dri/by-path", "/dev/infiniband"].map((path) =>
    signature(onMachine(scene.root, path)),
  );
  return [...nodes, ...others, ...folders].join(" ");
}

/** The files beside the nodes of features, in both roots. */
function readFeatureSigns({ root, driverRoot }: Scene): string {
  const paths = [...new Set([driverRoot, root])].flatMap((base) => {
    return ["/run/udev", "/etc/cufile.json"].map((path) => onMachine(base, path));
  });
  return paths.map(presence).join("");
}
