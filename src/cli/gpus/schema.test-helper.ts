import { readFileSync } from "node:fs";
import { join } from "node:path";

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Where a value is not as docs/NAME.schema.json wants it; knows the words that these schemas use, and refuses others. */
export function schemaFaults(
  value: unknown,
  name: "gpus" | "lease" | "ps" | "report" | "top" = "gpus",
): readonly string[] {
  const [schema, { $defs: shared }] = [readSchema(name), readSchema("gpus")];
  const own = schema["$defs"] ?? {};
  return isFields(shared) && isFields(own)
    ? check(value, schema, { defs: { ...shared, ...own }, at: "$" })
    : ["the schema is none"];
}

function readSchema(name: string): Fields {
  const path = join(import.meta.dir, `../../../docs/${name}.schema.json`);
  const schema: unknown = JSON.parse(readFileSync(path, "utf8"));
  return isFields(schema) ? schema : {};
}

interface Place {
  readonly defs: Fields;
  readonly at: string;
}

const KNOWN = new Set(
  "$schema title description $defs $ref const enum type minimum items required properties additionalProperties".split(
    " ",
  ),
);

function check(value: unknown, schema: Fields, { defs, at }: Place): readonly string[] {
  const unknown = Object.keys(schema).filter((word) => !KNOWN.has(word));
  const { $ref: ref, items, properties } = schema;
  const target = typeof ref === "string" ? defs[ref.replace(/^(?:gpus\.schema\.json)?#\/\$defs\//, "")] : undefined;
  return [
    ...unknown.map((word) => `the schema has "${word}" at ${at}`),
    ...(isFields(target) ? check(value, target, { defs, at }) : []),
    ...checkPlain(value, schema).map((fault) => `${at} ${fault}`),
    ...(Array.isArray(value) && isFields(items)
      ? value.flatMap((item: unknown, index) => check(item, items, { defs, at: `${at}[${index}]` }))
      : []),
    ...(isFields(value) && isFields(properties) ? checkFields(value, schema, { defs, at }) : []),
  ];
}

function checkPlain(value: unknown, { type, minimum, ...schema }: Fields): readonly string[] {
  const types = type === undefined ? undefined : [type].flat();
  const kinds = typeOf(value) === "integer" ? ["integer", "number"] : [typeOf(value)];
  const options = Array.isArray(schema["enum"]) ? schema["enum"] : [value];
  return [
    ...("const" in schema && schema["const"] !== value ? [`is not ${String(schema["const"])}`] : []),
    ...(options.includes(value) ? [] : ["is none of its values"]),
    ...(types === undefined || kinds.some((kind) => types.includes(kind)) ? [] : [`is ${typeOf(value)}`]),
    ...(typeof minimum === "number" && typeof value === "number" && value < minimum ? ["is too small"] : []),
  ];
}

function checkFields(value: Fields, { required, properties }: Fields, { defs, at }: Place): readonly string[] {
  const known = isFields(properties) ? properties : {};
  const names: readonly unknown[] = Array.isArray(required) ? required : [];
  return [
    ...names
      .filter((name) => typeof name === "string" && !(name in value))
      .map((name) => `${at}.${String(name)} is not there`),
    ...Object.entries(value).flatMap(([name, item]) => {
      const schema = known[name];
      return isFields(schema)
        ? check(item, schema, { defs, at: `${at}.${name}` })
        : [`${at}.${name} is not in the schema`];
    }),
  ];
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}
