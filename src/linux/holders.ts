import { closeSync, openSync, readdirSync, readlinkSync, readSync, statSync } from "node:fs";
import { errnoCode } from "../base/index.ts";
import { readText, splitDeviceNumber } from "./proc.ts";

/** A process that has a device open, or mapped into its memory. */
export interface Holder {
  /** On this machine. */
  readonly pid: number;
  /** Its command line, 60 characters of it; the name of its program where it has none. */
  readonly command: string;
}

/** Character devices as "195:0". */
export type DeviceSet = ReadonlySet<string>;

const MAX_BYTES = 1024 * 1024;
const COMMAND_LENGTH = 60;
const COMMAND_BYTES = 4096;
const GONE: ReadonlySet<string> = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM"]);

/**
 * The processes of a container that hold one of the devices. Its processes are those in the mount namespace of `process`, a folder of procfs, or in one of its cgroups and below. A
 * process that ends meanwhile, or that is not ours to look into, holds nothing.
 */
export function findHolders(process: string, devices: DeviceSet): readonly Holder[] {
  return findWhere(belongsTo(process), devices);
}

/** The same of the whole machine, as far as this user may look. */
export function findAllHolders(devices: DeviceSet): readonly Holder[] {
  return findWhere(() => true, devices);
}

function findWhere(isInside: (folder: string) => boolean, devices: DeviceSet): readonly Holder[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const folder = `/proc/${pid}`;
    if (!isInside(folder) || !holds(folder, devices)) return [];
    return [{ pid: Number(pid), command: commandOf(folder) }];
  });
}

function belongsTo(process: string): (folder: string) => boolean {
  const namespace = readLink(`${process}/ns/mnt`);
  const cgroups = cgroupsOf(process).filter(({ path }) => path !== "/");
  return (folder) => {
    if (namespace !== undefined && readLink(`${folder}/ns/mnt`) === namespace) return true;
    const own = new Map(cgroupsOf(folder).map(({ hierarchy, path }) => [hierarchy, path]));
    return cgroups.some(({ hierarchy, path }) => `${own.get(hierarchy) ?? ""}/`.startsWith(`${path}/`));
  };
}

/** `5:devices:/docker/1`: proc_pid_cgroup(5). */
function cgroupsOf(folder: string): readonly { readonly hierarchy: string; readonly path: string }[] {
  const lines = (attempt(() => readText(`${folder}/cgroup`, MAX_BYTES)) ?? "").split("\n");
  return lines.flatMap((line) => {
    const [, hierarchy, path] = /^(\d+):[^:]*:(\/.*)$/.exec(line) ?? [];
    return hierarchy === undefined || path === undefined ? [] : [{ hierarchy, path }];
  });
}

function holds(folder: string, devices: DeviceSet): boolean {
  const isDevice = (path: string): boolean => {
    const stat = attempt(() => statSync(path, { throwIfNoEntry: false }));
    if (stat?.isCharacterDevice() !== true) return false;
    const { major, minor } = splitDeviceNumber(stat.rdev);
    return devices.has(`${major}:${minor}`);
  };
  const open = attempt(() => readdirSync(`${folder}/fd`)) ?? [];
  // Sockets and pipes have no path; only what has one can be a device.
  if (open.some((fd) => readLink(`${folder}/fd/${fd}`)?.startsWith("/") === true && isDevice(`${folder}/fd/${fd}`)))
    return true;
  // By any name: whoever may make nodes can have the device's anywhere.
  const mapped = attempt(() => readdirSync(`${folder}/map_files`)) ?? [];
  return mapped.some((range) => isDevice(`${folder}/map_files/${range}`));
}

/** A command line is the process's to write, and can be megabytes: its beginning will do. */
function commandOf(folder: string): string {
  const words = (readStart(`${folder}/cmdline`) ?? "").replaceAll("\0", " ").trim();
  const name = words === "" ? (readStart(`${folder}/comm`) ?? "").trim() : words;
  return name.slice(0, COMMAND_LENGTH);
}

function readStart(path: string): string | undefined {
  return attempt(() => {
    const fd = openSync(path, "r");
    try {
      const bytes = Buffer.alloc(COMMAND_BYTES);
      return bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.length, null));
    } finally {
      closeSync(fd);
    }
  });
}

function readLink(path: string): string | undefined {
  return attempt(() => readlinkSync(path));
}

/** Undefined: the process is gone or not ours to look into. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (GONE.has(errnoCode(error) ?? "")) return undefined;
    throw error;
  }
}
