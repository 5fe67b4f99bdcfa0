import { readFileSync, rmSync } from "node:fs";
import {
  generateCdi,
  isOwnSpec,
  isWithoutGpu,
  planOutput,
  saveCdi,
  usualCdiFile,
  type CdiMode,
  type GeneratedCdi,
} from "../../apply/index.ts";
import { BerthError, errnoCode, messageOf } from "../../base/index.ts";
import { parseCdiSpec } from "../../cdi/index.ts";
import { describeHost, hostOptions, type SceneOptions } from "../../host/index.ts";
import type { World } from "../context.ts";
import { findSite, type Site } from "../site.ts";
import { inputOf, type ChoosingFlags } from "./generate-input.ts";

export interface RefreshFlags extends Omit<ChoosingFlags, "deviceId" | "noAllDevice"> {
  readonly output?: string;
}

/** What became of the file at `path`. */
export type Refreshed =
  | {
      readonly kind: "written" | "unchanged";
      readonly path: string;
      readonly made: GeneratedCdi;
      readonly warnings: readonly string[];
    }
  /** This host has no GPU: the file is gone now, was never there, or is not berth's to remove. */
  | { readonly kind: "removed" | "absent" | "foreign"; readonly path: string; readonly reason: BerthError };

/** A host that changes more often than this while its file is made is left to the next refresh. */
const ROUNDS = 3;

/** The file that a refresh keeps right; its links are followed as that host does. */
export function outputOf(root: string, { output, format }: RefreshFlags): ReturnType<typeof planOutput> {
  return planOutput(output ?? usualCdiFile(root), format);
}

/** How a host is described for these flags. */
export function sceneOf(
  { config }: Site,
  { driverRoot, mode }: { readonly driverRoot?: string; readonly mode?: CdiMode },
): SceneOptions {
  return {
    ...hostOptions(config),
    ...(driverRoot === undefined ? {} : { driverRoot }),
    ...(mode === "csv" ? { platform: mode } : {}),
  };
}

/**
 * Makes the host's CDI file anew and writes it where its text has changed. Where the host has no GPU, a file of berth's is removed. The host is looked at again afterwards: of two
 * that refresh at once, the last one to write sees what the other saw. Throws a BerthError.
 */
export async function refreshOnce(world: World, flags: RefreshFlags): Promise<Refreshed> {
  const site = findSite(world);
  const look = (): string => JSON.stringify(describeHost(site.root, sceneOf(site, flags)));
  let hasWritten = false;
  for (let round = 1; ; round += 1) {
    const before = look();
    const refreshed = await refresh(world, site, flags);
    hasWritten ||= refreshed.kind === "written";
    if (round < ROUNDS && look() !== before) continue;
    return hasWritten && refreshed.kind === "unchanged" ? { ...refreshed, kind: "written" } : refreshed;
  }
}

async function refresh(world: World, site: Site, flags: RefreshFlags): Promise<Refreshed> {
  const { path, format, warning } = outputOf(site.root, flags);
  try {
    const made = await generateCdi({ ...inputOf(world, site, { ...flags, any: flags.any ?? true }), format });
    const warnings = [...site.config.warnings, ...made.warnings, warning ?? []].flat();
    if (readIfThere(path) === made.text) return { kind: "unchanged", path, made, warnings };
    saveCdi(path, made.text);
    return { kind: "written", path, made, warnings };
  } catch (thrown) {
    if (!(thrown instanceof BerthError) || !isWithoutGpu(thrown)) throw thrown;
    return { kind: removeOwn(path), path, reason: thrown };
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if (errnoCode(thrown) === "ENOENT" || errnoCode(thrown) === "ENOTDIR") return undefined;
    throw unusable(path, "read", thrown);
  }
}

/** The names in a file of berth's are no longer true; another's is its writer's matter. */
export function removeOwn(path: string): "removed" | "absent" | "foreign" {
  const text = readIfThere(path);
  if (text === undefined) return "absent";
  if (!isOwnText(text, path)) return "foreign";
  try {
    rmSync(path, { force: true });
    return "removed";
  } catch (thrown) {
    throw unusable(path, "remove", thrown);
  }
}

function isOwnText(text: string, path: string): boolean {
  try {
    return isOwnSpec(parseCdiSpec(Buffer.from(text), path));
  } catch (thrown) {
    // What cannot be read as a CDI file is not berth's.
    if (thrown instanceof BerthError) return false;
    throw thrown;
  }
}

function unusable(path: string, doing: string, cause: unknown): BerthError {
  const message = `Cannot ${doing} the CDI file "${path}": ${messageOf(cause)}`;
  return new BerthError(
    { code: "BERTH-F004", message, remedy: "run it as root, or name another file: --output FILE" },
    { cause },
  );
}
