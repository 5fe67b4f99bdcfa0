import { isAbsolute, join, resolve } from "node:path";
import { BerthError, errnoCode, isJsonObject, parseJson, type JsonObject } from "../base/index.ts";
import type { MountEdit } from "../edits/index.ts";
import {
  isMountShared,
  mountFiles,
  readMountTable,
  type LiveFile,
  type MountPoint,
  type Root,
} from "../linux/index.ts";
import { integerAt, mountsOf, namespacesOf, readBundle, rootfsPath, textAt, type Bundle } from "../oci/index.ts";
import { isBindMount } from "./container-view.ts";
import { cleanPath, isWithin } from "./paths.ts";

/** A container between its mounts and its first program, as a createContainer hook finds it. */
export interface HookScene {
  /** The root file system, on this machine, in the container's mount namespace. */
  readonly rootfs: string;
  readonly bundleDir: string;
  /** `config.json`, which says whose the container's mounts are. */
  readonly spec: JsonObject;
}

/** What the low-level runtime tells a hook of its container: OCI runtime specification 1.3, "State". */
export interface HookState {
  /** "" where it says none. */
  readonly id: string;
  readonly bundleDir: string;
  /** Of the container's init, on this machine; 0 where it says none. */
  readonly pid: number;
  /** crun's own: the root file system, which may be relative to the bundle. */
  readonly root: string | undefined;
}

/** Reads a state. Throws BERTH-S001 to S005. */
export function readHookState(bytes: Uint8Array): HookState {
  const state = parseJson(bytes, "the container's state");
  const bundleDir = isJsonObject(state) ? textAt(state, "", "bundle") : undefined;
  if (!isJsonObject(state) || bundleDir === undefined || !isAbsolute(bundleDir)) throw noBundle();
  const [id = "", root] = [textAt(state, "", "id"), textAt(state, "", "root")];
  return { id, bundleDir, pid: integerAt(state, "", "pid") ?? 0, root };
}

/**
 * The container that a hook is called for, crun's `root` before the bundle's own. Where `config.json` cannot be read, as with some user namespaces, the mount table says where the
 * root file system is and what is mounted. Throws BERTH-S001 to S005.
 */
export function readHookScene(bytes: Uint8Array): HookScene {
  const { bundleDir, root } = readHookState(bytes);
  const { rootfs, bundle } = findRootfs(bundleDir, root);
  if (rootfs === "/" || rootfs === bundleDir) throw noBundle();
  // Whose tmpfs it is cannot be seen from the container's side; every engine gives one on /dev.
  const isOwnTmpfs = ({ point }: MountPoint): boolean => point === `${rootfs}/dev`;
  const spec = bundle?.spec ?? specOfMounts(readMountTable(), { rootPoint: rootfs, path: rootfs, isOwnTmpfs });
  return { rootfs, bundleDir, spec };
}

function findRootfs(dir: string, root: string | undefined): { rootfs: string; bundle: Bundle | undefined } {
  try {
    const bundle = readBundle(dir);
    return { bundle, rootfs: root === undefined ? rootfsPath(bundle) : resolve(dir, root) };
  } catch (error) {
    if (!(error instanceof BerthError) || error.code !== "BERTH-S001") throw error;
    const rootfs = root === undefined ? rootOfMounts(error) : resolve(dir, root);
    if (rootfs === undefined) throw error;
    return { bundle: undefined, rootfs };
  }
}

/** The one folder here that has file systems of its own on /proc and /dev, as each container has, if a user namespace hides `config.json`. */
function rootOfMounts({ cause }: BerthError): string | undefined {
  if (errnoCode(cause) !== "EACCES") return undefined;
  const table = readMountTable();
  const points = new Set(table.map(({ point }) => point));
  const roots = table.flatMap(({ point, type }) =>
    type === "proc" && point.endsWith("/proc") ? [point.slice(0, -5)] : [],
  );
  const [found, ...others] = new Set(roots.filter((root) => points.has(root) && points.has(`${root}/dev`)));
  return others.length === 0 ? found : undefined;
}

function noBundle(): BerthError {
  return new BerthError({
    code: "BERTH-S001",
    message: "Cannot tell which container this hook is for: its state names no bundle with a root file system",
    remedy: "leave it to the low-level runtime to start this hook; by hand: --container-spec FILE with an OCI state",
  });
}

/**
 * Mounts files for this container alone. Where it shares mounts with the machine (all, having no mount namespace in its spec, or those in a volume) it does without: what is
 * mounted for it there would stay on the machine. Gives back what it does without, a sentence each.
 */
export function mountForContainer({ spec }: HookScene, whole: Root, files: readonly LiveFile[]): readonly string[] {
  const namespaces = namespacesOf(spec);
  const isOwn = namespaces.length === 0 || namespaces.some(({ type }) => type === "mount");
  if (!isOwn || files.length === 0) return [];
  const table = readMountTable();
  const isRootShared = isMountShared(whole, "/", table);
  const shared = new Set(files.filter(({ path }) => isRootShared || isMountShared(whole, path, table)));
  mountFiles(
    whole,
    files.filter((file) => !shared.has(file)),
  );
  return [...shared].map(({ path }) => `"${path}" stays as it is: what is mounted there would show on the host`);
}

interface TableScene {
  /** Where the root file system lies in the mount table, and where it can be reached from here. */
  readonly rootPoint: string;
  readonly path: string;
  /** Whether a tmpfs is the container's own. */
  readonly isOwnTmpfs: (mount: MountPoint) => boolean;
}

/** What is mounted now, as a spec would list it. */
export function specOfMounts(table: readonly MountPoint[], { rootPoint, path, isOwnTmpfs }: TableScene): JsonObject {
  const below = table.filter(({ point }) => point !== rootPoint && isWithin(point, rootPoint));
  return {
    mounts: below.map((mount) => {
      const { point, type } = mount;
      const destination = rootPoint === "/" ? point : point.slice(rootPoint.length);
      const isOwn = type !== "tmpfs" || isOwnTmpfs(mount);
      return { destination, type, source: join(path, destination), options: isOwn ? [] : ["bind"] };
    }),
  };
}

/** The container's bind mounts, as far as they matter to the record of its layer. */
export function layerMounts(spec: JsonObject): readonly MountEdit[] {
  return mountsOf(spec)
    .filter(isBindMount)
    .map(({ destination, source, options }) => {
      return {
        hostPath: source,
        containerPath: cleanPath(destination),
        kind: "config",
        options,
        reason: "mounted by the engine",
      };
    });
}
