import { compareVersions } from "../base/index.ts";
import type { TextValue } from "../text/index.ts";
import { changeText, readTable, replaceText, type Place, type Want } from "./change-text.ts";
import { isTable, textsAt, valueAt, type Table } from "./config-values.ts";
import { planSwarmEntries, SWARM_KEY, swarmDevice } from "./swarm-entries.ts";
import { nameSwarmVariable } from "./swarm-variable.ts";
import type {
  Changed,
  ConfigReader,
  EngineFacts,
  EnginePlan,
  EngineWish,
  FileEdit,
  RuntimeWish,
  SwarmWish,
} from "./wish.ts";

const CONFIG = "/etc/docker/daemon.json";
const FIRST_WITH_CDI = "25.0";
const FIRST_WITH_CDI_ON = "28.2";
/** What dockerd reads when it starts (tried with 26.1). */
const READ_AT_START: readonly unknown[] = ["features", SWARM_KEY];

/**
 * `daemon.json` of dockerd (docker/cli, docs/reference/dockerd.md). A signal makes dockerd read `runtimes` and
 * `default-runtime` anew.
 */
export function planDocker(reader: ConfigReader, wish: EngineWish, facts: EngineFacts): EnginePlan {
  const path = facts.config ?? CONFIG;
  const change = (text: string | undefined): Changed => changeDocker(path, text, wish, facts.release);
  const before = reader.read(path);
  const { steps } = change(before).added;
  const isRestart = steps.some((step) => READ_AT_START.includes(step.path[0]));
  const reload = steps.length === 0 ? "none" : "reload";
  return {
    edits: [...variableEdits(wish.swarm), { path, change }],
    notes: [...notesOn(wish, facts), ...otherKinds(before, path, wish.swarm)],
    activation: isRestart ? "restart" : reload,
  };
}

/** First: a runtime that knows a variable which nobody sets does what it did. */
function variableEdits(swarm: SwarmWish | undefined): readonly FileEdit[] {
  if (swarm === undefined) return [];
  const path = swarm.runtimeConfig;
  return [{ path, isForeign: true, change: (text) => nameSwarmVariable(path, text, swarm.kind) }];
}

/** What would give one GPU to two tasks. */
function otherKinds(text: string | undefined, path: string, swarm: SwarmWish | undefined): readonly string[] {
  if (swarm === undefined) return [];
  const entries = textsAt(readTable({ path, format: "json" }, text ?? ""), [SWARM_KEY]);
  const others = entries.filter((entry) => {
    const [kind = "", value = ""] = entry.split("=");
    return kind !== swarm.kind && swarmDevice(value, swarm.devices) !== undefined;
  });
  return others.map(
    (entry) =>
      `"${entry}" in "${path}" offers a GPU under another kind, too: Swarm may give it to two tasks; take that entry out, or name its kind with --kind`,
  );
}

function notesOn({ cdi }: EngineWish, { release }: EngineFacts): readonly string[] {
  if (!cdi || release === undefined || compareVersions(release, FIRST_WITH_CDI) >= 0) return [];
  return [`Docker ${release} knows no CDI: it does since ${FIRST_WITH_CDI}`];
}

function changeDocker(path: string, text: string | undefined, wish: EngineWish, release: string | undefined): Changed {
  const place: Place = { path, format: "json" };
  const top = readTable(place, text ?? "");
  const { runtime, cdi, swarm } = wish;
  const wants = [
    ...(runtime === undefined ? [] : runtimeWants(runtime, top)),
    ...(cdi && needsSwitch(top, release) ? [{ path: ["features", "cdi"], value: true }] : []),
    ...(swarm === undefined ? [] : swarmWants(swarm, top)),
  ];
  const isBlank = (text ?? "").trim() === "" && wants.length > 0;
  return isBlank ? replaceText(place, text, formatNew(wants), wants) : changeText(place, text, wants);
}

function runtimeWants({ name, path, isDefault }: RuntimeWish, top: Table): readonly Want[] {
  const entry = valueAt(top, ["runtimes", name]);
  // dockerd refuses an entry with both a path and a type.
  const isKept = isTable(entry) && !Object.hasOwn(entry, "runtimeType");
  return [
    isKept
      ? { path: ["runtimes", name, "path"], value: path }
      : { path: ["runtimes", name], value: { args: [], path }, mark: ["path"] },
    ...(isDefault ? [{ path: ["default-runtime"], value: name }] : []),
  ];
}

/** What is to go goes first, so that taking it all back gives that again. */
function swarmWants(swarm: SwarmWish, top: Table): readonly Want[] {
  const path = [SWARM_KEY];
  const entries = textsAt(top, path);
  const { kept, added } = planSwarmEntries(entries, swarm);
  return [
    ...(kept.length < entries.length ? [{ path, value: kept }] : []),
    ...added.map((value) => ({ path, value, isItem: true })),
  ];
}

function needsSwitch(top: Table, release: string | undefined): boolean {
  if (release === undefined || valueAt(top, ["features", "cdi"]) === false) return true;
  return compareVersions(release, FIRST_WITH_CDI) >= 0 && compareVersions(release, FIRST_WITH_CDI_ON) < 0;
}

/** A new file as nvidia-ctk writes it: four spaces, sorted keys, no newline at its end. */
function formatNew(wants: readonly Want[]): string {
  const top: Record<string, TextValue> = {};
  for (const { path, value, isItem } of wants.toSorted((a, b) => (String(a.path[0]) < String(b.path[0]) ? -1 : 1))) {
    const [first = "", ...rest] = path;
    const items = top[first];
    if (isItem === true) top[first] = Array.isArray(items) ? [...items, value] : [value];
    else top[first] = rest.reduceRight<TextValue>((inner, key) => ({ [key]: inner }), value);
  }
  return JSON.stringify(top, undefined, 4);
}
