import { readdirSync, unlinkSync } from "node:fs";
import {
  BerthError,
  errnoCode,
  isAbandoned,
  isJsonArray,
  isJsonObject,
  makePrivateFolder,
  ownField,
  replaceFile,
  toSafeInteger,
  type JsonObject,
  type JsonValue,
} from "../base/index.ts";
import { effectiveUid, lockFile, ProcessHandle, readBootId, readText } from "../linux/index.ts";
import { fileNameOf } from "./plan-spec.ts";

/** What a container that exists was given beside its spec; for taking it back, and for its device permissions when systemd forgets them. */
export interface Attachment {
  readonly containerId: string;
  /** Its init: with boot and start time the same one for ever. */
  readonly boot: string;
  readonly pid: number;
  readonly startTime: string;
  /** The GPUs that `berth attach` gave it, by the `key` of a GpuPart. */
  readonly gpus: readonly string[];
  /** What the prestart hook has allowed it: permissions that are not in its spec. */
  readonly started: readonly AttachedNode[];
  /** What `berth attach` has allowed it. */
  readonly devices: readonly AttachedNode[];
  /** What `berth attach` mounted for it beside GPUs' nodes, in this order. */
  readonly mounts: readonly AttachedMount[];
}

export interface AttachedNode {
  readonly path: string;
  readonly major: number;
  readonly minor: number;
}

export interface AttachedMount {
  readonly hostPath: string;
  readonly path: string;
}

const MAX_BYTES = 1024 * 1024;
const LOCK_DEADLINE_MS = 30_000;
/** Looking for dead records is a small thing, but not at each start of a container. */
const SWEEP_EVERY = 16;

/** The record of a container; undefined when there is none, or when it is another container's of that name or of an earlier boot. */
export function readAttachment(stateDir: string, containerId: string, process: ProcessHandle): Attachment | undefined {
  const found = readRecord(pathOf(stateDir, containerId));
  return found !== undefined && isRecordOf(found, process) ? found : undefined;
}

/** All records of containers that live. */
export function listAttachments(stateDir: string): readonly Attachment[] {
  return names(stateDir).flatMap((name) => {
    const found = isRecord(name) ? readRecord(`${folderOf(stateDir)}/${name}`) : undefined;
    return found !== undefined && isAlive(found) ? [found] : [];
  });
}

/**
 * Keeps the record of a container, or takes it away when there is nothing in it any more; those of containers that are gone go with it, with `isSparing` only now and then. Throws errno
 * errors.
 */
export function saveAttachment(stateDir: string, record: Attachment, { isSparing = false } = {}): void {
  const path = pathOf(stateDir, record.containerId);
  if (!isSparing || names(stateDir).length % SWEEP_EVERY === 0) removeDead(stateDir);
  if (record.started.length + record.devices.length + record.mounts.length + record.gpus.length === 0)
    return remove(path);
  makeFolders(stateDir);
  replaceFile(path, Buffer.from(`${JSON.stringify(record, undefined, 1)}\n`), { mode: 0o600 });
}

/** Keeps other commands from changing a container meanwhile. Throws BERTH-P004 when one takes too long, and errno errors. */
export function lockAttachments(stateDir: string): Disposable {
  makeFolders(stateDir);
  try {
    return lockFile(`${folderOf(stateDir)}/lock`, LOCK_DEADLINE_MS);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message = `Cannot change a running container: ${cause.message}`;
    throw new BerthError(
      { code: "BERTH-P004", message, remedy: "wait for the other berth attach or detach, or end it" },
      { cause },
    );
  }
}

function makeFolders(stateDir: string): void {
  const uid = effectiveUid();
  makePrivateFolder(stateDir, uid);
  makePrivateFolder(folderOf(stateDir), uid);
}

/** A record with nothing in it, of a container's init. */
export function newAttachment(containerId: string, { pid, startTime = "" }: ProcessHandle): Attachment {
  return { containerId, boot: readBootId(), pid, startTime, gpus: [], started: [], devices: [], mounts: [] };
}

function folderOf(stateDir: string): string {
  return `${stateDir}/attached`;
}

function pathOf(stateDir: string, containerId: string): string {
  return `${folderOf(stateDir)}/${fileNameOf(containerId)}.json`;
}

function names(stateDir: string): readonly string[] {
  try {
    return readdirSync(folderOf(stateDir));
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** Records of containers that are gone, and what was killed in the middle of writing one. */
function removeDead(stateDir: string): void {
  for (const name of names(stateDir)) {
    const path = `${folderOf(stateDir)}/${name}`;
    const found = isRecord(name) ? readRecord(path) : undefined;
    const isLeft = isRecord(name)
      ? found === undefined || !isAlive(found)
      : isAbandoned(name, name.slice(0, name.lastIndexOf(".") + 1));
    if (isLeft) remove(path);
  }
}

function isRecord(name: string): boolean {
  return name.endsWith(".json");
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoCode(error) !== "ENOENT") throw error;
  }
}

function isAlive(record: Attachment): boolean {
  using process = ProcessHandle.open(record.pid);
  return process !== undefined && isRecordOf(record, process);
}

/** Whether a process is the one that a record was made for; its number can have been given to another. */
export function isRecordOf({ boot, pid, startTime }: Attachment, process: ProcessHandle): boolean {
  return boot === readBootId() && pid === process.pid && startTime === process.startTime;
}

/** Undefined for what is not a record. */
function readRecord(path: string): Attachment | undefined {
  try {
    const value: JsonValue = JSON.parse(readText(path, MAX_BYTES) ?? "null");
    return isJsonObject(value) ? narrow(value) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function narrow(value: JsonObject): Attachment | undefined {
  const text = (name: string): string => textOf(value, name);
  const list = (name: string): readonly JsonValue[] => {
    const field = ownField(value, name);
    return isJsonArray(field) ? field : [];
  };
  const pid = toSafeInteger(ownField(value, "pid"));
  if (pid === undefined) return undefined;
  return {
    containerId: text("containerId"),
    boot: text("boot"),
    pid,
    startTime: text("startTime"),
    gpus: list("gpus").filter((each) => typeof each === "string"),
    started: list("started").flatMap(narrowNode),
    devices: list("devices").flatMap(narrowNode),
    mounts: list("mounts").map((each) => ({ hostPath: textOf(each, "hostPath"), path: textOf(each, "path") })),
  };
}

function narrowNode(value: JsonValue): readonly AttachedNode[] {
  const [major, minor] = ["major", "minor"].map((name) => {
    return isJsonObject(value) ? toSafeInteger(ownField(value, name)) : undefined;
  });
  return major === undefined || minor === undefined ? [] : [{ path: textOf(value, "path"), major, minor }];
}

function textOf(value: JsonValue, name: string): string {
  const field = isJsonObject(value) ? ownField(value, name) : undefined;
  return typeof field === "string" ? field : "";
}
