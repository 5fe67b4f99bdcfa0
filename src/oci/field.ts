import {
  BerthError,
  foldKey,
  isJsonArray,
  isJsonObject,
  ownField,
  toSafeInteger,
  type JsonObject,
  type JsonValue,
} from "../base/index.ts";

/*
 * Each reader takes an object (undefined: it is not there), the JSON pointer of that object and the key to be read.
 * It gives undefined when the field is absent or null, which Go's JSON takes for absent, and throws S005 when its type
 * is wrong, or when it is missing but a key that differs in case is there: runc would take that one, crun would not.
 */

export function objectAt(object: JsonObject | undefined, pointer: string, key: string): JsonObject | undefined {
  const value = readField(object, pointer, key);
  if (value === undefined || isJsonObject(value)) return value;
  throw badField(`${pointer}/${escapeStep(key)}`, "an object", value);
}

export function listAt(object: JsonObject | undefined, pointer: string, key: string): readonly JsonValue[] | undefined {
  const value = readField(object, pointer, key);
  if (value === undefined || isJsonArray(value)) return value;
  throw badField(`${pointer}/${escapeStep(key)}`, "a list", value);
}

/** A list of which every item is an object. */
export function objectsAt(object: JsonObject | undefined, pointer: string, key: string): readonly JsonObject[] {
  const items = listAt(object, pointer, key) ?? [];
  return items.map((item, index) => {
    if (isJsonObject(item)) return item;
    throw badField(`${pointer}/${escapeStep(key)}/${index}`, "an object", item);
  });
}

/** A list of which every item is text. */
export function textsAt(object: JsonObject | undefined, pointer: string, key: string): readonly string[] {
  const items = listAt(object, pointer, key) ?? [];
  return items.map((item, index) => {
    if (typeof item === "string") return item;
    throw badField(`${pointer}/${escapeStep(key)}/${index}`, "text", item);
  });
}

export function textAt(object: JsonObject | undefined, pointer: string, key: string): string | undefined {
  const value = readField(object, pointer, key);
  if (value === undefined || typeof value === "string") return value;
  throw badField(`${pointer}/${escapeStep(key)}`, "text", value);
}

/** An integer within ±(2^53-1). */
export function integerAt(object: JsonObject | undefined, pointer: string, key: string): number | undefined {
  const value = readField(object, pointer, key);
  const integer = toSafeInteger(value);
  if (value === undefined || integer !== undefined) return integer;
  throw badField(`${pointer}/${escapeStep(key)}`, "an integer", value);
}

/** The S005 error for a field of `config.json`; `value` is what stands there, `otherFault` what is wrong with it when its type is right. */
export function badField(
  pointer: string,
  wanted: string,
  value: JsonValue | undefined,
  otherFault?: string,
): BerthError {
  const place = pointer === "" ? "its top level" : `"${pointer}"`;
  const found = otherFault ?? (value === undefined ? "is missing" : `is ${nameType(value)}`);
  return new BerthError({
    code: "BERTH-S005",
    message: `Cannot use config.json: ${place} must be ${wanted}, but ${found}`,
    remedy: `mend ${place} in the bundle's config.json, or the program that wrote it`,
  });
}

function readField(object: JsonObject | undefined, pointer: string, key: string): JsonValue | undefined {
  if (object === undefined) return undefined;
  const value = ownField(object, key);
  if (value === undefined) refuseOtherCase(object, pointer, key);
  return value ?? undefined;
}

function refuseOtherCase(object: JsonObject, pointer: string, key: string): void {
  for (const other of Object.keys(object)) {
    if (foldKey(other) !== foldKey(key)) continue;
    throw new BerthError({
      code: "BERTH-S005",
      message: `Cannot use config.json: "${pointer}/${escapeStep(other)}" must be spelled "${key}"`,
      remedy: `write "${key}" in the bundle's config.json, or mend the program that wrote it`,
    });
  }
}

function nameType(value: JsonValue): string {
  if (value === null) return "null";
  if (isJsonArray(value)) return "a list";
  if (typeof value === "string") return "text";
  if (typeof value === "boolean") return String(value);
  return isJsonObject(value) ? "an object" : `the number ${JSON.stringify(value).slice(0, 40)}`;
}

/** One step of a JSON pointer (RFC 6901). */
export function escapeStep(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
