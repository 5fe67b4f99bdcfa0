import { unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { errnoCode, makePrivateFolder, replaceFile, tryJson } from "../base/index.ts";
import { effectiveUid } from "../linux/index.ts";
import { describeScene, namingTheRoot } from "./describe.ts";
import { type Fingerprint, findChange, isFingerprint, otherPaths, signature, takeFingerprint } from "./fingerprint.ts";
import { readGpuUuid } from "./gpus.ts";
import { FEATURES, type Host } from "./host.ts";
import { openScene, type Scene, type SceneOptions } from "./scene.ts";
import { readTrusted } from "./trusted-file.ts";

const SCHEMA = 3;
const CACHE_BYTES = 8 * 1024 * 1024;

export interface LoadOptions extends SceneOptions {
  /** The state folder on this machine, `<root>/run/berth`. */
  readonly stateDir: string;
  /** Berth's own version: another one describes anew. */
  readonly version: string;
  /** Describe anew whatever the cache says, as when a described file turned out to have vanished. */
  readonly isRefresh?: boolean;
}

export interface LoadedHost {
  readonly host: Host;
  readonly source: "cache" | "described";
  /** Why it comes from there, for the log. */
  readonly reason: string;
  /** Why the new description could not be kept for the next start. */
  readonly unsaved?: string;
}

interface CacheFile {
  readonly schema: typeof SCHEMA;
  readonly fingerprint: Fingerprint;
  /** Folders and files outside the fingerprint's own list → their signature. */
  readonly watched: Readonly<Record<string, string>>;
  readonly host: Host;
}

type Cached =
  | { readonly kind: "fresh"; readonly host: Host }
  | { readonly kind: "missing" | "stale" | "doubtful"; readonly why: string };

/**
 * The host from `<stateDir>/host.json` where its fingerprint still is that of the machine, else described anew and kept.
 * A cache that is torn, foreign or writable by others is not read; one that cannot be written stops nothing. Throws what
 * `describeHost` throws.
 */
export function loadHost(root: string, options: LoadOptions): LoadedHost {
  return namingTheRoot(root, () => {
    const warnings: string[] = [];
    const scene = openScene(root, options, (message) => warnings.push(message));
    // Taken before the description: what changes while it is made shows at the next start.
    const fingerprint = takeFingerprint(scene, options.version);
    const path = `${options.stateDir}/host.json`;
    const cached = readCache(path, scene, fingerprint);
    if (cached.kind === "fresh" && options.isRefresh !== true) {
      return { host: cached.host, source: "cache", reason: "nothing has changed since it was described" };
    }
    const host = describeScene(scene, warnings);
    const unsaved = save(path, { schema: SCHEMA, fingerprint, watched: watch(otherPaths(scene, host)), host }, cached);
    const reason = cached.kind === "fresh" ? "it was asked for" : cached.why;
    return { host, source: "described", reason, ...(unsaved === undefined ? {} : { unsaved }) };
  });
}

function readCache(path: string, scene: Scene, now: Fingerprint): Cached {
  const stored = readTrusted(path, CACHE_BYTES);
  if (stored.kind !== "text") return stored;
  const cache = parseCache(stored.text);
  if (cache === undefined) return { kind: "doubtful", why: `"${path}" is torn or of another format` };
  const change = findChange(cache.fingerprint, now) ?? findOtherChange(cache, scene);
  return change === undefined ? { kind: "fresh", host: cache.host } : { kind: "stale", why: change };
}

function findOtherChange(cache: CacheFile, scene: Scene): string | undefined {
  for (const [path, then] of Object.entries(cache.watched)) {
    if (signature(path) !== then) return `"${path}" has changed`;
  }
  const learnt = cache.host.gpus.find((gpu) => gpu.uuid === undefined && readGpuUuid(scene, gpu.bus) !== undefined);
  return learnt === undefined ? undefined : `the driver knows the UUID of ${learnt.bus} now`;
}

/** The file is only this user's or root's, so the shape is checked no deeper than a torn or older file needs. */
function parseCache(text: string): CacheFile | undefined {
  const value = tryJson(text);
  return isCacheFile(value) ? value : undefined;
}

function isCacheFile(value: unknown): value is CacheFile {
  if (!isRecord(value) || value["schema"] !== SCHEMA || !isRecord(value["watched"])) return false;
  return isFingerprint(value["fingerprint"]) && isHost(value["host"]);
}

function isHost(value: unknown): boolean {
  if (!isRecord(value) || typeof value["root"] !== "string" || !isRecord(value["migControl"])) return false;
  const features = value["features"];
  if (!isRecord(features) || !FEATURES.every((name) => isRecord(features[name]))) return false;
  const unit = value["unit"];
  if (unit !== undefined && !(isRecord(unit) && Array.isArray(unit["items"]))) return false;
  return ["gpus", "controlNodes", "imexChannels", "libraries", "missing", "files", "links", "warnings"].every((name) =>
    Array.isArray(value[name]),
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function watch(paths: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(paths.map((path) => [path, signature(path)]));
}

/** Keeps a description; why that was not possible comes back. */
function save(path: string, cache: CacheFile, old: Cached): string | undefined {
  try {
    makePrivateFolder(dirname(path), effectiveUid());
    // replaceFile keeps the mode and owner of the old file, and these are what is wrong with it.
    if (old.kind === "doubtful") unlinkSync(path);
    replaceFile(path, JSON.stringify(cache), { mode: 0o600 });
    return undefined;
  } catch (error) {
    return `"${path}" cannot be written (${errnoCode(error) ?? String(error)})`;
  }
}
