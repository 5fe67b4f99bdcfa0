import { closeSync, lstatSync, openSync, readSync } from "node:fs";
import { posix } from "node:path";
import { FILE_RULES, type FileRule } from "./file-table.ts";
import { readMpsFolder } from "./mps-folder.ts";
import type { Architecture, DriverFile } from "./host.ts";
import { readRootText, type Scene } from "./scene.ts";
import { listIfThere, onMachine, resolveInRoot } from "./tree.ts";

const RELEASE_BYTES = 256;
const PATH_BYTES = 4096;

/**
 * Programs, firmware, sockets, configuration files and X modules of the driver: those that exist under the driver's root.
 * `libraryFolders` are where its libraries lie: a driver that was put into a folder of its own has its programs beside them.
 */
export function readFiles(
  scene: Scene,
  version: string,
  architecture: Architecture,
  libraryFolders: readonly string[],
): readonly DriverFile[] {
  const machine = architecture === "aarch64" ? "aarch64" : "x86_64";
  const spell = (name: string): string => name.replace("<arch>", machine).replace("<version>", version);
  const find = (kind: keyof typeof FILE_RULES): DriverFile[] =>
    FILE_RULES[kind].flatMap((rule) => {
      const folders = kind === "config" ? [...ownFolders(scene, rule), ...rule.folders] : rule.folders;
      return findByRule(scene, kind, { ...rule, folders, names: rule.names.map(spell) });
    });
  const sockets = [...find("socket"), ...readMpsFolder(scene)];
  const beside = libraryFolders.map((folder) => `${posix.dirname(folder)}/bin`);
  const binaries = FILE_RULES.binary.flatMap((rule) => findProgram(scene, rule, beside));
  return [...binaries, ...readFirmware(scene, version), ...sockets, ...find("config"), ...find("xorg")];
}

/** Where a configuration file lies below the folders that were named besides /etc and /usr/share. */
function ownFolders({ options: { configFolders = [] } }: Scene, { destination = "" }: FileRule): readonly string[] {
  const below = destination.replace(/^\/(etc|usr\/share)/, "");
  return configFolders.map((folder) => posix.join(folder, below));
}

/**
 * A program of the driver. One that is a script starts the real one from elsewhere, by a path that no container has: the
 * real one is taken where it lies beside the libraries, and stands in /usr/bin of the container.
 */
function findProgram(scene: Scene, rule: FileRule, beside: readonly string[]): DriverFile[] {
  const [usual] = findByRule(scene, "binary", rule);
  if (usual !== undefined && !isScript(usual.hostPath)) return [usual];
  const [other] = findByRule(scene, "binary", { ...rule, folders: beside, destination: "/usr/bin" });
  if (other !== undefined && !isScript(other.hostPath)) return [other];
  return usual === undefined ? [] : [usual];
}

function isScript(hostPath: string): boolean {
  const start = Buffer.alloc(2);
  try {
    const descriptor = openSync(hostPath, "r");
    try {
      readSync(descriptor, start);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // A user who may not read the program still sees it described.
    return false;
  }
  return start.toString("latin1") === "#!";
}

function findByRule(scene: Scene, kind: DriverFile["kind"], rule: FileRule): DriverFile[] {
  for (const name of rule.names) {
    for (const folder of rule.folders) {
      const hostPath = realFile(scene, `${folder}/${name}`, kind);
      if (hostPath === undefined) continue;
      const parent = rule.destination ?? resolveInRoot(scene.driverRoot, folder) ?? folder;
      return [{ kind, path: `${parent}/${name}`, hostPath, capabilities: rule.capabilities }];
    }
  }
  return [];
}

/** Where the real file lies on this machine; undefined when there is none of this kind. */
function realFile(scene: Scene, path: string, kind: DriverFile["kind"]): string | undefined {
  const real = resolveInRoot(scene.driverRoot, path);
  if (real === undefined) return undefined;
  const hostPath = onMachine(scene.driverRoot, real);
  const stat = lstatSync(hostPath);
  const isRight = kind === "socket" ? stat.isSocket() || (scene.isSimulated && stat.isFile()) : stat.isFile();
  return isRight ? hostPath : undefined;
}

/** gsp*.bin of this version from the first firmware folder that has any; a container sees it below /lib/firmware. */
function readFirmware(scene: Scene, version: string): readonly DriverFile[] {
  for (const folder of firmwareFolders(scene, version)) {
    const real = resolveInRoot(scene.driverRoot, folder);
    const names = real === undefined ? undefined : listIfThere(onMachine(scene.driverRoot, real));
    const wanted = names?.filter((name) => /^gsp.*\.bin$/.test(name)).toSorted() ?? [];
    const files = wanted.flatMap((name) =>
      firmwareFile(scene, `${folder}/${name}`, `/lib/firmware/nvidia/${version}/${name}`),
    );
    if (files.length > 0) return files;
  }
  return [];
}

function firmwareFile(scene: Scene, path: string, destination: string): DriverFile[] {
  const hostPath = realFile(scene, path, "firmware");
  return hostPath === undefined ? [] : [{ kind: "firmware", path: destination, hostPath, capabilities: [] }];
}

/** The kernel's search order: drivers/base/firmware_loader/main.c, fw_path. */
function firmwareFolders(scene: Scene, version: string): readonly string[] {
  const custom = readRootText(scene, "/sys/module/firmware_class/parameters/path", PATH_BYTES)?.trim() ?? "";
  const release = readRootText(scene, "/proc/sys/kernel/osrelease", RELEASE_BYTES)?.trim() ?? "";
  const bases = ["/lib/firmware/updates", "/lib/firmware"].flatMap((base) =>
    release === "" ? [base] : [`${base}/${release}`, base],
  );
  return [...(custom.startsWith("/") ? [custom] : []), ...bases].map((base) => `${base}/nvidia/${version}`);
}
