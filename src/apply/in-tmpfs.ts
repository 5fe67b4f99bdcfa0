import type { LinkEdit } from "../edits/index.ts";
import { asOwner, TMPFS_MAGIC, type Owner, type Root } from "../linux/index.ts";
import type { ContainerView, Cover } from "./container-view.ts";
import { folderOf, inFolder, isWithin, linkDestination, nameOf } from "./paths.ts";
import type { LinkFolder } from "./place-edits.ts";

/** A container that has its mounts: what may be written into is a tmpfs of its own, /dev in nearly all cases. */
export interface TmpfsScene {
  readonly view: ContainerView;
  readonly whole: Root;
}

/** What was made in the tmpfs on `cover`: files and links, or folders. */
export interface Made {
  readonly cover: Cover;
  readonly kind: "file" | "folder";
  /** Inside the tmpfs. */
  readonly path: string;
}

/** Something to mount on, where the place is in a tmpfs and nothing is there; in the layer it is planned. Gives back what was made, in order. */
export function makePoint(path: string, { view, whole }: TmpfsScene, isFolder = false): readonly Made[] {
  const { cover, folderCover } = view.file(path);
  if (folderCover?.kind !== "empty" || cover?.kind !== "empty" || whole.stat(path) !== undefined) return [];
  return inTmpfs(folderCover, whole, (tmpfs, owner) => {
    const place = pathBelow(path, folderCover.path);
    const folders = makeFolders(tmpfs, isFolder ? place : folderOf(place), owner, folderCover);
    if (isFolder) return folders;
    tmpfs.replaceFile(place, new Uint8Array(), { mode: 0o444, ...owner });
    return [...folders, { cover: folderCover, kind: "file", path: place }];
  });
}

/** Makes links in a tmpfs; those that lead to nothing only where `isComplete`. Gives back what was made, in order. */
export function makeLinks({ path, links }: LinkFolder, scene: TmpfsScene, isComplete: boolean): readonly Made[] {
  const { view, whole } = scene;
  const isLeading = (link: LinkEdit): boolean => whole.stat(linkDestination(link.path, link.target)) !== undefined;
  const wanted = isComplete ? links : links.filter(isLeading);
  const { cover } = view.folder(path);
  if (cover === undefined || wanted.length === 0 || !isWithin(path, cover.path)) return [];
  return inTmpfs(cover, whole, (tmpfs, owner) => {
    const inside = pathBelow(path, cover.path) || "/";
    const folders = makeFolders(tmpfs, inside, owner, cover);
    const made = wanted.flatMap((link): Made[] => {
      const place = inFolder(inside, nameOf(link.path));
      if (tmpfs.readLink(place) === link.target) return [];
      tmpfs.replaceLink(place, link.target, owner);
      return [{ cover, kind: "file", path: place }];
    });
    return [...folders, ...made];
  });
}

/** Takes out what was made, the last thing first; a folder that somebody else uses by now stays. */
export function unmake(made: readonly Made[], whole: Root): void {
  for (const { cover, kind, path } of made.toReversed()) {
    inTmpfs(cover, whole, (tmpfs) => {
      if (kind === "folder") tmpfs.removeFolder(path);
      else tmpfs.unlink(path);
      return [];
    });
  }
}

/** Takes out links, nodes and empty files of a tmpfs, and the folders above them that are empty then. What is elsewhere stays, and what holds something. */
export function removeFromTmpfs(paths: readonly string[], { view, whole }: TmpfsScene): void {
  for (const path of paths) {
    const { cover } = view.folder(folderOf(path));
    if (cover?.kind !== "empty" || !isWithin(path, cover.path)) continue;
    inTmpfs(cover, whole, (tmpfs) => {
      const place = pathBelow(path, cover.path);
      const stat = tmpfs.lstat(place);
      if (stat?.kind === "folder" || (stat?.kind === "file" && stat.size > 0)) return [];
      tmpfs.unlink(place);
      tmpfs.removeAbandoned(folderOf(place));
      for (let above = folderOf(place); above !== "/" && tmpfs.removeFolder(above);) above = folderOf(above);
      return [];
    });
  }
}

function makeFolders(tmpfs: Root, path: string, owner: Owner, cover: Cover): readonly Made[] {
  if (path === "/") return [];
  return tmpfs.makeFolders(path, owner).map((made) => ({ cover, kind: "folder", path: made }));
}

/** Calls `work` with the file system of a cover, if what is there now is a tmpfs, whatever the spec says. */
function inTmpfs(cover: Cover, whole: Root, work: (tmpfs: Root, owner: Owner) => readonly Made[]): readonly Made[] {
  using tmpfs = whole.enter(cover.path);
  if (tmpfs?.fileSystem !== TMPFS_MAGIC) return [];
  const { uid = 0, gid = 0 } = tmpfs.stat("/") ?? {};
  return asOwner({ uid, gid }, () => work(tmpfs, { uid, gid }));
}

function pathBelow(path: string, folder: string): string {
  return folder === "/" ? path : path.slice(folder.length);
}
