import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import {
  BerthError,
  formatJson,
  makePrivateFolder,
  messageOf,
  replaceFile,
  undoable,
  type JsonObject,
  type Undo,
} from "../base/index.ts";
import { effectiveUid, type Root } from "../linux/index.ts";
import type { Bundle } from "../oci/index.ts";
import { folderOf } from "./paths.ts";
import type { FileWrite, LinkWrite, RootfsWrite, SpecPlan, StateWrite } from "./plan.ts";

export interface CarryOutOptions {
  readonly bundle: Bundle;
  readonly rootfs: Root;
  readonly stateDir: string;
  readonly now: Date;
}

/** A file larger than this is not kept in memory for the case that a start fails: it is then gone from the layer. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** The low-level runtime needs a file of ours for the moment between our edit and its mounts. */
const STATE_LIFETIME_MS = 3_600_000;
const EMPTY = new Uint8Array();

/**
 * Does what was planned: our own files, the layer, and `config.json` last, by rename. On a failure what was done to the layer
 * is undone, and `config.json` is what it was. Throws BERTH-P001 (layer, state folder) or BERTH-P003 (`config.json`).
 */
export function carryOut(plan: SpecPlan, options: CarryOutOptions): void {
  writeState(plan.stateWrites, options);
  writeLayer(plan.rootfsWrites, options.rootfs, () => writeSpec(plan.spec, options.bundle));
}

/** Writes into a layer, and does at the end what belongs to it. When anything of it fails the layer is as it was. Throws BERTH-P001, or what `last` throws. */
export function writeLayer(writes: readonly RootfsWrite[], rootfs: Root, last: () => void): void {
  undoable((undos) => {
    for (const write of writes) applyWrite(write, rootfs, undos);
    last();
  });
}

/** Replaces a bundle's `config.json` in one step, unless it is the same. Throws BERTH-P003. */
export function writeSpec(spec: JsonObject, { configPath, bytes }: Bundle): void {
  const text = Buffer.from(formatJson(spec));
  if (Buffer.compare(text, bytes) === 0) return;
  try {
    replaceFile(configPath, text);
  } catch (cause) {
    const message = `Cannot replace "${configPath}": ${messageOf(cause)}`;
    const remedy = "see that the bundle's file system has space and can be written";
    throw new BerthError({ code: "BERTH-P003", message, remedy }, { cause });
  }
}

function applyWrite(write: RootfsWrite, rootfs: Root, undos: Undo[]): void {
  switch (write.kind) {
    case "file":
      prepare(write, rootfs, undos);
      return rootfs.replaceFile(write.path, write.bytes, { mode: write.mode, ...write.owner });
    case "link":
      prepare(write, rootfs, undos);
      return rootfs.replaceLink(write.path, write.target, write.owner);
    case "folder":
      for (const folder of [...write.newFolders, write.path]) undos.push(() => void rootfs.removeFolder(folder));
      return void rootfs.makeFolders(write.path, write.owner);
    case "remove":
      undos.push(remember(write.path, rootfs));
      return void rootfs.unlink(write.path);
    case "remove-folder":
      undos.push(rememberFolder(write.path, rootfs));
      return void rootfs.removeFolder(write.path);
  }
}

function prepare(write: FileWrite | LinkWrite, rootfs: Root, undos: Undo[]): void {
  for (const folder of write.newFolders) undos.push(() => void rootfs.removeFolder(folder));
  if (write.newFolders.length > 0) rootfs.makeFolders(folderOf(write.path), write.owner);
  undos.push(write.isNew ? () => void rootfs.unlink(write.path) : remember(write.path, rootfs));
}

/** What is at a path now, as the way back to it. */
function remember(path: string, rootfs: Root): Undo {
  const stat = rootfs.lstat(path);
  if (stat === undefined) return () => void rootfs.unlink(path);
  const { mode, uid, gid } = stat;
  if (stat.kind === "link") {
    const target = rootfs.readLink(path) ?? "";
    return () => rootfs.replaceLink(path, target, { uid, gid });
  }
  if (stat.kind !== "file" || stat.size > MAX_KEPT_BYTES) return () => {};
  const bytes = stat.size === 0 ? EMPTY : (rootfs.readFile(path, MAX_KEPT_BYTES) ?? EMPTY);
  return () => rootfs.replaceFile(path, bytes, { mode, uid, gid });
}

