import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { replaceFile } from "../base/index.ts";
import { normalizePciAddress, parseGpuUuid } from "./gpu-names.ts";
import type { Host } from "./host.ts";
import { readTrusted } from "./trusted-file.ts";
import { onMachine, resolveInRoot } from "./tree.ts";

const STORE = "/var/lib/berth/gpus.json";
const STORE_BYTES = 64 * 1024;

/** Where the UUIDs of a root's GPUs are kept beyond a boot: JSON, PCI address → UUID. */
export function uuidStore(root: string): string {
  const folder = resolveInRoot(root, dirname(STORE)) ?? dirname(STORE);
  return onMachine(root, `${folder}/gpus.json`);
}

/** The UUIDs learnt earlier, by PCI address. A store that is missing, foreign or not understood counts as empty. */
export function readKnownUuids(root: string): ReadonlyMap<string, string> {
  const stored = readTrusted(uuidStore(root), STORE_BYTES);
  return stored.kind === "text" ? parseStore(stored.text) : new Map();
}

/**
 * Keeps the UUIDs of a described host for times when the driver does not say them; true when there was something new.
 * Not for the start path: it writes. Throws errno errors.
 */
export function rememberUuids(host: Host): boolean {
  const known = new Map(readKnownUuids(host.root));
  let isChanged = false;
  for (const { bus, uuid } of host.gpus) {
    if (uuid === undefined || known.get(bus) === uuid) continue;
    known.set(bus, uuid);
    isChanged = true;
  }
  if (!isChanged) return false;
  const path = uuidStore(host.root);
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  replaceFile(path, `${JSON.stringify(Object.fromEntries(known), undefined, 2)}\n`);
  return true;
}

function parseStore(text: string): ReadonlyMap<string, string> {
  const known = new Map<string, string>();
  for (const [bus, uuid] of Object.entries(parseObject(text))) {
    if (typeof uuid !== "string" || normalizePciAddress(bus) !== bus || parseGpuUuid(uuid) === undefined) continue;
    known.set(bus, uuid);
  }
  return known;
}

function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    // A torn store is as good as none: the next call of rememberUuids replaces it.
    return {};
  }
}
