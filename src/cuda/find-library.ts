import { readdirSync } from "node:fs";
import { join } from "node:path";
import { errnoCode } from "../base/index.ts";
import { loaderFlags, parseLoaderCache, readBounded } from "../linux/index.ts";

const MAX_CACHE_BYTES = 64 * 1024 * 1024;
const MAX_PATH_FILE_BYTES = 64 * 1024;

const IS_ARM = process.arch === "arm64";
const MULTIARCH = IS_ARM ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
const TARGET = IS_ARM ? "sbsa-linux" : "x86_64-linux";
const MUSL_PATHS = `/etc/ld-musl-${IS_ARM ? "aarch64" : "x86_64"}.path`;

/** Where the loaders of the distributions look, and where drivers and berth put libraries that these do not know. */
const FOLDERS = [
  `/usr/lib/${MULTIARCH}`,
  `/lib/${MULTIARCH}`,
  "/usr/lib64",
  "/lib64",
  "/usr/lib",
  "/lib",
  "/usr/local/lib",
  "/usr/local/nvidia/lib64",
];

/** Where CUDA's own installer, and the packages of Python and conda, put the toolkit's libraries. */
const TOOLKITS = [
  "/usr/local/cuda/lib64",
  `/usr/local/cuda/targets/${TARGET}/lib`,
  `/usr/local/cuda-*/targets/${TARGET}/lib`,
  "/opt/conda/lib",
  "/usr/{lib,local/lib}/python3*/{site,dist}-packages/nvidia/{cuda_runtime,cublas,cudnn,cu12,cu13}/lib",
  "/opt/{venv,conda}/lib/python3*/site-packages/nvidia/{cuda_runtime,cublas,cudnn,cu12,cu13}/lib",
];

/** What the search goes by. */
export interface SearchScene {
  readonly env: (name: string) => string | undefined;
  /** Also where only the toolkit is. */
  readonly withToolkits?: boolean;
}

/**
 * The path of a library whose file name fits, as the loader of this process's root would find it: LD_LIBRARY_PATH, the
 * loader's cache or musl's list, the usual folders. For a root whose loader is not the one that runs. Undefined: there
 * is none.
 */
export function findLibrary(pattern: RegExp, { env, withToolkits = false }: SearchScene): string | undefined {
  const named = (env("LD_LIBRARY_PATH") ?? "").split(/[:;]/).filter((folder) => folder.startsWith("/"));
  return (
    inFolders(named, pattern) ??
    inCache(pattern) ??
    inFolders([...muslFolders(), ...FOLDERS], pattern) ??
    (withToolkits ? inFolders(TOOLKITS.flatMap(expand), pattern) : undefined)
  );
}

function inCache(pattern: RegExp): string | undefined {
  const bytes = readOptional("/etc/ld.so.cache", MAX_CACHE_BYTES);
  const flags = loaderFlags(IS_ARM ? "aarch64" : "x86-64");
  const cache = bytes === undefined ? undefined : parseLoaderCache(bytes);
  return cache?.entries.find((entry) => entry.flags === flags && pattern.test(entry.soname))?.path;
}

function muslFolders(): readonly string[] {
  const text = Buffer.from(readOptional(MUSL_PATHS, MAX_PATH_FILE_BYTES) ?? []).toString();
  return text.split(/[:\n]/).filter((folder) => folder.startsWith("/"));
}

function inFolders(folders: readonly string[], pattern: RegExp): string | undefined {
  for (const folder of folders) {
    const name = listOptional(folder)
      .filter((each) => pattern.test(each))
      .toSorted()
      .at(-1);
    if (name !== undefined) return join(folder, name);
  }
  return undefined;
}

function expand(folder: string): readonly string[] {
  if (!/[*{]/.test(folder)) return [folder];
  return [...new Bun.Glob(folder.slice(1)).scanSync({ cwd: "/", onlyFiles: false, absolute: true })].toSorted();
}

function readOptional(path: string, maxBytes: number): Uint8Array | undefined {
  try {
    return readBounded(path, maxBytes);
  } catch (error) {
    if (errnoCode(error) !== undefined) return undefined;
    throw error;
  }
}

/** No folder, or not for this user: the loader finds nothing there either. */
function listOptional(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoCode(error) !== undefined) return [];
    throw error;
  }
}
