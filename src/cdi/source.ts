import { BerthError, type ErrorCode } from "../base/index.ts";
import { locate } from "./locate.ts";
import { describeFault, type FieldFault } from "./steps.ts";

export type CdiFormat = "json" | "yaml";

/** The text of a CDI file. */
export interface Source {
  /** Only for messages. */
  readonly path: string;
  readonly text: string;
  readonly format: CdiFormat;
}

/** BERTH-F002 for a field of a file, with its line and column. */
export function fieldError(source: Source, fault: FieldFault): BerthError {
  const place = namePlace(source, locate(source.text, fault.steps));
  return cdiError("BERTH-F002", {
    message: `Cannot use the CDI file ${place}: ${describeFault(fault)}`,
    remedy: fault.remedy ?? `mend that field of "${source.path}", or the program that wrote it`,
  });
}

/** BERTH-F001 for a file that cannot be parsed; `offset` says where, in UTF-16 units. */
export function syntaxError(source: Source, why: string, offset: number): BerthError {
  return cdiError("BERTH-F001", {
    message: `Cannot read the CDI file ${namePlace(source, offset)}: ${why}`,
    remedy: `mend "${source.path}", or the program that wrote it`,
  });
}

/** BERTH-F001 for a file that cannot be read at all. */
export function unreadable(path: string, why: string, cause?: unknown): BerthError {
  const message = `Cannot read the CDI file "${path}": ${why}`;
  return cdiError("BERTH-F001", { message, remedy: `mend "${path}", or move it out of its folder` }, cause);
}

function cdiError(code: ErrorCode, text: { message: string; remedy: string }, cause?: unknown): BerthError {
  return new BerthError({ code, ...text }, { cause });
}

/** `"file":line:column`, counted from 1; columns are characters (code points), not bytes. */
function namePlace({ path, text }: Source, offset: number | undefined): string {
  if (offset === undefined) return `"${path}"`;
  const lines = text.slice(0, offset).split("\n");
  return `"${path}":${lines.length}:${Array.from(lines.at(-1) ?? "").length + 1}`;
}
