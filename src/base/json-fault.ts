/** Levels of objects and arrays that a document may have. */
export const MAX_JSON_DEPTH = 64;

/** Fields of the OCI runtime specification whose value is a map with keys of the user's: these may differ in case only. */
export const FREE_TEXT_KEYS: readonly string[] = ["annotations", "sysctl", "unified", "rdma", "netDevices"];

/** What is wrong with a JSON text, and where (in UTF-16 units from its start). */
export interface JsonFault {
  readonly kind: "syntax" | "duplicate" | "depth";
  readonly offset: number;
  readonly detail: string;
}

/** Keys that are equal after this are one key to Go's `encoding/json`, which folds `ſ` and `K` (Kelvin) too. */
export function foldKey(key: string): string {
  return key.toUpperCase().toLowerCase();
}

/** The first fault of a JSON text (RFC 8259), or undefined. Exact and slow: only for a text that was found wanting. */
export function findJsonFault(text: string): JsonFault | undefined {
  const cursor: Cursor = { text, at: 0 };
  const fault = readValue(cursor, [], false);
  if (fault !== undefined) return fault;
  skipBlanks(cursor);
  return cursor.at < text.length ? unexpected(cursor) : undefined;
}

interface Cursor {
  readonly text: string;
  at: number;
}

function readValue(cursor: Cursor, path: readonly string[], isFreeText: boolean): JsonFault | undefined {
  skipBlanks(cursor);
  const first = cursor.text[cursor.at];
  if (first === '"') return readString(cursor);
  if (first !== "{" && first !== "[") return readScalar(cursor);
  if (path.length >= MAX_JSON_DEPTH) return { kind: "depth", offset: cursor.at, detail: "" };
  cursor.at++;
  return first === "{" ? readObject(cursor, path, isFreeText) : readArray(cursor, path);
}

function readObject(cursor: Cursor, path: readonly string[], isFreeText: boolean): JsonFault | undefined {
  const spellings = new Map<string, string>();
  if (isNext(cursor, "}")) return undefined;
  do {
    skipBlanks(cursor);
    const start = cursor.at;
    const fault = readString(cursor);
    if (fault !== undefined) return fault;
    const key: string = JSON.parse(cursor.text.slice(start, cursor.at));
    const folded = isFreeText ? key : foldKey(key);
    const earlier = spellings.get(folded);
    if (earlier !== undefined) return { kind: "duplicate", offset: start, detail: nameKeys(earlier, key, path) };
    spellings.set(folded, key);
    if (!isNext(cursor, ":")) return unexpected(cursor);
    const inner = readValue(cursor, [...path, key], FREE_TEXT_KEYS.includes(key));
    if (inner !== undefined) return inner;
  } while (isNext(cursor, ","));
  return isNext(cursor, "}") ? undefined : unexpected(cursor);
}

function readArray(cursor: Cursor, path: readonly string[]): JsonFault | undefined {
  if (isNext(cursor, "]")) return undefined;
  let index = 0;
  do {
    const fault = readValue(cursor, [...path, String(index++)], false);
    if (fault !== undefined) return fault;
  } while (isNext(cursor, ","));
  return isNext(cursor, "]") ? undefined : unexpected(cursor);
}

function readScalar(cursor: Cursor): JsonFault | undefined {
  return skip(cursor, /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y)
    ? undefined
    : unexpected(cursor);
}

function readString(cursor: Cursor): JsonFault | undefined {
  if (cursor.text[cursor.at] !== '"') return unexpected(cursor);
  cursor.at++;
  do {
    // oxlint-disable-next-line no-control-regex -- JSON forbids them in a string
    skip(cursor, /[^"\\\u0000-\u001f]+/y);
  } while (skip(cursor, /\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})/y));
  if (cursor.text[cursor.at] !== '"') return unexpected(cursor);
  cursor.at++;
  return undefined;
}

/** Whether the next character that is not blank is this one, which is then taken. */
function isNext(cursor: Cursor, character: string): boolean {
  skipBlanks(cursor);
  if (cursor.text[cursor.at] !== character) return false;
  cursor.at++;
  return true;
}

function skipBlanks(cursor: Cursor): void {
  skip(cursor, /[ \t\n\r]+/y);
}

function skip(cursor: Cursor, pattern: RegExp): boolean {
  pattern.lastIndex = cursor.at;
  if (!pattern.test(cursor.text)) return false;
  cursor.at = pattern.lastIndex;
  return true;
}

function unexpected(cursor: Cursor): JsonFault {
  const found = cursor.text.codePointAt(cursor.at);
  const detail = found === undefined ? "unexpected end" : `unexpected ${JSON.stringify(String.fromCodePoint(found))}`;
  return { kind: "syntax", offset: cursor.at, detail };
}

function nameKeys(earlier: string, key: string, path: readonly string[]): string {
  const steps = path.map((step) => shorten(step).replaceAll("~", "~0").replaceAll("/", "~1"));
  const place = path.length === 0 ? "at its top level" : `in "/${steps.join("/")}"`;
  if (earlier === key) return `it holds the key "${shorten(key)}" twice ${place}`;
  return `it holds the keys "${shorten(earlier)}" and "${shorten(key)}" ${place}, which differ only in case`;
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
