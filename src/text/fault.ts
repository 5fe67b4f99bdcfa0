import { BerthError, escapeControls } from "../base/index.ts";
import { positionAt } from "./position.ts";
import type { KeyPath } from "./value.ts";

/** The T001 error for a text that cannot be read, with the place in it where that is known. */
export function unreadable(
  what: string,
  why: string,
  place?: { readonly text: string; readonly offset: number },
): BerthError {
  const position = place && positionAt(place.text, place.offset);
  const where = position === undefined ? "" : `, line ${position.line}, column ${position.column}`;
  return new BerthError({
    code: "BERTH-T001",
    message: `Cannot read ${what}${where}: ${why}`,
    remedy: position === undefined ? "mend the file" : "mend that line",
  });
}

/** The T002 error for a key that has no place: what stands above it is no table. */
export function noTable(path: KeyPath, depth: number, found: string): BerthError {
  const above = nameKeys(path.slice(0, depth));
  return new BerthError({
    code: "BERTH-T002",
    message: `Cannot change "${nameKeys(path)}": "${above}" is ${found}, and no table`,
    remedy: `make "${above}" a table, or take it out`,
  });
}

/** The way to a value as a user reads it: `plugins.'io.containerd.grpc.v1.cri'.enable_cdi`. */
export function nameKeys(path: KeyPath): string {
  return path.map((key) => (/^[\w-]+$/.test(key) ? key : `'${escapeControls(key)}'`)).join(".");
}
