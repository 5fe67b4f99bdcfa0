import type { Files } from "./files.ts";

/** Whether systemd runs the machine (sd_booted(3)). */
export function runsSystemd(files: Pick<Files, "stat">): boolean {
  return files.stat("/run/systemd/system") !== undefined;
}
