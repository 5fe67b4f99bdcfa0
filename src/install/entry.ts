/**
 * Whose matter a file is: berth's own folder; a program in PATH; a name of the NVIDIA stack in PATH; what systemd and
 * udev read; the rest (completions, manual, docs).
 */
export type Part = "own" | "program" | "name" | "unit" | "extra";

/** One file to put in place. */
export interface InstallEntry {
  /** Absolute within the root that it is installed into. */
  readonly path: string;
  readonly part: Part;
  readonly mode: number;
  readonly content: Uint8Array | string;
}
