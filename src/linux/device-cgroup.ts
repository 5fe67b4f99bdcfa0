import { existsSync } from "node:fs";
import { errnoCode, type BerthError, type Undo } from "../base/index.ts";
import { judgeDeviceV1, setDeviceAccessV1 } from "./device-cgroup-v1.ts";
import { judgeDeviceV2, setDeviceAccessV2 } from "./device-cgroup-v2.ts";
import {
  accessRefusal,
  lastChanges,
  type DeviceCgroup,
  type DeviceChange,
  type DeviceNumber,
} from "./device-change.ts";
import { readMountTable, type MountPoint } from "./mount-table.ts";
import { readText } from "./proc.ts";

const MAX_BYTES = 1024 * 1024;

/**
 * The cgroup that decides about the devices of a process: in version 1, when its devices hierarchy is mounted here, else in version 2 (cgroups(7)). `process` is its folder in
 * procfs. Undefined when there is neither, when the process is gone, or when its cgroup lies outside of what is mounted here.
 */
export function findDeviceCgroup(process: string): DeviceCgroup | undefined {
  const paths = readPaths(`${process}/cgroup`);
  return paths === undefined ? undefined : locateDeviceCgroups(paths, readMountTable()).find(isThere);
}

/** A process can end between the opening and the reading of its file. */
function readPaths(file: string): string | undefined {
  try {
    return readText(file, MAX_BYTES);
  } catch (error) {
    if (errnoCode(error) === "ESRCH") return undefined;
    throw error;
  }
}

function isThere({ version, folder }: DeviceCgroup): boolean {
  return existsSync(`${folder}/${version === 1 ? "devices.list" : "cgroup.procs"}`);
}

/**
 * Where the cgroup can be, by the text of /proc/pid/cgroup and a mount table: a folder for each mount of the hierarchy that decides. A devices hierarchy of version 1 decides
 * wherever the process's own folder is, so that version 2 is never taken in its place.
 */
export function locateDeviceCgroups(paths: string, table: readonly MountPoint[]): readonly DeviceCgroup[] {
  const lines = paths.split("\n").flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    return controllers === undefined || path === undefined ? [] : [{ controllers: controllers.split(","), path }];
  });
  const pathOf = (controller: string): string | undefined => {
    return lines.find(({ controllers }) => controllers.includes(controller))?.path;
  };
  const [first, second] = [pathOf("devices"), pathOf("")];
  if (first !== undefined && table.some(hasDevices)) return foldersIn(table.filter(hasDevices), first, 1);
  const unified = table.filter(({ type }) => type === "cgroup2");
  return second === undefined ? [] : foldersIn(unified, second, 2);
}

function foldersIn(mounts: readonly MountPoint[], path: string, version: 1 | 2): readonly DeviceCgroup[] {
  return mounts.flatMap(({ point, root }) => {
    const folder = folderIn(point, root, path);
    return folder === undefined ? [] : [{ version, folder, mountPoint: point }];
  });
}

function hasDevices({ type, options }: MountPoint): boolean {
  return type === "cgroup" && options.split(",").includes("devices");
}

/** A path with ".." is one that this cgroup namespace does not have. */
function folderIn(point: string, root: string, path: string): string | undefined {
  if ([...root.split("/"), ...path.split("/")].includes("..")) return undefined;
  const prefix = root === "/" ? "" : root;
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return undefined;
  const below = path.slice(prefix.length);
  return below === "/" || below === "" ? point : `${point}${below}`;
}

/**
 * Whether its processes can read and write a character device; undefined: it cannot be told (rights are missing, or a device program is not understood). Changes nothing for them; a
 * cgroup of version 1 that allows all but some devices is asked through an empty cgroup below it, which is there for that moment.
 */
export function isDeviceAllowed(cgroup: DeviceCgroup, device: DeviceNumber): boolean | undefined {
  try {
    const verdict = (cgroup.version === 1 ? judgeDeviceV1 : judgeDeviceV2)(cgroup, device);
    return verdict === "unknown" ? undefined : verdict === "allowed";
  } catch (error) {
    if (error instanceof TypeError) throw error;
    // The kernel does not say, whatever its reason is.
    return undefined;
  }
}

/**
 * Lets the processes of a cgroup read and write character devices, or not any more, and gives back what undoes it. What is as wished already stays untouched. Of several
 * changes for one device the last counts. Nothing has changed when it throws: BERTH-K002. The undo does nothing for a container that has ended, and throws BERTH-K002, too.
 */
export function setDeviceAccess(cgroup: DeviceCgroup, changes: readonly DeviceChange[]): Undo {
  const wishes = lastChanges(changes);
  if (wishes.length === 0) return () => {};
  if (!isThere(cgroup)) throw goneRefusal(cgroup, wishes);
  return (cgroup.version === 1 ? setDeviceAccessV1 : setDeviceAccessV2)(cgroup, wishes);
}

function goneRefusal({ folder }: DeviceCgroup, changes: readonly DeviceChange[]): BerthError {
  const why = "it is gone, as its container has ended";
  return accessRefusal({ folder, changes, why, remedy: "start the container" });
}
