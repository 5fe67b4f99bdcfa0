import { isJsonArray, isJsonObject, toSafeInteger, withField, type JsonObject, type JsonValue } from "../base/index.ts";
import type { EnvEdit, GroupEdit, MountEdit } from "../edits/index.ts";
import { groupInside, integerAt, listAt, objectAt, processEnv, textAt } from "../oci/index.ts";
import { nameOf } from "./paths.ts";

/** On a spec that was edited: what the container got, as JSON. A hook of ours that finds it has nothing to do. */
export const GRANT_ANNOTATION = "dev.berth.granted";

/** Hooks that would do once more what the edited spec does. */
const NVIDIA_HOOKS = ["nvidia-container-runtime-hook", "nvidia-container-toolkit"];

/** Adds bind mounts behind the container's own, in the order of their paths; `isReplaced` says, by index, which of its own must go. */
export function editMounts(
  spec: JsonObject,
  mounts: readonly MountEdit[],
  isReplaced: (index: number) => boolean,
): JsonObject {
  if (mounts.length === 0) return spec;
  const own = (listAt(spec, "", "mounts") ?? []).filter((_, index) => !isReplaced(index));
  const ordered = mounts.toSorted((a, b) => comparePaths(a.containerPath, b.containerPath));
  return withField(spec, "mounts", [...own, ...ordered.map(mountEntry)]);
}

function mountEntry({ containerPath, hostPath, options }: MountEdit): JsonObject {
  const isBind = options.includes("bind") || options.includes("rbind");
  return {
    destination: containerPath,
    type: "bind",
    source: hostPath,
    options: isBind ? options : [...options, "bind"],
  };
}

function comparePaths(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Sets variables by name: in the place of the first of that name, later ones of it go, new ones come last. */
export function editEnv(spec: JsonObject, edits: readonly EnvEdit[]): JsonObject {
  if (edits.length === 0) return spec;
  const values = new Map(edits.map((edit) => [edit.name, `${edit.name}=${edit.value}`]));
  const set = new Set<string>();
  const env: string[] = [];
  for (const entry of processEnv(spec)) {
    const name = entry.slice(0, entry.indexOf("="));
    const value = values.get(name);
    if (value === undefined || !set.has(name)) env.push(value ?? entry);
    set.add(name);
  }
  for (const [name, value] of values) if (!set.has(name)) env.push(value);
  return withField(spec, "process", withField(objectAt(spec, "", "process") ?? {}, "env", env));
}

/** Adds groups to `process.user.additionalGids`, each once. One that a user namespace does not have would stop the container, and open nothing. */
export function editGroups(spec: JsonObject, groups: readonly GroupEdit[]): JsonObject {
  if (groups.length === 0) return spec;
  const process = objectAt(spec, "", "process") ?? {};
  const user = objectAt(process, "/process", "user") ?? {};
  const before = listAt(user, "/process/user", "additionalGids") ?? [];
  const present = new Set([integerAt(user, "/process/user", "gid"), ...before.map(toSafeInteger)]);
  const inside = groups.flatMap(({ gid }) => groupInside(spec, gid) ?? []);
  const added = inside.filter((gid) => !present.has(gid));
  if (added.length === 0) return spec;
  return withField(
    spec,
    "process",
    withField(process, "user", withField(user, "additionalGids", [...before, ...added])),
  );
}

export function editAnnotation(spec: JsonObject, value: string): JsonObject {
  return withField(spec, "annotations", withField(objectAt(spec, "", "annotations") ?? {}, GRANT_ANNOTATION, value));
}

/** The lease that the container's GPUs belong to, for people and for tools. */
const LEASE_ANNOTATION = "berth.lease";

export function noteLease(spec: JsonObject, lease: string): JsonObject {
  return withField(spec, "annotations", withField(objectAt(spec, "", "annotations") ?? {}, LEASE_ANNOTATION, lease));
}

/** Takes NVIDIA's own prestart hooks out. */
export function removeNvidiaHooks(spec: JsonObject): JsonObject {
  const hooks = objectAt(spec, "", "hooks");
  const prestart = listAt(hooks, "/hooks", "prestart");
  if (hooks === undefined || prestart === undefined || !prestart.some(isNvidiaHook)) return spec;
  return withField(
    spec,
    "hooks",
    withField(
      hooks,
      "prestart",
      prestart.filter((hook) => !isNvidiaHook(hook)),
    ),
  );
}

function isNvidiaHook(hook: JsonValue): boolean {
  if (isJsonArray(hook) || !isJsonObject(hook)) return false;
  return NVIDIA_HOOKS.includes(nameOf(textAt(hook, "/hooks/prestart", "path") ?? ""));
}
