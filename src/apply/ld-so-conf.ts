import { matchesGlob } from "../base/index.ts";
import type { Architecture } from "../host/index.ts";
import type { Root } from "../linux/index.ts";
import { folderOf, inFolder, nameOf } from "./paths.ts";

export const LD_SO_CONF = "/etc/ld.so.conf";
const MAX_CONF_BYTES = 64 * 1024;
const MAX_CONF_FILES = 256;
const MAX_DEPTH = 4;
const MAX_NAMES = 4096;

const MULTIARCH: Readonly<Record<Architecture, string>> = {
  "x86-64": "x86_64-linux-gnu",
  i386: "i386-linux-gnu",
  aarch64: "aarch64-linux-gnu",
};

/**
 * The folders that the image's loader searches without a cache: Debian's `/lib/<triple>` where the C library is there,
 * else `/lib64`. With /lib and /usr/lib these are also what ldconfig looks into without being told (glibc elf/ldconfig.c).
 */
export function defaultLibraryFolders(rootfs: Root, architecture: Architecture): readonly string[] {
  const triple = MULTIARCH[architecture];
  const multiarch = [`/lib/${triple}`, `/usr/lib/${triple}`];
  const isMultiarch = multiarch.some((folder) => rootfs.stat(`${folder}/libc.so.6`) !== undefined);
  const narrow = architecture === "i386" ? [] : ["/lib64", "/usr/lib64"];
  return [...(isMultiarch ? multiarch : narrow), "/lib", "/usr/lib"];
}

/** The folders that ld.so.conf and what it includes name, in their spelling; `except` is a file that is not counted. */
export function listedFolders(rootfs: Root, except: string): readonly string[] {
  const folders: string[] = [];
  const state = { rootfs, except, filesLeft: MAX_CONF_FILES, folders };
  readConf(LD_SO_CONF, 0, state);
  return folders;
}

interface Reading {
  readonly rootfs: Root;
  readonly except: string;
  filesLeft: number;
  readonly folders: string[];
}

function readConf(path: string, depth: number, reading: Reading): void {
  if (path === reading.except || depth > MAX_DEPTH || reading.filesLeft-- <= 0) return;
  for (const line of readLines(path, reading.rootfs)) {
    const words = line.replace(/#.*/, "").trim();
    const [, pattern] = /^include\s+(.+)$/.exec(words) ?? [];
    const included = pattern === undefined ? [] : includedFiles(pattern, path, reading.rootfs);
    for (const file of included) readConf(file, depth + 1, reading);
    if (words.startsWith("/")) reading.folders.push(words.replace(/\s*=.*$/, "").replace(/(.)\/+$/, "$1"));
  }
}

function readLines(path: string, rootfs: Root): readonly string[] {
  const stat = rootfs.stat(path);
  if (stat?.kind !== "file" || stat.size > MAX_CONF_BYTES) return [];
  return Buffer.from(rootfs.readFile(path, MAX_CONF_BYTES) ?? [])
    .toString("latin1")
    .split("\n");
}

/** The files of an `include` line: a relative one counts from its own file, "*" and "?" only in the last component. */
function includedFiles(patterns: string, from: string, rootfs: Root): readonly string[] {
  return patterns.split(/\s+/).flatMap((pattern) => {
    const path = pattern.startsWith("/") ? pattern : inFolder(folderOf(from), pattern);
    if (path.split("/").includes("..")) return [];
    if (!/[*?[]/.test(path)) return [path];
    const folder = folderOf(path);
    if (/[*?[]/.test(folder)) return [];
    if (rootfs.stat(folder)?.kind !== "folder") return [];
    const names = rootfs.list(folder, MAX_NAMES) ?? [];
    return names
      .filter((each) => !each.startsWith(".") && matchesGlob(each, nameOf(path)))
      .toSorted()
      .map((each) => inFolder(folder, each));
  });
}
