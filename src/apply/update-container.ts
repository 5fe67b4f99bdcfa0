import { BerthError } from "../base/index.ts";
import { profileOf, type FileEdit, type LinkEdit, type LoaderEdit, type MountEdit } from "../edits/index.ts";
import { judgeCompat } from "../grant/index.ts";
import { PROC_SUPER_MAGIC, readText, Root, type LiveFile } from "../linux/index.ts";
import { mountsOf } from "../oci/index.ts";
import { readCompatLibraries } from "../request/index.ts";
import { writeLayer } from "./carry-out.ts";
import type { ContainerUpdate } from "./container-update.ts";
import { viewContainer, type ContainerView } from "./container-view.ts";
import { writeToLayer, type FileScene } from "./etc-file.ts";
import { makeLinks, makePoint } from "./in-tmpfs.ts";
import { withoutDeviceFiles } from "./driver-proc.ts";
import { layerMounts, mountForContainer, type HookScene } from "./hook-scene.ts";
import { planLayer, readRecord } from "./layer-plan.ts";
import { liveLinks, liveMounts, liveRecord, recordWithout } from "./live-record.ts";
import { planLoader, type LoaderPlan } from "./loader-plan.ts";
import { ownFiles } from "./own-files.ts";
import { folderOf, inFolder, nameOf } from "./paths.ts";
import { placeEdits, type LinkFolder } from "./place-edits.ts";
import type { RootfsWrite } from "./plan.ts";
import type { LayerRecord } from "./record.ts";

const PARAMS = "/proc/driver/nvidia/params";
const MAX_PARAMS_BYTES = 64 * 1024;
const NVIDIA_MAJOR = 195;
const MAX_NODES = 4096;
/** Where files of this container would be on the host; here they are in memory. */
export const IN_MEMORY = "/memory";

/**
 * Does a container's update: links and the loader's cache in the layer, other files as mounts. The layer is looked at and written to without the container's mounts, so
 * that nothing of it can land in a volume. When something fails the layer is as it was. Gives back what the container does without, a sentence each. Throws
 * BERTH-P001 and P002, and S005 for a spec that cannot be understood.
 */
export function updateContainer(update: ContainerUpdate, scene: HookScene): readonly string[] {
  return inContainer(scene, ({ view, layer, whole }) => {
    checkLibraries(update, view, whole);
    const plan = planUpdate(update, { ...scene, view, whole });
    const warnings = [...plan.warnings];
    writeLayer(plan.writes, layer, () => {
      for (const folder of plan.linkFolders) makeLinks(folder, { view, whole }, false);
      for (const { path } of plan.files) makePoint(path, { view, whole });
      warnings.push(...mountForContainer(scene, whole, [...plan.files, ...hiddenParams(update, whole)]));
    });
    return warnings;
  });
}

/** A container that a hook is called for. */
interface Inside {
  readonly view: ContainerView;
  readonly layer: Root;
  readonly whole: Root;
}

/** Calls `work` with a container's root file system, which is closed afterwards. */
export function inContainer<T>(scene: HookScene, work: (inside: Inside) => T): T {
  using whole = Root.open(scene.rootfs);
  using layer = Root.openLayer(scene.rootfs);
  return work({ whole, layer, view: viewContainer(layer, mountsOf(scene.spec), whole.isWritable, whole) });
}

/** Some engines mount a volume after the libraries, which are then below it: the container would start and find none. */
function checkLibraries({ loaderEntries }: ContainerUpdate, view: ContainerView, whole: Root): void {
  for (const { path } of loaderEntries) {
    const { cover } = view.folder(folderOf(path));
    if (cover?.kind !== "volume" || whole.stat(path) !== undefined) continue;
    throw new BerthError({
      code: "BERTH-P002",
      message: `Cannot give the container "${path}": the engine has mounted "${cover.mount.destination}" over it`,
      remedy: `mount that volume on another folder, or use the runtime: docker run --runtime nvidia`,
    });
  }
}

interface Planning extends HookScene {
  readonly view: ContainerView;
  /** With the container's mounts, only to be looked at. */
  readonly whole: Root;
}

interface UpdatePlan {
  readonly writes: readonly RootfsWrite[];
  readonly linkFolders: readonly LinkFolder[];
  readonly files: readonly LiveFile[];
  readonly warnings: readonly string[];
}

function planUpdate(update: ContainerUpdate, scene: Planning): UpdatePlan {
  const { view, bundleDir } = scene;
  const compat = findCompat(update, view);
  const old = readRecord(view.rootfs);
  const own = ownFiles(profile(update, scene.whole), IN_MEMORY);
  const edits = {
    ...NOTHING,
    mounts: own.mounts,
    links: update.links.map(withReason),
    loaderEntries: [...compat.entries, ...update.loaderEntries.map(loaderEdit)],
  };
  const placed = placeEdits(edits, view, bundleDir);
  const kept = liveRecord(old, view.rootfs, scene.whole);
  const loader = planOwnLoader(placed.loaderEntries, { old, kept }, { view, stateFolder: IN_MEMORY, bundleDir });
  const live = [...placed.mounts, ...loader.edits.flatMap((edit) => edit.mounts)];
  const bytes = new Map(
    [...own.stateWrites, ...loader.edits.flatMap((edit) => edit.stateWrites)].map((write) => [write.path, write]),
  );
  const mounts = [...live, ...layerMounts(scene.spec), ...liveMounts(kept)];
  const made = madeByRuntime(update, view, mounts);
  return {
    writes: [
      ...planLayer(
        { links: [...liveLinks(kept), ...placed.links], mounts, isFolder: () => false, loader, made },
        old,
        view,
      ),
      ...live.flatMap((mount) => missingPoint(mount, view)),
    ],
    linkFolders: placed.linkFolders,
    files: live.flatMap(({ hostPath, containerPath }) => {
      const write = bytes.get(hostPath);
      return write?.kind === "file" ? [{ path: containerPath, bytes: write.bytes }] : [];
    }),
    warnings: [...compat.warnings, ...placed.warnings, ...loader.warnings],
  };
}

