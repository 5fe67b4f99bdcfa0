import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoCode, removeAbandoned, temporaryName } from "../base/index.ts";
import type { Nvlinks } from "./nvlinks.ts";
import { formatKept, parseKept, type Kept, type Sighting } from "./samples-format.ts";

/** How old a first look has to be at the second, and how old it may be. */
const NEWEST_MS = 1000;
const OLDEST_MS = 30_000;
/** Enough that there is always one that is old enough. */
const MAX_KEPT = 8;

/** The latest look that can be the first of two at `uptime`; undefined: there is none. */
export function firstOf({ sightings }: Pick<Kept, "sightings">, uptime: number): Sighting | undefined {
  return sightings.findLast((each) => uptime - each.uptime >= NEWEST_MS && uptime - each.uptime <= OLDEST_MS);
}

/** What was kept in this boot; nothing where there is no file, or one that cannot be read. */
export function readKept(folder: string, boot: string): Kept {
  return parseKept(readIfThere(pathIn(folder)), boot);
}

/**
 * Keeps one more look for whoever asks next. Where that cannot be written the next one looks twice, which costs a second and nothing else; so it is not synced either.
 */
export function keepLook(folder: string, boot: string, sighting: Sighting, nvlinks: Nvlinks): void {
  const former = readKept(folder, boot);
  const recent = former.sightings.filter(({ uptime }) => {
    const age = sighting.uptime - uptime;
    return age >= 0 && age <= OLDEST_MS;
  });
  // Looks that come faster than one a second would push out those that are old enough.
  const apart = recent.filter(
    ({ uptime }, index) => uptime - (recent[index - 1]?.uptime ?? -Infinity) >= NEWEST_MS / 2,
  );
  const sightings = [...apart.slice(1 - MAX_KEPT), sighting];
  replace(pathIn(folder), formatKept({ sightings, nvlinks: new Map([...former.nvlinks, ...nvlinks]) }, boot));
}

function pathIn(folder: string): string {
  return join(folder, "samples.json");
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return "";
  }
}

function replace(path: string, text: string): void {
  const temporary = join(path, "..", temporaryName(".samples.json."));
  try {
    removeAbandoned(path);
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    removeIfPossible(temporary);
  }
}

/** On a file system that is read-only even what is not there cannot be removed. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
  }
}
