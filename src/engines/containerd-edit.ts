import { isDeepStrictEqual } from "node:util";
import { compareVersions } from "../base/index.ts";
import type { TextValue } from "../text/index.ts";
import { changeText, HEADING, readTable, replaceText, type Want } from "./change-text.ts";
import {
  isWritable,
  mergeTables,
  tableAt,
  textAt,
  valueAt,
  withoutValue,
  withValue,
  type Table,
} from "./config-values.ts";
import {
  effectivePlugin,
  isImported,
  isPluginDisabled,
  pluginNameIn,
  pluginOf,
  readContainerd,
  type ContainerdFiles,
} from "./containerd-files.ts";
import { importOf, withDropIn } from "./containerd-imports.ts";
import { containerdWants } from "./containerd-wants.ts";
import type { Changed, ConfigReader, EngineFacts, EnginePlan, EngineWish, FileEdit } from "./wish.ts";

const CONFIG = "/etc/containerd/config.toml";
const DROP_IN = "/etc/containerd/conf.d/99-berth.toml";
const FIRST_WITH_CDI = "1.7";
/** Below `registry` (containerd, docs/cri/registry.md). */
const SECRET_KEYS: readonly string[] = ["auth", "auths", "headers"];

interface Scene {
  readonly reader: ConfigReader;
  readonly wish: EngineWish;
  readonly facts: EngineFacts;
  readonly main: string;
  readonly files: ContainerdFiles;
}

/**
 * A file of its own, and at most one line in the main file, which imports it. Where containerd takes a plugin from one
 * file only, it is a copy of what the other files say of the plugin, with the runtime added. A file that is read still
 * later and would hide it is changed itself instead; so is one that must not be copied.
 */
export function planContainerd(reader: ConfigReader, wish: EngineWish, facts: EngineFacts): EnginePlan {
  const main = facts.config ?? CONFIG;
  const scene: Scene = { reader, wish, facts, main, files: readContainerd(reader, main, facts.release) };
  const dropIn = facts.dropIn ?? DROP_IN;
  const isInPlace = dropIn === "" || !isCopyable(scene);
  const edits = isInPlace ? [changeFile(scene, inPlaceTarget(scene))] : planFiles(scene, dropIn);
  const isChanging = edits.some(({ path, change }) => change(reader.read(path)).added.spans.length > 0);
  return {
    edits,
    notes: [...notesOn(scene), ...copyNotes(scene, edits, dropIn)],
    activation: isChanging ? "restart" : "none",
  };
}

function planFiles(scene: Scene, dropIn: string): readonly FileEdit[] {
  const { reader, main, files } = scene;
  if (reader.read(dropIn) === undefined && isMet(scene)) return [];
  const line = isImported(files, dropIn) ? undefined : importOf(scene, dropIn);
  const importing = line === undefined ? [] : [{ path: main, change: line }];
  const after = { ...scene, files: readContainerd(withDropIn(scene, dropIn, line), main, scene.facts.release) };
  const hiding = after.files.all.slice(after.files.all.findIndex(({ path }) => path === dropIn) + 1);
  const last = hiding.findLast((file) => isHiding(scene, pluginOf(file)));
  return last === undefined ? [makeDropIn(after, dropIn), ...importing] : [changeFile(scene, last.path)];
}

/** Passwords of registries stay in the file that they are in: a copy could be read by others. */
function isCopyable(scene: Scene): boolean {
  const said = saidIn(scene);
  return scene.files.isMerging || (isWritable(said) && !holdsSecret(tableAt(said, ["registry"]), false));
}

function holdsSecret(value: TextValue, isBelowSecret: boolean): boolean {
  if (typeof value !== "object") return isBelowSecret && value !== "";
  return Object.entries(value).some(([key, inner]) => holdsSecret(inner, isBelowSecret || SECRET_KEYS.includes(key)));
}

function isMet(scene: Scene): boolean {
  const top = { plugins: { [scene.files.plugin]: saidIn(scene) } };
  return wantsIn(scene, scene.files.plugin, saidIn(scene)).every(({ path, value }) =>
    isDeepStrictEqual(valueAt(top, path), value),
  );
}

/** Whether what a later file says of the plugin would count instead of what is wished. */
function isHiding({ files, wish: { runtime, cdi } }: Scene, said: Table | undefined): boolean {
  if (said === undefined) return false;
  const { runtimes, default_runtime_name: name } = tableAt(said, ["containerd"]);
  return (
    !files.isMerging ||
    (runtime !== undefined && valueAt(runtimes, [runtime.name]) !== undefined) ||
    (runtime?.isDefault === true && name !== undefined) ||
    (cdi && said["enable_cdi"] === false)
  );
}

function makeDropIn(scene: Scene, path: string): FileEdit {
  const { files } = scene;
  const others = { ...files, all: files.all.filter((file) => file.path !== path) };
  const base = saidIn({ ...scene, files: others });
  return { path, change: (text) => fillDropIn(scene, path, withoutOwn(scene, base, text), text) };
}

/** What the engine prints has our own entry, too, once there is one. */
function withoutOwn({ wish: { runtime }, facts }: Scene, base: Table, text: string | undefined): Table {
  if (facts.dump === undefined || runtime === undefined) return base;
  const own = pluginOf({ top: readTable({ path: "drop-in", format: "toml" }, text ?? "") });
  const isOurs = valueAt(own, ["containerd", "runtimes", runtime.name]) !== undefined;
  return isOurs ? withoutRuntime(base, runtime.name) : base;
}