/** The loader's part of a layer in which another hook's libraries stay known: `kept` is of the record what is live. */
export function planOwnLoader(
  entries: readonly LoaderEdit[],
  { old, kept }: { readonly old: LayerRecord; readonly kept: LayerRecord },
  scene: FileScene,
): LoaderPlan {
  const loader = planLoader(entries, recordWithout(old, kept), scene);
  return {
    ...loader,
    record: { ...loader.record, cachePaths: new Set([...kept.cachePaths, ...loader.record.cachePaths]) },
  };
}

/** No edits at all. */
export const NOTHING = {
  devices: [],
  mounts: [],
  links: [],
  loaderEntries: [],
  env: [],
  groups: [],
  files: [],
} as const;
const REASON = "the CDI file says so";

function withReason({ path, target }: ContainerUpdate["links"][number]): LinkEdit {
  return { path, target, reason: REASON };
}

function loaderEdit(entry: ContainerUpdate["loaderEntries"][number]): LoaderEdit {
  return { ...entry, isOfImage: false, reason: REASON };
}

interface FoundCompat {
  readonly entries: readonly LoaderEdit[];
  readonly warnings: readonly string[];
}

/** The image's own, newer CUDA libraries; not those that one of the container's mounts hides. */
export function findCompat(update: ContainerUpdate, view: ContainerView): FoundCompat {
  const { compatFolder, driverVersion, cudaVersion, brands } = update;
  if (compatFolder === undefined) return { entries: [], warnings: [] };
  try {
    const isHidden = view.folder(compatFolder).cover !== undefined;
    const compat = isHidden ? undefined : readCompatLibraries(view.rootfs, compatFolder);
    if (compat === undefined) return { entries: [], warnings: [] };
    const cuda = cudaVersion === undefined ? undefined : { version: cudaVersion, isExact: true };
    const { isUsed, reason } = judgeCompat(compat, {
      gpus: brands.map((brand) => ({ name: `a GPU of this host (${brand})`, brand })),
      driver: { version: driverVersion, cuda },
      isUnit: driverVersion === undefined,
    });
    if (!isUsed) return { entries: [], warnings: [] };
    return { entries: compat.libraries.map((library) => ({ ...library, isOfImage: true, reason })), warnings: [] };
  } catch (error) {
    if (!(error instanceof BerthError)) throw error;
    return { entries: [], warnings: [`the image's "${compatFolder}" is not used: ${error.message}`] };
  }
}

/** The profile of the GPUs whose nodes the container has. */
export function profile(
  { hasApplicationProfile }: Pick<ContainerUpdate, "hasApplicationProfile">,
  whole: Root,
): readonly FileEdit[] {
  return hasApplicationProfile ? profileOf(minorsIn(whole), REASON) : [];
}

function minorsIn(whole: Root): readonly number[] {
  using dev = whole.enter("/dev");
  const names = dev?.list("/", MAX_NODES) ?? [];
  return names.flatMap((name) => {
    const node = /^nvidia\d+$/.test(name) ? dev?.lstat(`/${name}`) : undefined;
    return node?.kind === "char" && node.major === NVIDIA_MAJOR ? [node.minor] : [];
  });
}

/**
 * What would be left in the layer after an upgrade: the empty files and the folder, named after the driver's version, that the low-level runtime made to mount on. It has
 * made them already, so an empty file of such a name is taken for one.
 */
function madeByRuntime({ driverVersion }: ContainerUpdate, view: ContainerView, mounts: readonly MountEdit[]) {
  const isOfDriver = (path: string): boolean => driverVersion !== undefined && path.includes(driverVersion);
  const isStub = (path: string): boolean => {
    const stat = isOfDriver(path) ? view.rootfs.lstat(path) : undefined;
    return stat?.kind === "file" && stat.size === 0;
  };
  const folders = new Set(mounts.map(({ containerPath }) => view.folder(folderOf(containerPath)).path));
  return { isStub, folders: [...folders].filter((folder) => nameOf(folder) === driverVersion) };
}

/** Something to mount on: the low-level runtime has made its mounts already. */
function missingPoint({ containerPath }: MountEdit, view: ContainerView): readonly RootfsWrite[] {
  const { exists, folderCover } = view.file(containerPath);
  return exists || folderCover !== undefined ? [] : [writeToLayer(containerPath, new Uint8Array(), view)];
}

/** `disable-device-node-modification` alone. */
export function hideDeviceFiles(scene: HookScene): readonly string[] {
  using whole = Root.open(scene.rootfs);
  return mountForContainer(scene, whole, hiddenParams({ hidesDeviceFiles: true, hostRoot: "/" }, whole));
}

/** The driver's parameters with `ModifyDeviceFiles` off, where they are on. Rule: nvidia-container-toolkit 1.20 (disable-device-node-modification). */
function hiddenParams(
  { hidesDeviceFiles, hostRoot }: Pick<ContainerUpdate, "hidesDeviceFiles" | "hostRoot">,
  whole: Root,
): LiveFile[] {
  if (!hidesDeviceFiles) return [];
  const text = readText(inFolder(hostRoot, PARAMS.slice(1)), MAX_PARAMS_BYTES);
  const hidden = text === undefined ? undefined : withoutDeviceFiles(text);
  if (hidden === undefined || hidden === text || whole.stat(PARAMS) === undefined) return [];
  return [{ path: PARAMS, bytes: Buffer.from(hidden), on: PROC_SUPER_MAGIC }];
}
