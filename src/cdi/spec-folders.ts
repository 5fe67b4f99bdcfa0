import { join } from "node:path";
import { Root } from "../linux/index.ts";

/** Where a host's folders of CDI files lie on this machine: links are followed as that host would, so that its `/var/run` is not this machine's. */
export function foldersUnder(root: string, folders: readonly string[]): readonly string[] {
  if (root === "/") return folders;
  using handle = Root.open(root);
  return folders.map((folder) => join(root, handle.resolve(folder) ?? folder));
}
