import { readFileSync } from "node:fs";
import { messageOf } from "../base/index.ts";
import { parseCdiSpec } from "./read-spec.ts";
import { unreadable } from "./source.ts";
import type { CdiSpec } from "./spec.ts";

const STDIN = 0;

/** The CDI file that a user names, whoever owns it; `-` is stdin, as YAML, which JSON is too. Throws BERTH-F001 and F002. */
export function readCdiSpec(path: string): CdiSpec {
  return parseCdiSpec(readBytes(path), path === "-" ? "stdin" : path);
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path === "-" ? STDIN : path);
  } catch (cause) {
    throw unreadable(path, messageOf(cause), cause);
  }
}
