import { lstatSync } from "node:fs";
import { posix } from "node:path";
import { readElf } from "../linux/index.ts";
import type { UnitItem } from "./host.ts";
import type { Scene } from "./scene.ts";
import { onMachine, resolveInRoot } from "./tree.ts";

type FileItem = Exclude<UnitItem, { readonly kind: "node" | "link" }>;

/** A file of a unit under its canonical path: what it is, its own headers say. Undefined when there is no regular file. */
export function fileItem(scene: Scene, path: string, isOptional: boolean): FileItem | undefined {
  const real = resolveInRoot(scene.driverRoot, path);
  if (real === undefined) return undefined;
  const hostPath = onMachine(scene.driverRoot, real);
  if (!lstatSync(hostPath).isFile()) return undefined;
  const file = { path: real, hostPath, isOptional };
  const elf = readElf(hostPath);
  const isNamedSo = /\.so(?:\.|$)/.test(posix.basename(real));
  if (elf?.isShared === true && (elf.soname !== undefined || isNamedSo)) {
    return { kind: "library", soname: elf.soname, architecture: elf.architecture, ...file };
  }
  return { kind: elf === undefined ? "file" : "binary", ...file };
}

/** The folders of a unit's 64-bit libraries, that of libcuda first. */
export function libraryFoldersOf(items: readonly UnitItem[]): readonly string[] {
  const libraries = items.flatMap((item) =>
    item.kind === "library" && item.architecture !== "i386" ? [item.path] : [],
  );
  const sorted = libraries.toSorted((a, b) => Number(isCuda(b)) - Number(isCuda(a)));
  return [...new Set(sorted.map((path) => posix.dirname(path)))];
}

function isCuda(path: string): boolean {
  return posix.basename(path).startsWith("libcuda.so");
}

/** Each path once: the first that has it. */
export function uniqueItems(items: readonly UnitItem[]): readonly UnitItem[] {
  const byPath = new Map<string, UnitItem>();
  for (const item of items) {
    const path = item.kind === "node" ? item.node.path : item.path;
    if (!byPath.has(path)) byPath.set(path, item);
  }
  return [...byPath.values()];
}
