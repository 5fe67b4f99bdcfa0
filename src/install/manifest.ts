import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BerthError, errnoCode, messageOf } from "../base/index.ts";
import type { Layout } from "./layout.ts";

/** What an installation put in place: all that `berth uninstall` takes away. Paths are absolute within the root. */
export interface Manifest {
  readonly version: string;
  /** Whether the names of the NVIDIA stack were asked for with `--as-nvidia`: an upgrade keeps to it. */
  readonly asNvidia: boolean;
  readonly files: readonly InstalledFile[];
  /** The folders that were made for them. */
  readonly folders: readonly string[];
  /** Files of others that were replaced, oldest first. */
  readonly backups: readonly Backup[];
}

export interface InstalledFile {
  readonly path: string;
  readonly mode: number;
  /** Hexadecimal. Two while one version takes the place of another. */
  readonly sha256: readonly string[];
}

export interface Backup {
  readonly path: string;
  readonly backup: string;
}

export const manifestPath = ({ state }: Layout): string => join(state, "manifest.json");

/** The text of a manifest's file. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify({ format: 1, ...manifest }, null, 2)}\n`;
}

/** The manifest below a root; undefined: there is none. Throws BERTH-I003 for one that cannot be read. */
export function readManifest(root: string, layout: Layout): Manifest | undefined {
  const path = join(root, manifestPath(layout));
  try {
    return narrow(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") return undefined;
    const why = messageOf(error);
    const message = `Cannot read what berth has installed from "${path}": ${why}`;
    const remedy = `mend that file, or remove it and run: berth install --prefix ${layout.prefix}`;
    throw new BerthError({ code: "BERTH-I003", message, remedy }, { cause: error });
  }
}

function narrow(value: unknown): Manifest {
  if (field(value, "format") !== 1) throw new TypeError("it is not of format 1");
  return {
    version: text(field(value, "version")),
    asNvidia: field(value, "asNvidia") === true,
    files: list(field(value, "files")).map((file) => ({
      path: absolute(field(file, "path")),
      mode: Number(field(file, "mode")),
      sha256: list(field(file, "sha256")).map(text),
    })),
    folders: list(field(value, "folders")).map(absolute),
    backups: list(field(value, "backups")).map((backup) => ({
      path: absolute(field(backup, "path")),
      backup: absolute(field(backup, "backup")),
    })),
  };
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError("a list is missing in it");
  return value;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("a text is missing in it");
  return value;
}

function absolute(value: unknown): string {
  const path = text(value);
  if (!path.startsWith("/") || path.split("/").includes(".."))
    throw new TypeError(`${JSON.stringify(path)} is no path of a file`);
  return path;
}
