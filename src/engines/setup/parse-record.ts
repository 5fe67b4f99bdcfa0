import { isTable, textsOf } from "../any-value.ts";
import { isEngineName } from "../engine.ts";
import type { Added } from "../wish.ts";
import type { FileChange, Layer, Passing, SetUpRuntime, SetupRecord } from "./layer.ts";

type Table = Readonly<Record<string, unknown>>;

/** Reads the record's text. Throws a SyntaxError or RangeError for one that berth has not written so. */
export function parseRecord(text: string): SetupRecord {
  const top = tableOf(JSON.parse(text), "it");
  if (top["version"] !== 1) throw new RangeError("it is of another release of berth");
  const { cdiFile } = top;
  return {
    layers: tablesOf(top["layers"]).map(readLayer),
    ...(cdiFile === undefined ? {} : { cdiFile: placeOf(cdiFile) }),
  };
}

function readLayer(layer: Table): Layer {
  const { engine, at, activation, runtime } = layer;
  if (!isEngineName(engine) || typeof at !== "string")
    throw new RangeError("it names an engine that berth does not know");
  if (activation !== "reload" && activation !== "restart" && activation !== "none")
    throw new RangeError("activation is none");
  return {
    engine,
    at,
    activation,
    runtime: runtime === undefined ? undefined : readRuntime(tableOf(runtime, "runtime")),
    ...(layer["part"] === "swarm" ? { part: "swarm" } : {}),
    files: tablesOf(layer["files"]).map(readFile),
  };
}

function readRuntime({ name, path, isDefault }: Table): SetUpRuntime {
  return { name: textOf(name, "name"), path: textOf(path, "path"), isDefault: isDefault === true };
}

function readFile({ path, original, ours, folders, added, passing }: Table): FileChange {
  if (!isAdded(added)) throw new RangeError("added is not what berth has written");
  return {
    path: placeOf(path),
    original: original === undefined ? undefined : digestIn(original),
    ours: textsOf(ours) ?? [],
    folders: (textsOf(folders) ?? []).map(placeOf),
    added,
    ...(passing === undefined ? {} : { passing: readPassing(tableOf(passing, "passing")) }),
  };
}

function readPassing({ digest, leadsTo, isCleaned }: Table): Passing {
  return {
    digest: digestIn(digest),
    leadsTo: leadsTo === undefined ? undefined : digestIn(leadsTo),
    isCleaned: isCleaned === true,
  };
}

/** Which becomes a file's name. */
function digestIn(value: unknown): string {
  const digest = textOf(value, "a digest");
  if (!/^[0-9a-f]{64}$/.test(digest)) throw new RangeError("a digest is none");
  return digest;
}

/** Of a file or folder that is changed. */
function placeOf(value: unknown): string {
  const path = textOf(value, "a path");
  if (!path.startsWith("/") || path.split("/").includes(".."))
    throw new RangeError(`${JSON.stringify(path)} is no path that berth has written`);
  return path;
}

function isAdded(value: unknown): value is Added {
  return (
    isTable(value) &&
    (value["format"] === "json" || value["format"] === "toml") &&
    Array.isArray(value["steps"]) &&
    Array.isArray(value["spans"])
  );
}

function textOf(value: unknown, name: string): string {
  if (typeof value !== "string") throw new RangeError(`${name} is no text`);
  return value;
}

function tableOf(value: unknown, name: string): Table {
  if (!isTable(value)) throw new RangeError(`${name} is no object`);
  return value;
}

function tablesOf(value: unknown): readonly Table[] {
  if (!Array.isArray(value)) throw new RangeError("a list is none");
  return value.map((each: unknown) => tableOf(each, "an item"));
}
