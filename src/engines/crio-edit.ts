import { dirname } from "node:path";
import { changeText, HEADING, readTable, type Want } from "./change-text.ts";
import { isTable, mergeTables, tableAt, textAt, valueAt, type Table } from "./config-values.ts";
import type { ConfigReader, EngineFacts, EnginePlan, EngineWish, FileEdit, RuntimeWish } from "./wish.ts";

const CONFIG = "/etc/crio/crio.conf";
const DROP_IN = "/etc/crio/crio.conf.d/99-berth.conf";
const AT = ["crio", "runtime"];

interface File {
  readonly path: string;
  readonly top: Table;
}

/**
 * A file in `crio.conf.d` (cri-o, docs/crio.conf.5.md): cri-o reads all that is there in the order of names, and a
 * later one counts, key by key. CDI is always on.
 */
export function planCrio(reader: ConfigReader, { runtime }: EngineWish, facts: EngineFacts): EnginePlan {
  if (runtime === undefined) return { edits: [], notes: [], activation: "none" };
  const edit = crioEdit(reader, runtime, facts);
  const isChanging = edit !== undefined && edit.change(reader.read(edit.path)).added.spans.length > 0;
  return {
    edits: edit === undefined ? [] : [edit],
    notes: notesOn(reader, runtime, facts),
    activation: isChanging ? "restart" : "none",
  };
}

/** What a main file says that is to be changed itself can be said otherwise later. */
function notesOn(
  reader: ConfigReader,
  runtime: RuntimeWish,
  { config: main = CONFIG, dropIn }: EngineFacts,
): readonly string[] {
  if (dropIn !== "") return [];
  const hiding = readAll(reader, main).filter(({ path, top }) => path !== main && isHiding(top, runtime));
  return hiding.map(({ path }) => `"${path}" is read after "${main}" and says otherwise`);
}

function crioEdit(reader: ConfigReader, runtime: RuntimeWish, facts: EngineFacts): FileEdit | undefined {
  const main = facts.config ?? CONFIG;
  const dropIn = facts.dropIn ?? DROP_IN;
  const files = readAll(reader, main);
  const said =
    facts.dump === undefined ? mergeAll(files) : readTable({ path: "crio status config", format: "toml" }, facts.dump);
  if (dropIn === "") return changeFile(main, said, runtime);
  if (reader.read(dropIn) === undefined && isMet(said, runtime)) return undefined;
  const isLater = (path: string): boolean => dirname(path) === dirname(dropIn) && path > dropIn;
  const hiding = files.findLast(({ path, top }) => isLater(path) && isHiding(top, runtime));
  if (hiding !== undefined) return changeFile(hiding.path, said, runtime);
  return changeFile(dropIn, said, runtime, HEADING);
}

function readAll(reader: ConfigReader, main: string): readonly File[] {
  return [main, ...reader.list(`${main}.d/*`)].flatMap((path) => {
    const text = reader.read(path);
    return text === undefined ? [] : [{ path, top: readTable({ path, format: "toml" }, text) }];
  });
}

function mergeAll(files: readonly File[]): Table {
  return files.reduce<Table>((merged, { top }) => mergeTables(merged, top), {});
}

function isMet(said: Table, { name, path, isDefault }: RuntimeWish): boolean {
  const runtime = tableAt(said, AT);
  return (
    valueAt(runtime, ["runtimes", name, "runtime_path"]) === path && (!isDefault || runtime["default_runtime"] === name)
  );
}

function isHiding(top: Table, { name, isDefault }: RuntimeWish): boolean {
  const said = tableAt(top, AT);
  return valueAt(said, ["runtimes", name]) !== undefined || (isDefault && said["default_runtime"] !== undefined);
}

/**
 * What a file has to say. A runtime is a copy of the one that containers get by default, with another program; and
 * whole, since of two files that name one cri-o takes all of it from the later.
 */
function crioWants(said: Table, own: Table, { name, path, isDefault }: RuntimeWish): readonly Want[] {
  const runtime = tableAt(said, AT);
  const at = [...AT, "runtimes", name];
  const old = valueAt(runtime, ["runtimes", name]);
  const entry = { ...(isTable(old) ? old : cloneRuntime(runtime)), runtime_path: path, runtime_type: "oci" };
  return [
    ...(isDefault ? [{ path: [...AT, "default_runtime"], value: name }] : []),
    isTable(valueAt(own, at))
      ? { path: [...at, "runtime_path"], value: path }
      : { path: at, value: entry, mark: ["runtime_path"] },
  ];
}

function cloneRuntime(said: Table): Table {
  const names = [textAt(said, ["default_runtime"]) ?? "crun", "runc", "crun"];
  return names.map((name) => valueAt(said, ["runtimes", name])).find(isOci) ?? {};
}

/** One for virtual machines or pods has other options. */
function isOci(entry: Table[string] | undefined): entry is Table {
  return isTable(entry) && ["", "oci"].includes(textAt(entry, ["runtime_type"]) ?? "");
}

function changeFile(path: string, said: Table, runtime: RuntimeWish, heading = ""): FileEdit {
  const place = { path, format: "toml" } as const;
  return {
    path,
    change: (text) => changeText(place, text, crioWants(said, readTable(place, text ?? ""), runtime), heading),
  };
}
