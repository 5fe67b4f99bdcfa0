import { accessSync, constants, readFileSync, realpathSync, statSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { BerthError, makePrivateFolder, replaceFile } from "../base/index.ts";
import {
  effectiveUid,
  formatLowLevelNote,
  isLauncher,
  isOpenBeyondRoot,
  isOwnerTrusted,
  type LowLevelLookup,
} from "../linux/index.ts";

/** What the peer searches behind PATH. */
const FALLBACK_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const MAX_LAUNCHER_BYTES = 256 * 1024;

export interface Lookup {
  /** `runtimes` of the configuration: names, or absolute paths. */
  readonly candidates: readonly string[];
  /** PATH of whoever started us. */
  readonly path: string | undefined;
  /** The running berth executable. */
  readonly self: string;
}

/**
 * The first candidate that is an executable file and safe to become: root's or our own user's, not writable by others, and neither
 * berth nor its launcher under another name. Throws BERTH-L001 (none there) or L002 (there, but not safe).
 */
export function findLowLevel({ candidates, path, self }: Lookup): string {
  const folders = `${path ?? ""}:${FALLBACK_PATH}`.split(":").filter((folder) => folder.startsWith("/"));
  const faults: string[] = [];
  for (const name of candidates) {
    const isPath = name.includes("/");
    const places = isPath ? [name] : folders.map((folder) => `${folder.replace(/\/+$/, "")}/${name}`);
    for (const place of places) {
      const fault = findFault(place, self);
      if (fault === undefined) return realpathSync(place);
      if (fault !== "missing") faults.push(`"${place}" ${fault}`);
    }
    // A runtime that was named by its path is never exchanged for another one: it may be there for its isolation.
    if (isPath && faults.length > 0) break;
  }
  throw nothingFound(candidates, faults);
}

/** Why a file cannot be the low-level runtime; undefined: it can. */
function findFault(place: string, self: string): string | undefined {
  if (!isExecutable(place)) return "missing";
  const stat = statSync(place);
  if (!stat.isFile()) return "missing";
  if (!place.startsWith("/")) return "is not an absolute path";
  // What is checked is what is started: links are followed once, here.
  const folder = dirname(realpathSync(place));
  return (
    findOwnerFault(stat) ??
    prefixed(`is in "${folder}", which `, findOwnerFault(statSync(folder))) ??
    findLoop(place, stat, self)
  );
}

/** A file or folder that another user may change. */
function findOwnerFault(stats: Stats): string | undefined {
  if (!isOwnerTrusted(stats)) return `belongs to user ${stats.uid}`;
  return isOpenBeyondRoot(stats) ? "can be written by others" : undefined;
}

function prefixed(text: string, fault: string | undefined): string | undefined {
  return fault === undefined ? undefined : text + fault;
}

function isExecutable(place: string): boolean {
  try {
    accessSync(place, constants.X_OK);
    return true;
  } catch {
    // Not executable, or not for us: the next candidate may be.
    return false;
  }
}

/** Starting it would start berth again, without an end. */
function findLoop(place: string, stat: Stats, self: string): string | undefined {
  const own = statSync(self, { throwIfNoEntry: false });
  if (own !== undefined && own.dev === stat.dev && own.ino === stat.ino) return "is berth itself";
  if (stat.size > MAX_LAUNCHER_BYTES) return undefined;
  const bytes = readFileSync(place);
  if (isLauncher(bytes)) return "is berth itself";
  const isScript = bytes.toString("latin1", 0, 2) === "#!" && bytes.includes("nvidia-container-runtime");
  return isScript ? "is a script that names nvidia-container-runtime, and may start berth again" : undefined;
}

function nothingFound(candidates: readonly string[], faults: readonly string[]): BerthError {
  const asked = candidates.map((name) => `"${name}"`).join(", ");
  if (faults.length > 0) {
    const message = `Cannot start a low-level runtime: ${faults.join(", ")}`;
    const remedy = "install runc as root's own file, or name another one under runtimes in the configuration";
    return new BerthError({ code: "BERTH-L002", message, remedy });
  }
  const why =
    candidates.length === 0 ? "the configuration names none" : `${asked} is not in PATH nor in ${FALLBACK_PATH}`;
  const remedy = "install runc, or name the runtime's path under [nvidia-container-runtime] runtimes of config.toml";
  return new BerthError({ code: "BERTH-L001", message: `Cannot find a low-level runtime: ${why}`, remedy });
}

/**
 * Leaves a lookup for the launcher, which passes other calls on by it. One that cannot be put into a note is not kept. Throws the error of the
 * file call.
 */
export function rememberLowLevel(stateDir: string, lookup: LowLevelLookup): void {
  const note = formatLowLevelNote(lookup);
  const file = `${stateDir}/low-level`;
  if (note === undefined || readText(file) === note) return;
  makePrivateFolder(stateDir, effectiveUid());
  replaceFile(file, note, { mode: 0o600 });
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not there yet, or not ours to read: it is written anew.
    return undefined;
  }
}
