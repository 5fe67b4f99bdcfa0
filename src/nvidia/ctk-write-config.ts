import { homedir } from "node:os";
import { join } from "node:path";
import { editFile, effectiveUid } from "../linux/index.ts";
import type { CtkCall } from "./ctk-command.ts";

/** Changes a file in one step, made with its folder if it is not there; false: nothing was to be changed. Throws T003 to T005. */
export function writeConfig(
  { world, warn }: CtkCall,
  path: string,
  change: (text: string | undefined) => string,
): boolean {
  const { kind, warnings } = editFile(path, { change, lock: findLock(world.env), makeParents: true });
  for (const warning of warnings) warn(warning);
  return kind !== "unchanged";
}

/** The lock of all programs of berth that change configuration files, of this machine or of a user's own. */
function findLock(env: CtkCall["world"]["env"]): string {
  if (effectiveUid() === 0) return "/run/berth/edit.lock";
  const state = env("XDG_STATE_HOME") ?? "";
  return join(state.startsWith("/") ? state : join(homedir(), ".local/state"), "berth/edit.lock");
}
