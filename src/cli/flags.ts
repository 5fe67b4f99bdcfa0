import { formatFlags, LIBRARY_FOLDER, makeFlags, type FlagEngine } from "../apply/index.ts";
import { effectiveUid } from "../linux/index.ts";
import type { World } from "./context.ts";
import { noteWarnings } from "./note-warnings.ts";
import { findSite } from "./site.ts";

interface Flags {
  readonly gpus: readonly string[];
  readonly capabilities?: readonly string[];
  readonly podman?: boolean;
  readonly libraryFolder?: string;
  readonly oneLine?: boolean;
  readonly json?: boolean;
}

/** `berth flags`: the options of `docker run` or `podman run` that give a container these GPUs with nothing installed. Warnings go to stderr, which $(…) leaves alone. */
export async function printFlags(this: World, flags: Flags): Promise<void> {
  const { root, config } = findSite(this);
  const made = await makeFlags({
    root,
    config,
    gpus: flags.gpus.join(),
    capabilities: (flags.capabilities ?? []).join(),
    libraryFolder: flags.libraryFolder ?? LIBRARY_FOLDER,
    engine: engineOf(flags),
    executable: this.executable,
  });
  this.print(
    flags.json === true ? `${JSON.stringify(made.words, null, 2)}\n` : formatFlags(made, flags.oneLine === true),
  );
  noteWarnings(this, [...config.warnings, ...made.warnings]);
}

/** Whoever asks podman without being root has containers of its own. */
function engineOf({ podman }: Flags): FlagEngine {
  if (podman !== true) return "docker";
  return effectiveUid() === 0 ? "podman" : "rootless-podman";
}
