import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { BerthError, messageOf, replaceFile } from "../base/index.ts";
import { formatOf, type CdiFormat } from "../cdi/index.ts";

export const CDI_FORMATS: readonly CdiFormat[] = ["json", "yaml"];

/** Where a CDI file goes, and how it is written. */
export interface CdiOutput {
  /** "": it is printed. */
  readonly path: string;
  readonly format: CdiFormat;
  /** Where the two contradict each other. */
  readonly warning: string | undefined;
}

/**
 * The place and format of a CDI file: the path's ending says the format, but for one that was asked for; a path without `.yaml` or `.json` gets the format's. Rule:
 * nvidia-container-toolkit 1.20 (cdi generate).
 */
export function planOutput(path: string, asked: CdiFormat | undefined): CdiOutput {
  const byName = formatOf(path);
  const format = asked ?? byName ?? "yaml";
  const isOther = byName !== undefined && byName !== format;
  return {
    path: path === "" || byName !== undefined ? path : `${path}.${format}`,
    format,
    warning: isOther ? `"${path}" is written as ${format}: engines read it by its ending` : undefined,
  };
}

/** Puts a CDI file in place in one step, for everybody to read, its folder made where it is missing. Throws BERTH-F004. */
export function saveCdi(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    replaceFile(path, text, { mode: 0o644 });
    chmodSync(path, 0o644);
  } catch (cause) {
    const message = `Cannot write the CDI file "${path}": ${messageOf(cause)}`;
    throw new BerthError(
      { code: "BERTH-F004", message, remedy: "run it as root, or name another file: --output FILE" },
      { cause },
    );
  }
}
