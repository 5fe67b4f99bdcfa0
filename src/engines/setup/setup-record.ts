import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BerthError, errnoCode, makePrivateFolder, messageOf, replaceFile, sha256Of } from "../../base/index.ts";
import { effectiveUid } from "../../linux/index.ts";
import type { SetupRecord } from "./layer.ts";
import { parseRecord } from "./parse-record.ts";

const FILE = "setup.json";
/** With the bytes that files had. */
const ORIGINALS = "setup";

/** Where the bytes that files had are kept, of a state folder. */
export function originalsIn(folder: string): string {
  return join(folder, ORIGINALS);
}

/** The record in a state folder. Throws G012 when it cannot be read. */
export function readRecord(folder: string): SetupRecord {
  const path = join(folder, FILE);
  try {
    return parseRecord(readFileSync(path, "utf8"));
  } catch (thrown) {
    const code = errnoCode(thrown);
    if (code === "ENOENT" || code === "ENOTDIR") return { layers: [] };
    throw unusable(
      `Cannot read what was set up before, in "${path}"`,
      thrown,
      `look at the file; without it nothing can be taken back: mv ${path} ${path}.old`,
    );
  }
}

/** Puts the record in its place in one step; one without a layer is removed, and bytes that no layer names with it. Throws G012. */
export function writeRecord(folder: string, record: SetupRecord): void {
  try {
    if (record.layers.length === 0 && record.cdiFile === undefined) rmSync(join(folder, FILE), { force: true });
    else save(folder, record);
    removeUnnamed(folder, record);
  } catch (thrown) {
    throw unusable(`Cannot keep in "${folder}" what is set up`, thrown);
  }
}

function save(folder: string, record: SetupRecord): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const text = `${JSON.stringify({ version: 1, ...record }, undefined, 2)}\n`;
  replaceFile(join(folder, FILE), text, { mode: 0o600 });
}

/** Keeps bytes for the time when they are to come back, and gives the name that they have. Throws G012. */
export function keepOriginal(folder: string, bytes: Uint8Array): string {
  const digest = sha256Of(bytes);
  try {
    makePrivateFolder(originalsIn(folder), effectiveUid());
    replaceFile(join(originalsIn(folder), digest), bytes, { mode: 0o600 });
    return digest;
  } catch (thrown) {
    throw unusable(`Cannot keep in "${folder}" what is changed`, thrown);
  }
}

/** Bytes that were kept. Throws G012 when they are gone, or are others. */
export function readOriginal(folder: string, digest: string): Uint8Array {
  const path = join(originalsIn(folder), digest);
  try {
    const bytes = readFileSync(path);
    if (sha256Of(bytes) !== digest) throw new RangeError("it is not what was put there");
    return bytes;
  } catch (thrown) {
    throw unusable(`Cannot read what a file held before, in "${path}"`, thrown);
  }
}

/** What a setup that was killed before its record was written has kept, and what was kept for layers that are gone. */
function removeUnnamed(folder: string, { layers }: SetupRecord): void {
  const named = new Set(
    layers.flatMap(({ files }) => files.flatMap(({ original, passing }) => [original, passing?.leadsTo])),
  );
  const kept = originalsIn(folder);
  for (const name of namesIn(kept)) if (!named.has(name)) rmSync(join(kept, name), { force: true });
  if (layers.length === 0) rmSync(kept, { recursive: true, force: true });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (thrown) {
    if (errnoCode(thrown) === "ENOENT") return [];
    throw thrown;
  }
}

function unusable(
  doing: string,
  cause: unknown,
  remedy = "run it as root, with space in that folder's file system",
): BerthError {
  const why = messageOf(cause);
  return new BerthError({ code: "BERTH-G012", message: `${doing}: ${why}`, remedy }, { cause });
}

/** Notes a CDI file that is about to be made. */
export function noteCdiFile({ stateDir }: { readonly stateDir: string }, cdiFile: string): void {
  writeRecord(stateDir, { ...readRecord(stateDir), cdiFile });
}

/** The CDI file of setups is gone. */
export function dropCdiFile({ stateDir }: { readonly stateDir: string }): void {
  writeRecord(stateDir, { layers: readRecord(stateDir).layers });
}
