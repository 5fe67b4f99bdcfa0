import { posix } from "node:path";
import type { TreeEntry } from "./tree.ts";

const FOLDER = "/dev/char";

/** The links by number to these nodes that a healthy machine has, whoever made them. */
export function charLinks(nodes: readonly TreeEntry[]): readonly TreeEntry[] {
  return nodes.flatMap((node) => {
    if (node.kind !== "device") return [];
    const path = `${FOLDER}/${node.major}:${node.minor}`;
    return [{ kind: "link", path, target: posix.relative(FOLDER, node.path) } as const];
  });
}
