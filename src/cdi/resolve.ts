import { BerthError, nearest, type Problem } from "../base/index.ts";
import { parseQualifiedName } from "./names.ts";
import type { Registry } from "./registry.ts";
import { NO_EDITS, type CdiEdits } from "./spec.ts";

const MAX_NAME = 100;

/**
 * What devices change in a container, in the order of the request: of each file its own edits before its first device, then the device's; a device that
 * is named twice counts once. Of variables with one name the last counts. Throws BERTH-R004 that names all that cannot be resolved. Rule: CDI
 * 1.1.0, pkg/cdi/cache.go.
 */
export function resolveDevices(registry: Registry, names: readonly string[]): CdiEdits {
  const unresolved = [...new Set(names)].filter((name) => !registry.devices.has(name));
  if (unresolved.length > 0) throw unresolvable(registry, unresolved);
  const files = new Set<string>();
  const edits = [...new Set(names)].flatMap((name) => {
    const found = registry.devices.get(name);
    if (found === undefined) return [];
    const isFirst = !files.has(found.file);
    files.add(found.file);
    return isFirst ? [found.spec.containerEdits, found.device.containerEdits] : [found.device.containerEdits];
  });
  return combineEdits(edits);
}

/** Edits one after the other as one; a variable stays in the place where its name came first, and the last limit on caches (intelRdt) counts. */
export function combineEdits(all: readonly CdiEdits[]): CdiEdits {
  const variables = new Map(all.flatMap(({ env }) => env.map((entry) => [entry.split("=", 1)[0], entry] as const)));
  return {
    ...NO_EDITS,
    env: [...variables.values()],
    deviceNodes: all.flatMap(({ deviceNodes }) => deviceNodes),
    mounts: all.flatMap(({ mounts }) => mounts),
    hooks: all.flatMap(({ hooks }) => hooks),
    additionalGids: all.flatMap(({ additionalGids }) => additionalGids),
    netDevices: all.flatMap(({ netDevices }) => netDevices),
    intelRdt: all.findLast(({ intelRdt }) => intelRdt !== undefined)?.intelRdt,
  };
}

function unresolvable(registry: Registry, names: readonly string[]): BerthError {
  const reasons = names.map((name) => `"${shorten(name)}"${explain(registry, name)}`);
  const suspects = suspectsOf(registry, names).map(({ code, message }) => `; ${code}: ${message}`);
  const what = names.length === 1 ? "CDI device" : "CDI devices";
  return new BerthError({
    code: "BERTH-R004",
    message: `Cannot find the ${what} ${reasons.join(", ")}${suspects.join("")}`,
    remedy: "see which devices there are: berth cdi list",
  });
}

function explain({ devices, conflicts }: Registry, name: string): string {
  if (conflicts.some((conflict) => conflict.name === name)) return " (defined twice)";
  if (parseQualifiedName(name) === undefined) return " (not of the form vendor/class=name)";
  const near = nearest(name, [...devices.keys()]);
  return near === undefined ? "" : ` (did you mean "${near}"?)`;
}

/** What may hide the devices: their conflicts, and every file that cannot be used. */
function suspectsOf({ conflicts, problems }: Registry, names: readonly string[]): readonly Problem[] {
  const ownConflicts = conflicts.filter(({ name }) => names.includes(name)).map(({ problem }) => problem);
  const isName = names.some((name) => parseQualifiedName(name) !== undefined);
  return [...ownConflicts, ...(isName ? problems.filter(({ code }) => code !== "BERTH-F003") : [])];
}

function shorten(text: string): string {
  return text.length > MAX_NAME ? `${text.slice(0, MAX_NAME)}…` : text;
}
