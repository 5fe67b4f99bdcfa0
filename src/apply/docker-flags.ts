import { BerthError } from "../base/index.ts";
import type { DeviceEdit, Edits } from "../edits/index.ts";
import { planFlagMounts, type FlagMount, type LibraryLayout } from "./flag-mounts.ts";

/** Whose command line it is. `rootless-podman`: of a user who is not root. */
export type FlagEngine = "docker" | "podman" | "rootless-podman";

export interface DockerFlags {
  /** ["--device", "/dev/nvidia0:/dev/nvidia0:rw", …] */
  readonly words: readonly string[];
  /** What cannot be had this way, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * The options of `docker run` or `podman run` that give a container what the edits say, without a toolkit: nodes, mounts, variables, groups. `--mount` and not
 * `--volume`, which makes an empty folder on the host in place of a file that is gone after an upgrade. Throws BERTH-P005 for a path that cannot be written so,
 * BERTH-U001 for a folder that is none. Source: docker-run(1), podman-run(1).
 */
export function dockerFlags(edits: Edits, layout: LibraryLayout, engine: FlagEngine): DockerFlags {
  const { mounts, searched, libcudaFolders, warnings } = planFlagMounts(edits, layout);
  const words = [
    ...devicesOf(edits.devices),
    ...groupsOf(edits, engine),
    ...variable("NVIDIA_VISIBLE_DEVICES", ["void"]),
    ...variable("LD_LIBRARY_PATH", searched),
    ...variable("NVIDIA_CTK_LIBCUDA_DIR", libcudaFolders),
    ...mounts.flatMap(mountWords),
  ];
  return { words, warnings };
}

/** Read and write; what a container makes with mknod the engines rule by themselves. */
function devicesOf(devices: readonly DeviceEdit[]): readonly string[] {
  const nodes = new Map(devices.map(({ node }) => [node.path, node]));
  return [...nodes.values()].flatMap(({ hostPath, path }) => {
    refuseIn([hostPath, path], /:/, "--device", "a colon");
    return ["--device", `${hostPath}:${path}:rw`];
  });
}

/** A user's own containers can have no groups but the user's (podman-run(1), --group-add; needs crun). */
function groupsOf({ groups }: Edits, engine: FlagEngine): readonly string[] {
  const gids = [...new Set(groups.map(({ gid }) => gid))].toSorted((a, b) => a - b);
  if (engine !== "rootless-podman") return gids.flatMap((gid) => ["--group-add", String(gid)]);
  return gids.length === 0 ? [] : ["--group-add", "keep-groups"];
}

/** `void`: a runtime of ours or NVIDIA's that stands behind the engine has nothing left to do. */
function variable(name: string, values: readonly string[]): readonly string[] {
  return values.length === 0 ? [] : ["--env", `${name}=${values.join(":")}`];
}

function mountWords({ hostPath, containerPath, isReadOnly }: FlagMount): readonly string[] {
  refuseIn([hostPath, containerPath], /[,"]/, "--mount", "a comma or a quotation mark");
  return ["--mount", `type=bind,source=${hostPath},target=${containerPath}${isReadOnly ? ",readonly" : ""}`];
}

function refuseIn(paths: readonly string[], pattern: RegExp, option: string, what: string): void {
  const bad = paths.find((path) => pattern.test(path));
  if (bad === undefined) return;
  throw new BerthError({
    code: "BERTH-P005",
    message: `Cannot write "${bad}" into ${option}: its name holds ${what}, which ends a path there`,
    remedy: "use a CDI file, which can name every path: berth cdi generate",
  });
}

/**
 * The words as one text that a shell splits into the same words, unquoted, as in `docker run $(…) IMAGE`: one option a line, or all on one line. Throws BERTH-P005 for a
 * word that a shell would split or expand.
 */
export function formatFlags({ words }: DockerFlags, isOneLine: boolean): string {
  const bad = words.find((word) => !/^[\w@%+=:,./-]+$/.test(word));
  if (bad !== undefined) {
    throw new BerthError({
      code: "BERTH-P005",
      message: `Cannot write ${JSON.stringify(bad)} for a shell: $(…) would split or expand it`,
      remedy: "take the words as they are: --json",
    });
  }
  if (isOneLine) return words.length === 0 ? "" : `${words.join(" ")}\n`;
  return words.map((word, at) => (at % 2 === 0 ? `${word} ` : `${word}\n`)).join("");
}
