import { isJsonObject, messageOf, type JsonObject } from "../base/index.ts";
import { unreadable } from "./fault.ts";
import { jsonValueOf, parseJsonTree } from "./json-tree.ts";
import { splice, splitMark } from "./span.ts";
import { parseToml, tomlValueOf } from "./toml-tree.ts";

/**
 * What a configuration file says. Numbers that JavaScript would write otherwise keep their text; times of TOML are
 * texts. A blank JSON file says nothing, as dockerd takes it. Throws T001 with the place: bad syntax, comments in JSON,
 * a key twice.
 */
export function parseConfigText(kind: "json" | "toml", path: string, text: string): JsonObject {
  const body = splitMark(text)[1];
  const what = `"${path}"`;
  return kind === "json" ? readJson(body, what) : readToml(body, what);
}

function readJson(text: string, what: string): JsonObject {
  if (text.trim() === "") return {};
  const value = jsonValueOf(parseJsonTree(text, what));
  if (!isJsonObject(value)) throw unreadable(what, "it is no object");
  return value;
}

/** Bun is stricter than the parser that knows places, and refuses integers that a double cannot hold, which TOML allows. */
function readToml(text: string, what: string): JsonObject {
  const toml = parseToml(text, what);
  let plain = text;
  for (const integer of toml.longIntegers.toReversed()) plain = splice(plain, integer, "1");
  try {
    Bun.TOML.parse(plain);
  } catch (cause) {
    const why = messageOf(cause);
    throw unreadable(what, why.replace(/^TOML Parse error: /, ""));
  }
  return tomlValueOf(toml);
}