function rememberFolder(path: string, rootfs: Root): Undo {
  const stat = rootfs.lstat(path);
  if (stat?.kind !== "folder") return () => {};
  return () => void rootfs.makeFolders(path, { uid: stat.uid, gid: stat.gid });
}

/** Writes files of ours on the host. Throws BERTH-P001. */
export function writeState(
  writes: readonly StateWrite[],
  { stateDir, now }: Pick<CarryOutOptions, "stateDir" | "now">,
): void {
  if (writes.length === 0) return;
  const [containers, links] = [`${stateDir}/containers`, `${stateDir}/links`];
  try {
    const uid = effectiveUid();
    makePrivateFolder(stateDir, uid);
    makePrivateFolder(containers, uid);
    removeOld(containers, now, () => true);
    // Folders of links are mounted for as long as a container lives; only what a killed start left is cleared.
    if (writes.some(({ kind }) => kind === "links")) {
      makePrivateFolder(links, uid);
      removeOld(links, now, (name) => name.includes("."));
    }
    for (const write of writes) {
      makePrivateFolder(folderOf(write.path), uid);
      if (write.kind === "file") replaceFile(write.path, write.bytes);
      else makeLinkFolder(write);
    }
  } catch (cause) {
    const message = `Cannot write the container's own files into "${stateDir}": ${String(cause)}`;
    const remedy = `see that "${stateDir}" is a folder of this user with space`;
    throw new BerthError({ code: "BERTH-P001", message, remedy }, { cause });
  }
}

/**
 * Whole or not at all: the folder gets its name when every link is in it. One that is there is used if nobody has changed it, which a container with CAP_SYS_ADMIN
 * can; a changed one stays, under another name, to those that have it mounted.
 */
function makeLinkFolder({ path, links }: LinkFolderWrite): void {
  if (isIntact(path, links)) return;
  const unfinished = mkdtempSync(`${path}.`);
  try {
    for (const { name, target } of links) symlinkSync(target, `${unfinished}/${name}`);
    chmodSync(unfinished, 0o755);
    putInPlace(unfinished, path, links);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** A folder that is there is never emptied: another start may have made it just now, and its container has it. */
function putInPlace(unfinished: string, path: string, links: LinkFolderWrite["links"]): void {
  try {
    renameSync(unfinished, path);
  } catch {
    // Something is there: what another start has made, or what was changed.
    if (isIntact(path, links)) return;
    renameSync(path, `${unfinished}.changed`);
    renameSync(unfinished, path);
  }
}

type LinkFolderWrite = Extract<StateWrite, { kind: "links" }>;

function isIntact(path: string, links: LinkFolderWrite["links"]): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true || stat.uid !== effectiveUid() || (stat.mode & 0o7777) !== 0o755) return false;
  const names = readdirSync(path, { withFileTypes: true });
  const isLink = (name: string): boolean => names.some((entry) => entry.name === name && entry.isSymbolicLink());
  if (names.length !== links.length) return false;
  return links.every(({ name, target }) => isLink(name) && readlinkSync(`${path}/${name}`) === target);
}

/** Containers that were started long ago have mounted their files; the files are not needed any more. */
function removeOld(parent: string, now: Date, isOurs: (name: string) => boolean): void {
  for (const name of readdirSync(parent).filter(isOurs)) {
    const folder = `${parent}/${name}`;
    try {
      const stat = statSync(folder, { throwIfNoEntry: false });
      const isOld = stat !== undefined && now.getTime() - stat.mtimeMs > STATE_LIFETIME_MS;
      if (isOld) rmSync(folder, { recursive: true, force: true });
    } catch {
      // Another start is clearing the same folder: what is left of it goes with the next one.
    }
  }
}
