import { FOLDER, O_PATH } from "./open-in.ts";
import { readLinkAt } from "./read-at.ts";
import type { RootHandle } from "./root-handle.ts";
import { joinPath, normalizePath, refusal, splitPath } from "./root-path.ts";

/** As many links as the kernel itself follows in one lookup. */
const MAX_LINKS = 40;

/** A path without links, and whether something is there. */
export interface Place {
  readonly path: string;
  readonly exists: boolean;
}

/** Where `path` leads: links are followed as far as there are any, dangling ones too, and the rest of the path stands behind. Throws BERTH-P001. */
export function resolveDeep(root: RootHandle, path: string): Place {
  let pending = joinPath(splitPath(path));
  for (let links = 0; links <= MAX_LINKS; links++) {
    const step = resolveStep(root, pending);
    if (typeof step !== "string") return step;
    pending = step;
  }
  throw refusal(root.doing("resolve", path), `it goes through more than ${MAX_LINKS} links`);
}

/** One round: the answer, or the path to go on with after a link was read. */
function resolveStep(root: RootHandle, path: string): Place | string {
  const names = path.split("/").filter((name) => name !== "");
  for (let known = names.length; known >= 0; known--) {
    const prefix = joinPath(names.slice(0, known));
    const base = root.atText("resolve", prefix, O_PATH, (fd) => root.pathOf(fd));
    if (base !== undefined) return stepOn(root, base, names.slice(known));
  }
  throw refusal(root.doing("resolve", path), "the root itself cannot be found");
}

/** `base` exists and is without links; the first of `rest` leads to nothing there. */
function stepOn(root: RootHandle, base: string, rest: readonly string[]): Place | string {
  const [next, ...others] = rest;
  if (next === undefined) return { path: base, exists: true };
  const target = root.atText("resolve", base, FOLDER, (fd) => readLinkAt(fd, next));
  if (target !== undefined) return [target.startsWith("/") ? "" : base, target, ...others].join("/");
  const plain = normalizePath([base, ...rest].join("/"));
  return others.includes("..") ? plain : { path: plain, exists: false };
}
