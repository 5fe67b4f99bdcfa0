import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { joinDeviceNumber, syscall, SysError } from "../linux/index.ts";
import type { TreeEntry } from "./tree.ts";

const CURRENT_FOLDER = -100;
const CHARACTER_DEVICE = 0o020000;
const SOCKET = 0o140000;

/** How device nodes were made: `stand-ins` are plain files that say which device they stand for. */
export type NodeKind = "nodes" | "stand-ins";

/**
 * Makes the entries below `dir`. Where mknod is not permitted, or `nodes` says so, device nodes become stand-ins.
 * Throws errno errors; EEXIST for what is already there.
 */
export function writeTree(dir: string, entries: readonly TreeEntry[], nodes: NodeKind): NodeKind {
  let made = nodes;
  for (const entry of entries) {
    makeFolder(dirname(join(dir, entry.path)));
    if (entry.kind === "device" && made === "nodes") made = tryNode(dir, entry) ? "nodes" : "stand-ins";
    if (entry.kind === "device" && made === "stand-ins") writeStandIn(dir, entry);
    if (entry.kind !== "device") writeEntry(join(dir, entry.path), entry);
  }
  return made;
}

/** Turns the tree of `before` below `dir` into that of `after`; what is the same in both stays as it is. */
export function changeTree(dir: string, before: readonly TreeEntry[], after: readonly TreeEntry[]): void {
  const old = new Map(before.map((entry) => [entry.path, entry]));
  const changed = after.filter((entry) => !isSame(entry, old.get(entry.path)));
  const kept = new Set(after.map((entry) => entry.path));
  // A new file in place of the old one: a container that has the old one mounted keeps it, as with a real driver.
  const gone = before.filter((entry) => !kept.has(entry.path));
  for (const { path } of [...gone, ...changed]) rmSync(join(dir, path), { force: true });
  for (const { path } of gone) removeEmptyFolders(dirname(join(dir, path)));
  writeTree(dir, changed, "nodes");
}

function isSame(a: TreeEntry, b: TreeEntry | undefined): boolean {
  if (b === undefined || a.kind !== "file" || b.kind !== "file") return Bun.deepEquals(a, b);
  return a.mode === b.mode && Buffer.from(a.content).equals(Buffer.from(b.content));
}

function removeEmptyFolders(path: string): void {
  if (!existsSync(path) || readdirSync(path).length > 0) return;
  rmdirSync(path);
  removeEmptyFolders(dirname(path));
}

// The modes are set apart from making: the umask of whoever simulates must not show.
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
  chmodSync(path, 0o755);
}

function writeEntry(path: string, entry: Exclude<TreeEntry, { kind: "device" }>): void {
  if (entry.kind === "link") {
    symlinkSync(entry.target, path);
    return;
  }
  if (entry.kind === "folder") makeFolder(path);
  if (entry.kind === "file") writeFileSync(path, entry.content, { flag: "wx" });
  if (entry.kind === "socket") syscall(path, "mknodat", CURRENT_FOLDER, path, SOCKET | 0o600, 0);
  chmodSync(path, entry.mode);
}

type DeviceEntry = Extract<TreeEntry, { kind: "device" }>;

function tryNode(dir: string, entry: DeviceEntry): boolean {
  const path = join(dir, entry.path);
  try {
    syscall(path, "mknodat", CURRENT_FOLDER, path, CHARACTER_DEVICE | 0o600, joinDeviceNumber(entry));
  } catch (error) {
    if (error instanceof SysError && error.code === "EPERM") return false;
    throw error;
  }
  if (entry.group !== undefined) chownSync(path, 0, entry.group);
  chmodSync(path, entry.mode);
  return true;
}

function writeStandIn(dir: string, entry: DeviceEntry): void {
  const content = `berth-sim-device c ${entry.major} ${entry.minor}\n`;
  writeEntry(join(dir, entry.path), { kind: "file", path: entry.path, mode: entry.mode, content });
}
