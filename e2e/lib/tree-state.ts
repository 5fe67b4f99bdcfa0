import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Everything below a folder, one line each: path, kind, mode, owner, and what is in it. Equal lists: nothing was changed. */
export function treeState(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted();
  return ["", ...names].map((name) => {
    const path = join(folder, name);
    const stat = lstatSync(path);
    const kind = stat.isFile() ? "file" : stat.isSymbolicLink() ? "link" : stat.isDirectory() ? "folder" : "other";
    return `${name} ${kind} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${content(path, kind)}`;
  });
}

function content(path: string, kind: string): string {
  if (kind === "link") return readlinkSync(path);
  return kind === "file" ? createHash("sha256").update(readFileSync(path)).digest("hex") : "";
}
