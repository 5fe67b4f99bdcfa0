import { BerthError, parseJson, type JsonValue } from "../base/index.ts";
import { syntaxError, type Source } from "./source.ts";

/** How `parseJson` says what is wrong with a document called "it". */
const FAULT = /^Cannot (?:read|use) "it": ([^]*?)(?:,? at line (\d+), column (\d+)[^]*)?$/;

/** A JSON document; keys that differ in case only are refused, since Go's readers take them for one. Throws BERTH-F001. */
export function parseJsonSource(source: Source, bytes: Uint8Array): JsonValue {
  try {
    return parseJson(bytes, "it");
  } catch (thrown) {
    const { message } = BerthError.from(thrown);
    const [, why = message, line = "1", column = "1"] = FAULT.exec(message) ?? [];
    const before = source.text.split("\n").slice(0, Number(line) - 1);
    throw syntaxError(source, why, before.join("\n").length + (before.length > 0 ? 1 : 0) + Number(column) - 1);
  }
}
