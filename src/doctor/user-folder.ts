import { join } from "node:path";
import { effectiveUid } from "../linux/index.ts";

/** The configuration folder of the user who asks, where podman looks, too; undefined: of root, whose engines have no user's configuration. */
export function userFolderOf(env: (name: string) => string | undefined): string | undefined {
  if (effectiveUid() === 0) return undefined;
  const home = env("HOME");
  return env("XDG_CONFIG_HOME") ?? (home === undefined ? undefined : join(home, ".config"));
}
