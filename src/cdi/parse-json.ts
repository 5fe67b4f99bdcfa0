import { readJson, type JsonValue } from "../base/index.ts";
import { syntaxError, type Source } from "./source.ts";

/** A JSON document; keys that differ in case only are refused, since Go's readers take them for one. Throws BERTH-F001. */
export function parseJsonSource(source: Source, bytes: Uint8Array): JsonValue {
  const read = readJson(bytes);
  if (read.kind === "value") return read.value;
  const { why, offset = 0 } = read.refusal;
  throw syntaxError(source, why, offset);
}
