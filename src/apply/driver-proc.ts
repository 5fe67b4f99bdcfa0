import { closeSync } from "node:fs";
import { undoable, type Undo } from "../base/index.ts";
import { gpusOf, type Grant } from "../grant/index.ts";
import type { Gpu } from "../host/index.ts";
import {
  makeNewFolder,
  makeTmpfs,
  placeMounts,
  PROC_SUPER_MAGIC,
  readText,
  statPath,
  TMPFS_MAGIC,
  unmountAll,
  writeNewFile,
  type LiveMount,
  type MountFlag,
  type Root,
} from "../linux/index.ts";
import type { LiveContainer } from "./live-container.ts";
import { inFolder } from "./paths.ts";

const DRIVER = "/proc/driver/nvidia";
const MAX_BYTES = 256 * 1024;
/** What the driver says of itself; `registry` may not be there. */
const FILES = ["params", "registry", "version"];
const READ_ONLY: ReadonlySet<MountFlag> = new Set(["ro", "nosuid", "nodev", "noexec"]);

export interface DriverProcOptions {
  /** Whose driver this is. */
  readonly hostRoot: string;
  /** The folder that is replaced: the driver's own but for tests. */
  readonly at?: string;
}

/** One folder or file of the driver's that a container may see, below its own. */
interface Shown {
  readonly path: string;
  readonly isFolder: boolean;
}

/**
 * Gives a container a `/proc/driver/nvidia` of its own: what the driver says of itself, with `ModifyDeviceFiles` off so that no program of the driver makes or changes nodes, and of
 * GPUs and MIG devices those that were granted. Nothing happens where there is no such folder. Gives back the undo. Throws BERTH-P001. Rule: libnvidia-container's
 * `configure`, which mounts the same.
 */
export function mountDriverProc(container: LiveContainer, grant: Grant, options: DriverProcOptions): Undo {
  const { hostRoot, at = DRIVER } = options;
  const source = inFolder(hostRoot, DRIVER.slice(1));
  if (container.whole.stat(at)?.kind !== "folder" || statPath(source) === undefined) return () => {};
  const shown = shownOf(grant).filter(({ path }) => statPath(`${source}/${path}`) !== undefined);
  const tmpfs = makeTree(source, shown);
  try {
    const own: LiveMount = { source: tmpfs, path: at, flags: READ_ONLY, on: PROC_SUPER_MAGIC };
    const parts = shown.map(({ path }) => ({ source: `${source}/${path}`, path: `${at}/${path}`, flags: READ_ONLY }));
    return undoable((undos) => {
      undos.push(placeMounts(container, [own]));
      undos.push(placeMounts(container, parts));
    });
  } finally {
    closeSync(tmpfs);
  }
}

/**
 * Shows further GPUs in a `/proc/driver/nvidia` that `mountDriverProc` has made; nothing happens where the container sees the driver's own. Gives back the undo. Throws BERTH-P001.
 */
export function showGpus(
  container: LiveContainer,
  grant: Pick<Grant, "gpus" | "migDevices">,
  { hostRoot, at = DRIVER }: DriverProcOptions,
): Undo {
  const source = inFolder(hostRoot, DRIVER.slice(1));
  const buses = gpusOf(grant).map(({ bus }) => bus);
  const missing = buses.filter((bus) => container.whole.stat(`${at}/gpus/${bus}/information`) === undefined);
  return withOwnTree(container, at, (tree) => {
    for (const bus of missing) tree.makeFolders(`/gpus/${bus}`);
    const parts = missing.map((bus) => ({
      source: `${source}/gpus/${bus}`,
      path: `${at}/gpus/${bus}`,
      flags: READ_ONLY,
    }));
    return placeMounts(container, parts);
  });
}

/** Takes GPUs out of such a folder again. */
export function hideGpus(container: LiveContainer, gpus: readonly Pick<Gpu, "bus">[], at = DRIVER): void {
  withOwnTree(container, at, (tree) => {
    unmountAll(
      container,
      gpus.map(({ bus }) => `${at}/gpus/${bus}`),
    );
    for (const { bus } of gpus) tree.removeFolder(`/gpus/${bus}`);
    return () => {};
  });
}

/** A way to write into the tmpfs, which the container has read-only. */
function withOwnTree({ whole, namespace }: LiveContainer, at: string, work: (tree: Root) => Undo): Undo {
  using own = whole.enter(at);
  if (own?.fileSystem !== TMPFS_MAGIC) return () => {};
  using tree = namespace.within(() => own.layer({ isWritable: true }));
  return work(tree);
}

function makeTree(source: string, shown: readonly Shown[]): number {
  const tmpfs = makeTmpfs(0o555);
  try {
    for (const name of FILES) {
      const text = readText(`${source}/${name}`, MAX_BYTES);
      if (text !== undefined)
        writeNewFile(tmpfs, name, Buffer.from(name === "params" ? withoutDeviceFiles(text) : text));
    }
    for (const { path, isFolder } of shown) {
      if (isFolder) makeNewFolder(tmpfs, path);
      else writeNewFile(tmpfs, path, new Uint8Array());
    }
    return tmpfs;
  } catch (error) {
    closeSync(tmpfs);
    throw error;
  }
}

/** The driver's parameters with `ModifyDeviceFiles` off. */
export function withoutDeviceFiles(params: string): string {
  return params.replace(/^ModifyDeviceFiles: 1$/m, "ModifyDeviceFiles: 0");
}

/** GPUs by PCI address, MIG devices' parents too; of MIG devices the two files that stand for the right to use them. */
function shownOf({ gpus, migDevices, migControl }: Grant): readonly Shown[] {
  const buses = new Set([...gpus.map(({ gpu }) => gpu.bus), ...migDevices.map(({ parent }) => parent.bus)]);
  const access = migDevices.flatMap(({ parent, device: { gpuInstance, computeInstance } }) => {
    const instance = `capabilities/gpu${parent.minor}/mig/gi${gpuInstance}`;
    return [`${instance}/access`, `${instance}/ci${computeInstance}/access`];
  });
  const folders = [...buses].map((bus) => ({ path: `gpus/${bus}`, isFolder: true }));
  // Who may configure or watch MIG on the whole machine sees all of it.
  if (migControl.length > 0) return [...folders, { path: "capabilities", isFolder: true }];
  return [...folders, ...[...new Set(access)].map((path) => ({ path, isFolder: false }))];
}
