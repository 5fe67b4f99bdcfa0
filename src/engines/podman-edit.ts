import { compareVersions } from "../base/index.ts";
import { changeText, HEADING, readTable, type Want } from "./change-text.ts";
import { mergeTables, valueAt, type Table } from "./config-values.ts";
import type { ConfigReader, EngineFacts, EnginePlan, EngineWish, RuntimeWish } from "./wish.ts";

const FOLDER = "/etc/containers";
const DROP_IN = `${FOLDER}/containers.conf.d/99-berth.conf`;
const FIRST_WITH_CDI = "4.1";
/** From the first on, and before the second, only /etc/cdi is looked into (podman#26569). */
const WITHOUT_RUN = ["5.5", "5.6"] as const;

/**
 * A file in `containers.conf.d` (containers/common, docs/containers.conf.5.md), where a later one counts, key by key.
 * podman reads its files at each start of a container, and CDI is always on.
 */
export function planPodman(reader: ConfigReader, { runtime, cdi }: EngineWish, facts: EngineFacts): EnginePlan {
  const notes = cdi ? notesOn(facts.release) : [];
  const path = facts.dropIn === "" ? (facts.config ?? `${FOLDER}/containers.conf`) : (facts.dropIn ?? DROP_IN);
  if (runtime === undefined || (reader.read(path) === undefined && isMet(reader, runtime))) {
    return { edits: [], notes, activation: "none" };
  }
  const change = (text: string | undefined) =>
    changeText({ path, format: "toml" }, text, wantsOf(runtime), path === DROP_IN ? HEADING : "");
  return { edits: [{ path, change }], notes, activation: "none" };
}

function wantsOf({ name, path, isDefault }: RuntimeWish): readonly Want[] {
  return [
    ...(isDefault ? [{ path: ["engine", "runtime"], value: name }] : []),
    { path: ["engine", "runtimes", name], value: [path] },
  ];
}

function isMet(reader: ConfigReader, { name, path, isDefault }: RuntimeWish): boolean {
  const paths = ["/usr/share/containers", FOLDER].flatMap((folder) => [
    `${folder}/containers.conf`,
    ...reader.list(`${folder}/containers.conf.d/*.conf`),
  ]);
  const said = paths.reduce<Table>((merged, each) => {
    return mergeTables(merged, readTable({ path: each, format: "toml" }, reader.read(each) ?? ""));
  }, {});
  const first = valueAt(said, ["engine", "runtimes", name]);
  return Array.isArray(first) && first[0] === path && (!isDefault || valueAt(said, ["engine", "runtime"]) === name);
}

function notesOn(release: string | undefined): readonly string[] {
  if (release === undefined) return [];
  if (compareVersions(release, FIRST_WITH_CDI) < 0)
    return [`podman ${release} knows no CDI: it does since ${FIRST_WITH_CDI}`];
  const [from, until] = WITHOUT_RUN;
  if (compareVersions(release, from) < 0 || compareVersions(release, until) >= 0) return [];
  return [
    `podman ${release} looks for CDI files in /etc/cdi only, unless cdi_spec_dirs in ${FOLDER}/containers.conf names /var/run/cdi too`,
  ];
}
