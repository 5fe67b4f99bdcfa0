import type { FileEdit, MountEdit } from "../edits/index.ts";
import { nameOf } from "./paths.ts";
import type { LinkFolder } from "./place-edits.ts";
import type { StateWrite } from "./plan.ts";

const READ_ONLY = ["ro", "nosuid", "nodev", "noexec", "bind"] as const;

interface OwnFiles {
  readonly mounts: readonly MountEdit[];
  readonly stateWrites: readonly StateWrite[];
}

/** Files that exist for one container only: ours on the host, and mounts of them. */
export function ownFiles(files: readonly FileEdit[], stateFolder: string): OwnFiles {
  const placed = files.map((file) => ({ ...file, hostPath: `${stateFolder}/${nameOf(file.path)}` }));
  return {
    mounts: placed.map(({ path, hostPath, reason }) => {
      return { hostPath, containerPath: path, kind: "config", options: READ_ONLY, reason };
    }),
    stateWrites: placed.map(({ hostPath, content }) => ({ kind: "file", path: hostPath, bytes: Buffer.from(content) })),
  };
}

/**
 * Folders of links for a tmpfs of the container. Such a folder is mounted as long as the container lives, so it is never taken away: it is named after what is in it, and
 * many containers share it.
 */
export function ownLinkFolders(
  folders: readonly LinkFolder[],
  stateDir: string,
): OwnFiles & { readonly paths: ReadonlySet<string> } {
  const placed = folders.map(({ path, links }) => {
    const inside = links.map((link) => ({ name: nameOf(link.path), target: link.target }));
    const name = Bun.hash(JSON.stringify(inside)).toString(16).padStart(16, "0");
    return { path, reason: links[0]?.reason ?? "", inside, hostPath: `${stateDir}/links/${name}` };
  });
  return {
    paths: new Set(placed.map(({ hostPath }) => hostPath)),
    mounts: placed.map(({ path, hostPath, reason }) => {
      return { hostPath, containerPath: path, kind: "config", options: READ_ONLY, reason };
    }),
    stateWrites: placed.map(({ hostPath, inside }) => ({ kind: "links", path: hostPath, links: inside })),
  };
}
