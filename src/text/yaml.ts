/** What a YAML document holds. Numbers are integers; a field that is undefined is left out. */
export type YamlValue = string | number | boolean | readonly YamlValue[] | YamlObject;

export interface YamlObject {
  readonly [key: string]: YamlValue | undefined;
}

const STEP = "    ";
const PLAIN = /^[A-Za-z/_][\w./@-]*$/;
/** Words that some reader takes for a boolean, null or a number. */
const SPECIAL = /^(?:y|n|yes|no|on|off|true|false|null|nan|inf|infinity|e[-.\d_]+)$/i;
/** What JSON leaves bare in a string, and YAML does not allow there or takes for the end of a line. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/**
 * A YAML document that readers of YAML 1.1 (Go, Python) and 1.2 take for the same values: `---`, four spaces a level, and in double quotes
 * every string that could be taken for anything else. Throws RangeError for a number that is no safe integer.
 */
export function formatYaml(value: YamlValue): string {
  const lines = isEmpty(value) ? [formatInline(value)] : formatChildren(value, "");
  return `---\n${lines.join("\n")}\n`;
}

/** The lines of a list or an object that is not empty. */
function formatChildren(value: YamlValue, indent: string): readonly string[] {
  if (isList(value)) return value.flatMap((item) => formatItem(item, indent));
  return fieldsOf(value).flatMap((field) => formatField(field, indent, indent));
}

/** The fields of an object in a list stand two columns in, and what is below them a whole step. */
function formatItem(item: YamlValue, indent: string): readonly string[] {
  if (isEmpty(item)) return [`${indent}- ${formatInline(item)}`];
  if (isList(item)) return [`${indent}-`, ...formatChildren(item, indent + STEP)];
  return fieldsOf(item).flatMap((field, at) => formatField(field, `${indent}${at === 0 ? "-" : " "} `, indent));
}

function formatField([key, value]: Field, lead: string, indent: string): readonly string[] {
  const start = `${lead}${formatText(key)}:`;
  return isEmpty(value) ? [`${start} ${formatInline(value)}`] : [start, ...formatChildren(value, indent + STEP)];
}

type Field = readonly [key: string, value: YamlValue];

function fieldsOf(value: YamlValue): readonly Field[] {
  if (typeof value !== "object" || isList(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => (item === undefined ? [] : [[key, item] as const]));
}

/** Whether there is nothing below: a scalar, an empty list, an empty object. */
function isEmpty(value: YamlValue): boolean {
  return isList(value) ? value.length === 0 : fieldsOf(value).length === 0;
}

function formatInline(value: YamlValue): string {
  if (typeof value === "string") return formatText(value);
  if (typeof value === "object") return isList(value) ? "[]" : "{}";
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new RangeError(`Not an integer: ${value}`);
  return String(value);
}

function formatText(text: string): string {
  if (PLAIN.test(text) && !SPECIAL.test(text)) return text;
  return JSON.stringify(text).replace(UNPRINTABLE, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function isList(value: YamlValue): value is readonly YamlValue[] {
  return Array.isArray(value);
}
