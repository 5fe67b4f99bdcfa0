import { BerthError, messageOf, type JsonObject } from "../base/index.ts";
import {
  MountNamespace,
  ProcessHandle,
  readMountTable,
  Root,
  type DeviceNumber,
  type MountPoint,
} from "../linux/index.ts";
import { specOfMounts } from "./hook-scene.ts";
import { isWithin } from "./paths.ts";

/** Which container is to be changed while it lives. */
export interface LiveTarget {
  /** One of its processes, its init in most cases. */
  readonly pid: number;
  /** Its root file system before it runs, as that process sees it: a folder; undefined once it runs: the root of its mount namespace. */
  readonly rootfs: string | undefined;
  /** `config.json`, which says whose its mounts are; undefined: its mount table alone tells. */
  readonly spec: JsonObject | undefined;
  /** What a relative mount source of the spec counts from. */
  readonly bundleDir: string;
}

/** A container that exists, by handles alone: none of them leads elsewhere when its process ends or its number is given to another. Close it. */
export interface LiveContainer extends Disposable {
  readonly process: ProcessHandle;
  readonly namespace: MountNamespace;
  /** The root file system with the container's mounts. */
  readonly whole: Root;
  /** The root file system alone; writable also where the container may not write, but for one with users of its own: that may have made somebody's read-only folder its root. */
  readonly layer: Root;
  /** The mounts of its namespace, and where in it the root file system lies. */
  readonly table: readonly MountPoint[];
  readonly rootPoint: string;
  readonly spec: JsonObject;
  readonly bundleDir: string;
}

/**
 * Opens a container. Throws BERTH-P004 when its process is gone or cannot be entered, or when the folder is the root of its mount namespace, which is still this machine's own then; P001 for
 * its root file system.
 */
export function openLiveContainer(target: LiveTarget): LiveContainer {
  const { pid, rootfs, bundleDir } = target;
  const stack = new DisposableStack();
  try {
    const process = stack.use(findProcess(pid));
    const namespace = stack.use(enter(process, () => MountNamespace.of(process)));
    const path = enter(process, () => pathOf(process, rootfs));
    const open = (): Root => {
      return rootfs === undefined ? namespace.openRoot(`of process ${pid}`) : Root.open(path, rootfs);
    };
    const whole = stack.use(enter(process, open));
    const rootPoint = rootfs === undefined ? "/" : whole.place;
    if (rootfs !== undefined && rootPoint === "/") throw ofMachine(rootfs);
    const isWritable = enter(process, () => process.hasOwnUsers);
    const layer = stack.use(enter(process, () => namespace.within(() => whole.layer({ isWritable }))));
    const table = enter(process, () => namespace.readTable());
    const spec = target.spec ?? specOfMounts(table, { rootPoint, path, isOwnTmpfs: ownTmpfs(namespace, rootPoint) });
    const owned = stack.move();
    return {
      process,
      namespace,
      whole,
      layer,
      table,
      rootPoint,
      spec,
      bundleDir,
      [Symbol.dispose]: () => owned.dispose(),
    };
  } catch (error) {
    stack.dispose();
    throw error;
  }
}

/** Whether a container has a node of this device at its path, however it came there. */
export function hasNode(
  { path, major, minor }: DeviceNumber & { readonly path: string },
  { whole }: Pick<LiveContainer, "whole">,
): boolean {
  const seen = whole.stat(path);
  return seen?.kind === "char" && seen.major === major && seen.minor === minor;
}

/**
 * A tmpfs that is mounted whole, and nowhere outside of the container: elsewhere on this machine, or, for a caller that has made the namespace it is in, elsewhere in that.
 */
function ownTmpfs({ isOwn }: MountNamespace, rootPoint: string): (mount: MountPoint) => boolean {
  const outside = readMountTable().filter(({ point }) => !isOwn || !isWithin(point, rootPoint));
  const devs = new Set(outside.map(({ dev }) => dev));
  return ({ dev, root }) => root === "/" && !devs.has(dev);
}

function findProcess(pid: number): ProcessHandle {
  const found = ProcessHandle.open(pid);
  if (found !== undefined) return found;
  throw new BerthError({
    code: "BERTH-P004",
    message: `Cannot enter the container: there is no process ${pid}`,
    remedy: "start the container again",
  });
}

/** Without links: an absolute one would lead into this machine's mounts, not into those of the process. */
function pathOf({ folder, pid }: ProcessHandle, rootfs: string | undefined): string {
  const path = `${folder}/root`;
  if (rootfs === undefined) return path;
  using root = Root.open(path, `of process ${pid}`);
  return `${path}${root.resolve(rootfs) ?? rootfs}`;
}

function ofMachine(rootfs: string): BerthError {
  return new BerthError({
    code: "BERTH-P004",
    message: `Cannot enter the container: its root file system "${rootfs}" is that of this machine`,
    remedy: "give the container a folder of its own as root file system (root.path of its spec)",
  });
}

function enter<T>({ pid }: ProcessHandle, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof BerthError) throw cause;
    const why = messageOf(cause);
    throw new BerthError(
      {
        code: "BERTH-P004",
        message: `Cannot enter the container of process ${pid}: ${why}`,
        remedy: "do it as the user who started the container, or as root, while it runs",
      },
      { cause },
    );
  }
}
