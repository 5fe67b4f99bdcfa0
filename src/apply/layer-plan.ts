import type { LinkEdit, MountEdit } from "../edits/index.ts";
import type { Root } from "../linux/index.ts";
import type { ContainerView } from "./container-view.ts";
import { writeToLayer } from "./etc-file.ts";
import { folderOf, inFolder, isWithin, nameOf } from "./paths.ts";
import type { LoaderPlan } from "./loader-plan.ts";
import type { LinkWrite, RootfsWrite } from "./plan.ts";
import {
  EMPTY_RECORD,
  formatRecord,
  joinRecords,
  MAX_RECORD_BYTES,
  parseRecord,
  RECORD_PATH,
  type LayerRecord,
} from "./record.ts";

/** What the last start recorded; a file that is not a record of ours counts as none. */
export function readRecord(rootfs: Root): LayerRecord {
  const stat = rootfs.stat(RECORD_PATH);
  if (stat?.kind !== "file" || stat.size > MAX_RECORD_BYTES) return EMPTY_RECORD;
  return parseRecord(rootfs.readFile(RECORD_PATH, MAX_RECORD_BYTES) ?? new Uint8Array()) ?? EMPTY_RECORD;
}

/** What goes into the layer. */
export interface LayerWants {
  readonly links: readonly LinkEdit[];
  /** All mounts of the plan; `isFolder` says which sources are folders. */
  readonly mounts: readonly MountEdit[];
  readonly isFolder: (hostPath: string) => boolean;
  readonly loader: LoaderPlan;
  /** What the low-level runtime made already, where the container's mounts came before this. */
  readonly made?: { readonly isStub: (path: string) => boolean; readonly folders: readonly string[] };
}

/**
 * The writes to the layer in an order that a crash at any point cannot break: first the record of everything old and new,
 * then what the old driver left is taken out, then the new things come, at last the record of those alone.
 */
export function planLayer(wants: LayerWants, old: LayerRecord, view: ContainerView): readonly RootfsWrite[] {
  if (!view.isWritable) return [];
  const links = wants.links.map((link) => placeInLayer(link, view));
  const stubs = mountPoints(wants, old, view);
  const files = wants.loader.edits.flatMap((edit) => edit.rootfsWrites);
  const made = [...links.map((link) => link.path), ...stubs.all, ...files.map((file) => file.path), RECORD_PATH];
  const newLinks = links.filter((link) => link.isNew || view.rootfs.readLink(link.path) !== link.target);
  const changed = new Set(newLinks);
  const record: LayerRecord = {
    ...wants.loader.record,
    links: new Map(
      links.filter((link) => changed.has(link) || old.links.has(link.path)).map((link) => [link.path, link.target]),
    ),
    stubs: new Set(stubs.files),
    folders: new Set([...stubs.folders, ...ownFolders(made, old, view), ...(wants.made?.folders ?? [])]),
  };
  const removals = planRemovals(old, record, view.rootfs);
  const isLeaving = removals.length > 0 || [...old.cachePaths].some((path) => !record.cachePaths.has(path));
  return [
    ...writeRecord(isLeaving ? joinRecords(old, record) : record, wants.loader.confFolders, view),
    ...removals,
    ...files,
    ...newLinks,
    ...(isLeaving ? writeRecord(record, wants.loader.confFolders, view) : []),
  ];
}

/** A link at its place after the image's links were followed. */
function placeInLayer(link: LinkEdit, view: ContainerView): LinkWrite {
  const folder = view.folder(folderOf(link.path));
  const path = inFolder(folder.path, nameOf(link.path));
  const isNew = folder.missing.length > 0 || view.rootfs.lstat(path) === undefined;
  return { kind: "link", path, target: link.target, owner: folder.owner, newFolders: folder.missing, isNew };
}

interface MountPoints {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  readonly all: readonly string[];
}

/** The mount points that the low-level runtime will make in the layer, or made at an earlier start. */
function mountPoints({ mounts, isFolder, made }: LayerWants, old: LayerRecord, view: ContainerView): MountPoints {
  const found: { path: string; isFolder: boolean }[] = [];
  for (const mount of mounts) {
    const point = view.file(mount.containerPath);
    if (point.folderCover !== undefined) continue;
    const isOurs = old.stubs.has(point.path) || old.folders.has(point.path) || old.links.has(point.path);
    if (isOurs || !point.exists || made?.isStub(point.path) === true)
      found.push({ path: point.path, isFolder: isFolder(mount.hostPath) });
  }
  return {
    files: found.filter((each) => !each.isFolder).map((each) => each.path),
    folders: found.filter((each) => each.isFolder).map((each) => each.path),
    all: found.map((each) => each.path),
  };
}

/** The folders above these paths that do not exist yet, and those that an earlier start made. */
function ownFolders(paths: readonly string[], old: LayerRecord, view: ContainerView): readonly string[] {
  const parents = [...new Set(paths.map(folderOf))];
  const earlier = [...old.folders].filter((folder) => parents.some((parent) => isWithin(parent, folder)));
  return [...parents.flatMap((parent) => view.folder(parent).missing), ...earlier];
}

/**
 * What an older start left and this one does not want. The record may be the image's invention, so only three kinds of
 * things are ever removed: empty files, links that lead where the record says, and empty folders.
 */
function planRemovals(old: LayerRecord, wanted: LayerRecord, rootfs: Root): readonly RootfsWrite[] {
  const links = [...old.links].filter(([path, target]) => !wanted.links.has(path) && rootfs.readLink(path) === target);
  const stubs = [...old.stubs].filter(
    (path) => !wanted.stubs.has(path) && !wanted.links.has(path) && isEmptyFile(path, rootfs),
  );
  const folders = [...old.folders].filter((path) => !wanted.folders.has(path) && rootfs.lstat(path)?.kind === "folder");
  const made = [...links.map(([path]) => path), ...stubs];
  return [
    ...made.map((path) => ({ kind: "remove", path }) as const),
    ...folders
      .toSorted()
      .toReversed()
      .map((path) => ({ kind: "remove-folder", path }) as const),
  ];
}

function isEmptyFile(path: string, rootfs: Root): boolean {
  const stat = rootfs.lstat(path);
  return stat?.kind === "file" && stat.size === 0;
}

function writeRecord(record: LayerRecord, confFolders: readonly string[], view: ContainerView): readonly RootfsWrite[] {
  const bytes = Buffer.from(formatRecord(record, confFolders));
  const before = view.rootfs.stat(RECORD_PATH);
  const isSame = before?.kind === "file" && before.size === bytes.length;
  const existing = isSame ? view.rootfs.readFile(RECORD_PATH, bytes.length) : undefined;
  if (existing !== undefined && Buffer.compare(existing, bytes) === 0) return [];
  return [writeToLayer(RECORD_PATH, bytes, view)];
}
