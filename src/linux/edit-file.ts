import { closeSync, constants, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sha256Of } from "../base/index.ts";
import { cannotChange, inUse, notChanged } from "./edit-fault.ts";
import { ANY_NAME, openPlace, type EditPlace } from "./edit-place.ts";
import { carryOut } from "./edit-replace.ts";
import { timesOf, type OldFile } from "./edit-swap.ts";
import { sweep } from "./edit-sweep.ts";
import { findLockHolder } from "./lock-holder.ts";
import { lockFile } from "./lock-file.ts";
import { openIn } from "./open-in.ts";
import { SysError } from "./sys.ts";
import { isImmutable } from "./xattr.ts";

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_TRIES = 5;
const LOCK_DEADLINE_MS = 10_000;

export interface EditOptions {
  /** The new text from the old one: undefined is no file. The same text changes nothing, not even a time. May be called more than once. */
  readonly change: (text: string | undefined) => string | undefined;
  /** Looks at the new file, which stands beside the old one, before it takes its place; what it throws leaves all as it was. */
  readonly validate?: (temporaryPath: string) => void;
  /** The file that keeps other editors of berth out; its folder is made. */
  readonly lock: string;
  /** Keeps what was there before as `NAME.berth-backup.TIME`; the newest five stay. */
  readonly backup?: boolean;
  /** Makes folders that are not there yet (0755). */
  readonly makeParents?: boolean;
  /** The folder that is "/" for the path and the links on it. */
  readonly root?: string;
  /** How long another editor is waited for. */
  readonly lockDeadlineMs?: number;
}

export interface EditResult {
  readonly kind: "unchanged" | "written" | "removed" | "made";
  /** The file itself, after all links, on this machine. */
  readonly target: string;
  readonly backup: string | undefined;
  /** SHA-256 of the bytes; undefined: no file. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** What was done and is not quite what was there: other names of the old file, attributes that this user may not set. */
  readonly warnings: readonly string[];
}

/**
 * Changes a text file in one step: whoever reads it, and a kill or a power cut at any moment, meets the old file or the
 * new one. Links to it stay; mode, owner, label, access list and attributes stay; what a program that knows no lock
 * writes at the same time is not lost. Throws T003 (the kernel does not let us), T004 (not a file that is changed, or
 * not safe to), T005 (another editor), and what `change` and `validate` throw; then nothing has changed.
 */
export function editFile(path: string, options: EditOptions): EditResult {
  const shown = join(options.root ?? "/", path);
  using _ = takeLock(shown, options);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const result = edit(path, shown, options);
    if (result !== undefined) return result;
  }
  throw inUse(shown, `another program replaced it ${MAX_TRIES} times meanwhile`, "stop that program, or try again");
}

function takeLock(path: string, { lock, lockDeadlineMs = LOCK_DEADLINE_MS }: EditOptions): Disposable {
  try {
    mkdirSync(dirname(lock), { recursive: true, mode: 0o755 });
    return lockFile(lock, lockDeadlineMs);
  } catch (error) {
    if (!(error instanceof RangeError)) throw cannotChange(lock, error);
    const holder = findLockHolder(lock) ?? "another process";
    const why = `${holder} has held the lock "${lock}" for ${lockDeadlineMs} ms`;
    throw inUse(path, why, "let it end, and try again");
  }
}

/** What the caller's own functions throw goes to the caller as it is. */
class Thrown {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

function call<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    // oxlint-disable-next-line no-throw-literal, only-throw-error -- caught right above in this file
    throw new Thrown(error);
  }
}

function edit(path: string, shown: string, options: EditOptions): EditResult | undefined {
  try {
    using place = openPlace(path, { root: options.root ?? "/", isMaking: false });
    return place === undefined ? make(path, shown, options) : editPlace(place, options);
  } catch (error) {
    if (error instanceof Thrown) throw error.error;
    throw cannotChange(shown, error);
  }
}

/** A file in a folder that is not there yet. */
function make(path: string, shown: string, options: EditOptions): EditResult | undefined {
  const text = call(() => options.change(undefined));
  if (text === undefined) return { kind: "unchanged", target: shown, ...NOTHING };
  if (options.makeParents !== true) {
    const folder = dirname(shown);
    throw notChanged(shown, `the folder "${folder}" does not exist`, `mkdir -p '${folder}'`);
  }
  using place = openPlace(path, { root: options.root ?? "/", isMaking: true });
  return place && editPlace(place, options);
}

const NOTHING = { backup: undefined, before: undefined, after: undefined, warnings: [] } as const;

function editPlace(place: EditPlace, options: EditOptions): EditResult | undefined {
  if (sweep(place)) return undefined;
  const old = readOld(place);
  try {
    return editOld(place, old, options);
  } catch (error) {
    if (error instanceof Thrown) throw error;
    throw cannotChange(place.path, error, findImmutable(place, old));
  } finally {
    if (old !== undefined) closeSync(old.fd);
  }
}

function editOld(place: EditPlace, old: OldFile | undefined, options: EditOptions): EditResult | undefined {
  const text = old && decode(place, old.bytes);
  const wanted = call(() => options.change(text));
  const before = old && sha256Of(old.bytes);
  const result = { target: place.path, before };
  if (wanted === text) return { ...NOTHING, ...result, kind: "unchanged", after: before };
  const bytes = wanted === undefined ? undefined : Buffer.from(wanted);
  const validate = (path: string) => call(() => options.validate?.(path));
  const done = carryOut({ place, old, bytes, hasBackup: options.backup === true, validate });
  return done && { ...result, ...done, kind: kindOf(old, bytes), after: bytes && sha256Of(bytes) };
}

function kindOf(old: OldFile | undefined, bytes: Uint8Array | undefined): EditResult["kind"] {
  if (bytes === undefined) return "removed";
  return old === undefined ? "made" : "written";
}

function readOld(place: EditPlace): OldFile | undefined {
  const { folder, name, path, found } = place;
  if (found === undefined) return undefined;
  if (found.kind !== "file") throw notChanged(path, `it is not a regular file (${found.kind})`, "name a file");
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  const fd = openIn(folder, name, { flags, resolve: ANY_NAME });
  if (fd < 0) throw new SysError("openat2", -fd, path);
  try {
    const stats = timesOf(fd);
    if (stats.size > MAX_BYTES) {
      throw notChanged(path, `it has ${stats.size} bytes, and ${MAX_BYTES} are allowed`, "mend the file by hand");
    }
    return { fd, bytes: readFileSync(fd), stats };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** With the byte order mark, if there is one. */
function decode({ path }: EditPlace, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw notChanged(path, "it is not valid UTF-8", "mend the file by hand");
  }
}

function findImmutable({ folder, folderPath, path }: EditPlace, old: OldFile | undefined): string | undefined {
  if (old !== undefined && isImmutable(old.fd)) return path;
  return isImmutable(folder) ? folderPath : undefined;
}
