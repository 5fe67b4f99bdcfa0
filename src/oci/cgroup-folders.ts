import { join, posix } from "node:path";
import type { MountPoint } from "../linux/index.ts";

/** What decides where a low-level runtime puts the control group of a container. */
export interface CgroupScene {
  /** `linux.cgroupsPath`; "" is none. */
  readonly path: string;
  readonly containerId: string;
  /** The low-level runtime's name: "runc". */
  readonly runtime: string;
  /** Whether systemd makes it, and `path` is "slice:prefix:name". */
  readonly isSystemd: boolean;
  readonly mounts: readonly MountPoint[];
  /** The text of the runtime's own /proc/PID/cgroup. */
  readonly own: string;
}

/** A hierarchy that all processes of a container are in. */
interface Hierarchy {
  readonly point: string;
  readonly root: string;
  /** The runtime's own group in it. */
  readonly own: string;
  readonly isUnified: boolean;
}

/**
 * The folders of control groups that a container is going to have, and nobody else: those of the devices hierarchy of version 1, or of version 2. None where that cannot be told. Rules: runc 1.3
 * (libcontainer/cgroups: fs, fs2, systemd), crun 1.21 (libcrun/cgroup*.c).
 */
export function cgroupFolders(scene: CgroupScene): readonly string[] {
  const hierarchy = findHierarchy(scene);
  const path = hierarchy && (scene.isSystemd ? systemdPath(scene, hierarchy) : filePath(scene, hierarchy));
  if (hierarchy === undefined || path === undefined || path === "/") return [];
  return [join(hierarchy.point, path)];
}

function findHierarchy({ mounts, own }: CgroupScene): Hierarchy | undefined {
  const devices = mounts.find(({ type, options }) => type === "cgroup" && options.split(",").includes("devices"));
  const mount = devices ?? mounts.find(({ type }) => type === "cgroup2");
  if (mount === undefined) return undefined;
  const lines = own.split("\n").map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []);
  const name = devices === undefined ? "" : "devices";
  const [, , group = "/"] = lines.find(([, controllers]) => controllers?.split(",").includes(name)) ?? [];
  return { point: mount.point, root: mount.root, own: group, isUnified: devices === undefined };
}

/** Below a hierarchy's mount. One that is not absolute counts from the runtime's own group, or in version 2 from the one above that; crun counts from the root. */
function filePath({ path, containerId, runtime }: CgroupScene, { own, root, isUnified }: Hierarchy): string {
  const inner = path === "" ? containerId : path;
  if (posix.isAbsolute(inner) || runtime === "crun") return posix.join("/", inner);
  const below = root !== "/" && own.startsWith(root) ? own.slice(root.length) : own;
  return posix.join("/", isUnified ? posix.dirname(below || "/") : below, posix.join("/", inner));
}

/** "user-1000.slice:docker:ID" is /user.slice/user-1000.slice/docker-ID.scope, a user's own systemd below its own group. */
function systemdPath({ path, containerId, runtime }: CgroupScene, { own }: Hierarchy): string | undefined {
  const [slice = "", prefix = "", name] = path === "" ? ["", runtime, containerId] : path.split(":");
  if (name === undefined) return undefined;
  const unit = name.endsWith(".slice") ? name : `${prefix === "" ? "" : `${prefix}-`}${name}.scope`;
  const [manager] = /^.*\/user@\d+\.service/.exec(own) ?? [];
  const parent = slice || (manager === undefined ? "system.slice" : "user.slice");
  const folder = expandSlice(parent);
  return folder === undefined ? undefined : posix.join(manager ?? "/", folder, unit);
}

/** "a-b.slice" lies in "a.slice"; "-.slice" is the root. Rule: systemd.slice(5). */
function expandSlice(slice: string): string | undefined {
  if (slice === "-.slice") return "/";
  const words = /^([^/]+)\.slice$/.exec(slice)?.[1]?.split("-");
  if (words === undefined || words.includes("")) return undefined;
  return words.map((_, index) => `${words.slice(0, index + 1).join("-")}.slice`).join("/");
}
