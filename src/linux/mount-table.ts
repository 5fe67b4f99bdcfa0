import { readDescriptor, readText } from "./proc.ts";

const MAX_BYTES = 16 * 1024 * 1024;

/** One mount of a mount namespace. */
export interface MountPoint {
  /** As `mountIdOf` gives it for what lies in this mount. */
  readonly id: number;
  /** Of the file system, "0:52"; two mounts with one number are of one file system. */
  readonly dev: string;
  /** The folder of the file system that is mounted: "/" but for bind mounts, and for a cgroup that a namespace shows as its root. */
  readonly root: string;
  /** Where, its escapes undone: below the root folder of whose table this is. */
  readonly point: string;
  /** "overlay", "tmpfs". */
  readonly type: string;
  /** Of the file system: "rw,devices" for the v1 cgroup hierarchy that has the devices controller. */
  readonly options: string;
  /** What is mounted in it shows in other mount namespaces, too. */
  readonly isShared: boolean;
}

/** What is mounted in a process's mount namespace, in the order of mounting: proc(5), /proc/pid/mountinfo. `process` is its folder in procfs. */
export function readMountTable(process = "/proc/self"): readonly MountPoint[] {
  return parseMountTable(readText(`${process}/mountinfo`, MAX_BYTES) ?? "");
}

/** As `readMountTable`, from an open `mountinfo`: of the mount namespace and the root that its reader had when it opened it. */
export function readOpenMountTable(fd: number): readonly MountPoint[] {
  return parseMountTable(new TextDecoder().decode(readDescriptor(fd, "mountinfo", MAX_BYTES)));
}

/** `36 35 98:0 /mnt1 /mnt/parent rw,noatime shared:1 - ext3 /dev/root rw`: optional fields end with the dash. */
export function parseMountTable(text: string): readonly MountPoint[] {
  return text.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [id, , dev = "", root, point, , ...optional] = before.split(" ");
    if (id === undefined || root === undefined || point === undefined) return [];
    const [type = "", , options = ""] = after.split(" ");
    const isShared = optional.some((field) => field.startsWith("shared:"));
    return [{ id: Number(id), dev, root: unescapeOctal(root), point: unescapeOctal(point), type, options, isShared }];
  });
}

/** `\040` is a blank. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
