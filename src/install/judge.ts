import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sha256Of } from "../base/index.ts";
import { effectiveUid } from "../linux/index.ts";
import type { InstallEntry } from "./entry.ts";
import { isOurs } from "./find-toolkit.ts";
import type { Manifest } from "./manifest.ts";

/**
 * What has to be done for one file. `same`: nothing; `foreign`: something is there that berth did not put there;
 * `changed`: berth's, and somebody has changed it since.
 */
export type Verdict = "new" | "same" | "replace" | "changed" | "foreign";

export interface Judged {
  readonly entry: InstallEntry;
  readonly verdict: Verdict;
  /** Of what the entry holds. */
  readonly sha256: string;
}

/** Holds each file of a plan against what is there. */
export function judge(
  root: string,
  entries: readonly InstallEntry[],
  manifest: Manifest | undefined,
): readonly Judged[] {
  const known = new Map(manifest?.files.map(({ path, sha256 }) => [path, sha256]));
  const hashes = new Map<InstallEntry["content"], string>();
  return entries.map((entry) => {
    const sha256 = hashes.get(entry.content) ?? sha256Of(entry.content);
    hashes.set(entry.content, sha256);
    const there = readFound(join(root, entry.path));
    return { entry, sha256, verdict: verdictOn(entry, sha256, { there, known: known.get(entry.path), root }) };
  });
}

interface Found {
  /** "": a link, a folder or the like. */
  readonly sha256: string;
  /** Whether somebody else can change it, whatever is in it. */
  readonly isTheirs: boolean;
  readonly mode: number;
}

interface Facts {
  readonly there: Found | undefined;
  /** What it may hold, by the manifest. */
  readonly known: readonly string[] | undefined;
  readonly root: string;
}

function verdictOn(entry: InstallEntry, sha256: string, { there, known, root }: Facts): Verdict {
  if (there === undefined) return "new";
  const isSame = there.sha256 === sha256 && there.mode === entry.mode && !there.isTheirs;
  if (known?.includes(there.sha256) === true || isReplaceable(entry, there, root)) return isSame ? "same" : "replace";
  const isProgram = entry.part === "program" || entry.part === "name";
  return known === undefined || isProgram ? "foreign" : "changed";
}

/** A file that no manifest needs to know: nobody else has one in berth's own folder, and a launcher is always berth's. */
function isReplaceable({ part, path }: InstallEntry, { sha256 }: Found, root: string): boolean {
  if (sha256 === "") return false;
  return part === "own" || ((part === "program" || part === "name") && isOurs(join(root, path)));
}

/** What is at a path; undefined: nothing. */
export function readFound(path: string): Found | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const sha256 = stats.isFile() ? sha256Of(readFileSync(path)) : "";
  return { sha256, isTheirs: stats.uid !== 0 && stats.uid !== effectiveUid(), mode: stats.mode & 0o7777 };
}