/** Made anew each time; `base` is what other files say of the plugin. */
function fillDropIn(scene: Scene, path: string, base: Table, text: string | undefined): Changed {
  const { version, plugin, isMerging } = scene.files;
  const place = { path, format: "toml" } as const;
  const old = keptOf(pluginOf({ top: readTable(place, text ?? "") }) ?? {}, base);
  const kept = scene.wish.runtime === undefined ? old : withoutRuntime(old, scene.wish.runtime.name);
  const copy = { path: ["plugins", plugin], value: isMerging ? kept : mergeTables(base, kept) };
  const wants = [
    ...(version > 1 ? [{ path: ["version"], value: version }] : []),
    ...(Object.keys(copy.value).length > 0 ? [copy] : []),
    ...wantsIn(scene, plugin, mergeTables(base, kept)),
  ];
  const copied = `# Made by berth, with a copy of what ${JSON.stringify(scene.main)} says: change it there, and have this made anew.\n`;
  const start = withValue({}, copy.path, isMerging ? old : mergeTables(base, old));
  const top = wants
    .filter((want) => want !== copy)
    .reduce((made, want) => withValue(made, want.path, want.value), start);
  const parts = Object.entries(top).toReversed();
  const made = changeText(
    place,
    isMerging ? HEADING : copied,
    parts.map(([key, value]) => ({ path: [key], value })),
  );
  return replaceText(place, text, made.text, wants);
}

/** What stays of an older file of ours: what was set up before. */
function keptOf(old: Table, base: Table): Table {
  const { runtimes, default_runtime_name: name } = tableAt(old, ["containerd"]);
  const others = Object.entries(tableAt(runtimes, [])).filter(
    ([key]) => valueAt(base, ["containerd", "runtimes", key]) === undefined,
  );
  const containerd = {
    ...(others.length === 0 ? {} : { runtimes: Object.fromEntries(others) }),
    ...(name === undefined || name === textAt(base, ["containerd", "default_runtime_name"])
      ? {}
      : { default_runtime_name: name }),
  };
  return {
    ...(Object.keys(containerd).length === 0 ? {} : { containerd }),
    ...(old["enable_cdi"] === true && base["enable_cdi"] !== true ? { enable_cdi: true } : {}),
  };
}

/** The entry of the runtime itself is made anew each time. */
function withoutRuntime(plugin: Table, name: string): Table {
  return valueAt(plugin, ["containerd", "runtimes", name]) === undefined
    ? plugin
    : withoutValue(plugin, ["containerd", "runtimes", name]);
}

/** A change of a file that is somebody's, where it is. */
function changeFile(scene: Scene, path: string): FileEdit {
  const place = { path, format: "toml" } as const;
  const change = (text: string | undefined): Changed => {
    const top = readTable(place, text ?? "");
    const own = pluginOf({ top }) ?? {};
    const said = scene.facts.dump !== undefined || scene.files.isMerging ? saidIn(scene) : own;
    const isEmpty = Object.keys(top).length === 0;
    return changeText(place, text, [
      ...(isEmpty ? [{ path: ["version"], value: scene.files.version }] : []),
      ...wantsIn(scene, pluginNameIn({ top }) ?? scene.files.plugin, said),
    ]);
  };
  return { path, change };
}

/** The file whose words on the plugin count. */
function inPlaceTarget({ files, main }: Scene): string {
  const last = files.isMerging ? undefined : files.all.findLast((file) => pluginOf(file) !== undefined);
  return last?.path ?? main;
}

function saidIn({ files, facts: { dump } }: Scene): Table {
  if (dump === undefined) return effectivePlugin(files);
  return pluginOf({ top: readTable({ path: "containerd config dump", format: "toml" }, dump) }) ?? {};
}

function wantsIn({ files, wish, facts }: Scene, plugin: string, said: Table): readonly Want[] {
  return containerdWants({ plugin, isMerging: files.isMerging }, said, wish, facts.release);
}

function notesOn({ files, wish, facts: { release } }: Scene): readonly string[] {
  return [
    ...(isPluginDisabled(files)
      ? [`containerd's plugin for Kubernetes is off ("disabled_plugins"), so nothing of this counts until it is on`]
      : []),
    ...(wish.cdi && release !== undefined && compareVersions(release, FIRST_WITH_CDI) < 0
      ? [`containerd ${release} knows no CDI: it does since ${FIRST_WITH_CDI}`]
      : []),
  ];
}

function copyNotes({ files, main }: Scene, edits: readonly FileEdit[], dropIn: string): readonly string[] {
  if (files.isMerging || !edits.some(({ path }) => path === dropIn) || pluginsOf(files, dropIn) === 0) return [];
  return [
    `containerd before 2.0 takes all settings of a plugin from one file: "${dropIn}" has a copy of those of "${main}", so after a change there it has to be made anew`,
  ];
}

function pluginsOf({ all }: ContainerdFiles, dropIn: string): number {
  return all.filter((file) => file.path !== dropIn && pluginOf(file) !== undefined).length;
}
