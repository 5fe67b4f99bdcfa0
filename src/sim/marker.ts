import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoCode } from "../base/index.ts";

/** The file that makes a folder a simulated host, which may be replaced and removed. */
export const MARKER_PATH = "/.berth-sim";

export interface Marker {
  /** Name of the profile. */
  readonly profile: string;
  /** The driver's version, which an upgrade changes. */
  readonly driver: string | undefined;
  readonly dir: string;
  readonly executable: string;
  /** Of berth. */
  readonly version: string;
}

export function formatMarker(marker: Marker): string {
  return `${JSON.stringify(marker, undefined, 2)}\n`;
}

/** The marker of a folder, or undefined when the folder is no simulated host. A link is no marker. */
export function readMarker(dir: string): Marker | undefined {
  try {
    const path = join(dir, MARKER_PATH);
    return lstatSync(path).isFile() ? parseMarker(readFileSync(path, "utf8")) : undefined;
  } catch (error) {
    if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR" || error instanceof SyntaxError)
      return undefined;
    throw error;
  }
}

function parseMarker(text: string): Marker | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(value));
  const [profile, dir, executable, version] = ["profile", "dir", "executable", "version"].map((key) => fields.get(key));
  const driver = fields.get("driver");
  if (typeof profile !== "string" || typeof dir !== "string") return undefined;
  if (typeof executable !== "string" || typeof version !== "string") return undefined;
  return { profile, dir, executable, version, driver: typeof driver === "string" ? driver : undefined };
}
