import { compareVersions } from "../base/index.ts";
import type { TextValue } from "../text/index.ts";
import { changeText, readTable, replaceText, type Place, type Want } from "./change-text.ts";
import { isTable, valueAt, type Table } from "./config-values.ts";
import type { Changed, ConfigReader, EngineFacts, EnginePlan, EngineWish, RuntimeWish } from "./wish.ts";

const CONFIG = "/etc/docker/daemon.json";
const FIRST_WITH_CDI = "25.0";
const FIRST_WITH_CDI_ON = "28.2";

/**
 * `daemon.json` of dockerd (docker/cli, docs/reference/dockerd.md). A signal makes dockerd read `runtimes` and
 * `default-runtime` anew; it reads `features` when it starts (tried with 26.1).
 */
export function planDocker(reader: ConfigReader, wish: EngineWish, facts: EngineFacts): EnginePlan {
  const path = facts.config ?? CONFIG;
  const change = (text: string | undefined): Changed => changeDocker(path, text, wish, facts.release);
  const { steps } = change(reader.read(path)).added;
  const isRestart = steps.some((step) => step.path[0] === "features");
  const reload = steps.length === 0 ? "none" : "reload";
  return { edits: [{ path, change }], notes: notesOn(wish, facts), activation: isRestart ? "restart" : reload };
}

function notesOn({ cdi }: EngineWish, { release }: EngineFacts): readonly string[] {
  if (!cdi || release === undefined || compareVersions(release, FIRST_WITH_CDI) >= 0) return [];
  return [`Docker ${release} knows no CDI: it does since ${FIRST_WITH_CDI}`];
}

function changeDocker(path: string, text: string | undefined, wish: EngineWish, release: string | undefined): Changed {
  const place: Place = { path, format: "json" };
  const top = readTable(place, text ?? "");
  const { runtime, cdi } = wish;
  const wants = [
    ...(runtime === undefined ? [] : runtimeWants(runtime, top)),
    ...(cdi && needsSwitch(top, release) ? [{ path: ["features", "cdi"], value: true }] : []),
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

function needsSwitch(top: Table, release: string | undefined): boolean {
  if (release === undefined || valueAt(top, ["features", "cdi"]) === false) return true;
  return compareVersions(release, FIRST_WITH_CDI) >= 0 && compareVersions(release, FIRST_WITH_CDI_ON) < 0;
}

/** A new file as nvidia-ctk writes it: four spaces, sorted keys, no newline at its end. */
function formatNew(wants: readonly Want[]): string {
  const top: Record<string, TextValue> = {};
  for (const { path, value } of wants.toSorted((a, b) => (String(a.path[0]) < String(b.path[0]) ? -1 : 1))) {
    const [first = "", ...rest] = path;
    top[first] = rest.reduceRight<TextValue>((inner, key) => ({ [key]: inner }), value);
  }
  return JSON.stringify(top, undefined, 4);
}
