import type { MountEdit } from "../edits/index.ts";
import { isShared, lookIntoVolume, type ContainerView } from "./container-view.ts";
import { folderOf, inFolder, nameOf } from "./paths.ts";
import type { FileWrite, StateWrite } from "./plan.ts";

/** Where the new content of one of the container's files can go. */
export type FilePlace =
  | { readonly kind: "layer" | "state"; readonly existing: Uint8Array | undefined }
  | { readonly kind: "nowhere"; readonly why: string };

/** What it takes to give the container one file. */
export interface FileEdit {
  readonly rootfsWrites: readonly FileWrite[];
  readonly stateWrites: readonly StateWrite[];
  readonly mounts: readonly MountEdit[];
}

export const NO_FILE_EDIT: FileEdit = { rootfsWrites: [], stateWrites: [], mounts: [] };

/** Where a file of a container is kept: `stateFolder` is the container's folder on the host, `bundleDir` its bundle. */
export interface FileScene {
  readonly view: ContainerView;
  readonly stateFolder: string;
  readonly bundleDir: string;
}

/**
 * Where a file can be replaced: in the layer, or, where the layer is covered or read-only, by a bind mount over the file
 * that is there. A file that does not exist in a volume cannot be had: nothing is made in a volume.
 */
export function findFilePlace(path: string, maxBytes: number, { view, bundleDir }: FileScene): FilePlace {
  const { cover } = view.file(path);
  if (cover === undefined) {
    const existing = view.rootfs.readFile(path, maxBytes);
    if (view.isWritable) return { kind: "layer", existing };
    if (existing !== undefined) return { kind: "state", existing };
    return { kind: "nowhere", why: `the root file system is read-only and has no "${path}"` };
  }
  if (cover.kind === "empty") return { kind: "state", existing: view.rootfs.readFile(path, maxBytes) };
  if (isShared(cover)) {
    const why = `it is in the volume on "${cover.mount.destination}", and what is mounted there would show on the host`;
    return { kind: "nowhere", why };
  }
  const { kind, bytes } = lookIntoVolume(path, view, { bundleDir, maxBytes });
  if (kind === "file") return { kind: "state", existing: bytes };
  return { kind: "nowhere", why: `the container's own mount on "${cover.mount.destination}" has no file "${path}"` };
}

/** The edit that gives a file its new content; nothing to do in the layer when it has that content already. */
export function editFile(path: string, place: FilePlace, bytes: Uint8Array, scene: FileScene): FileEdit {
  if (place.kind === "nowhere") return NO_FILE_EDIT;
  if (place.kind === "layer") {
    if (place.existing !== undefined && Buffer.compare(place.existing, bytes) === 0) return NO_FILE_EDIT;
    return { ...NO_FILE_EDIT, rootfsWrites: [writeToLayer(path, bytes, scene.view)] };
  }
  const hostPath = `${scene.stateFolder}/${nameOf(path)}`;
  const mount: MountEdit = {
    hostPath,
    containerPath: path,
    kind: "config",
    options: ["ro", "nosuid", "nodev", "noexec", "bind"],
    reason: "the file itself is covered or cannot be written",
  };
  return { rootfsWrites: [], stateWrites: [{ kind: "file", path: hostPath, bytes }], mounts: [mount] };
}

/** A file's new content in the layer: mode and owner of the old file, else 0644 and the folder's owner. */
export function writeToLayer(path: string, bytes: Uint8Array, view: ContainerView): FileWrite {
  const folder = view.folder(folderOf(path));
  const place = inFolder(folder.path, nameOf(path));
  const before = folder.missing.length > 0 ? undefined : view.rootfs.lstat(place);
  const isFile = before?.kind === "file";
  return {
    kind: "file",
    path: place,
    bytes,
    mode: isFile ? before.mode & 0o777 : 0o644,
    owner: isFile ? { uid: before.uid, gid: before.gid } : folder.owner,
    newFolders: folder.missing,
    isNew: before === undefined,
  };
}
