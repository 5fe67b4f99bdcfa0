import { BerthError } from "../base/index.ts";

/** What whoever installs a launcher writes into it; a slot that is left out stays empty. All are absolute paths. */
export interface LauncherSlots {
  readonly executable?: string;
  readonly config?: string;
  readonly state?: string;
}

/** The markers and the room after each, as launcher/launcher.c lays them out. */
const MARKERS = {
  executable: "BERTH-SLOT-EXECUTABLE-01",
  config: "BERTH-SLOT-CONFIG-FILE-1",
  state: "BERTH-SLOT-STATE-FOLDER1",
} as const;
const SLOT_BYTES = 512;

/**
 * A copy of the launcher's ELF file with its slots filled. Throws BERTH-L007 when a path does not fit, and a TypeError when
 * `launcher` is not the launcher.
 */
export function patchLauncher(launcher: Uint8Array, slots: LauncherSlots): Uint8Array {
  const patched = Buffer.from(launcher);
  for (const name of ["executable", "config", "state"] as const) {
    const path = slots[name];
    if (path !== undefined) fillSlot(patched, MARKERS[name], path);
  }
  return patched;
}

/** Whether a file's bytes are a launcher's, patched or not. */
export function isLauncher(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(MARKERS.executable);
}

function fillSlot(launcher: Buffer, marker: string, path: string): void {
  const at = launcher.indexOf(marker);
  if (at === -1 || launcher.indexOf(marker, at + 1) !== -1)
    throw new TypeError(`not the launcher: "${marker}" is not in it once`);
  const text = Buffer.from(path);
  if (!path.startsWith("/") || path.includes("\0") || path.includes("\n") || text.length >= SLOT_BYTES) {
    const message = `Cannot write ${JSON.stringify(path)} into the launcher: it takes an absolute path of at most ${SLOT_BYTES - 1} bytes on one line`;
    throw new BerthError({ code: "BERTH-L007", message, remedy: "choose a shorter folder" });
  }
  launcher.fill(0, at + marker.length, at + marker.length + SLOT_BYTES);
  text.copy(launcher, at + marker.length);
}
