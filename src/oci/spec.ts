import type { JsonObject } from "../base/index.ts";
import { badField, escapeStep, integerAt, objectAt, objectsAt, textAt, textsAt } from "./field.ts";

/*
 * Narrow readers of the OCI runtime specification 1.3 (config.md, config-linux.md). Each throws S005, with the JSON
 * pointer, for a field of the wrong type.
 */

export interface OciMount {
  readonly destination: string;
  /** "" where the spec has none. */
  readonly source: string;
  readonly type: string;
  readonly options: readonly string[];
}

export interface OciNamespace {
  /** "mount" */
  readonly type: string;
  /** Of a namespace to be joined; undefined: a new one. */
  readonly path: string | undefined;
}

/** `process.env`: "NAME=value", in order. */
export function processEnv(spec: JsonObject): readonly string[] {
  const entries = textsAt(objectAt(spec, "", "process"), "/process", "env");
  const index = entries.findIndex((entry) => !entry.includes("="));
  if (index >= 0) throw badField(`/process/env/${index}`, "NAME=value", entries[index], 'has no "="');
  return entries;
}

export function mountsOf(spec: JsonObject): readonly OciMount[] {
  return objectsAt(spec, "", "mounts").map((mount, index) => {
    const pointer = `/mounts/${index}`;
    const destination = textAt(mount, pointer, "destination");
    if (destination === undefined) throw badField(`${pointer}/destination`, "a path", undefined);
    return {
      destination,
      source: textAt(mount, pointer, "source") ?? "",
      type: textAt(mount, pointer, "type") ?? "",
      options: textsAt(mount, pointer, "options"),
    };
  });
}

/** `linux.namespaces`. */
export function namespacesOf(spec: JsonObject): readonly OciNamespace[] {
  return objectsAt(objectAt(spec, "", "linux"), "/linux", "namespaces").map((namespace, index) => {
    const pointer = `/linux/namespaces/${index}`;
    const type = textAt(namespace, pointer, "type");
    if (type === undefined) throw badField(`${pointer}/type`, "text", undefined);
    const path = textAt(namespace, pointer, "path");
    return { type, path: path === "" ? undefined : path };
  });
}

/** `linux.cgroupsPath`; "": the runtime chooses. */
export function cgroupsPath(spec: JsonObject): string {
  return textAt(objectAt(spec, "", "linux"), "/linux", "cgroupsPath") ?? "";
}

/** Whether the container gets a user namespace of its own, or joins one. */
export function hasUserNamespace(spec: JsonObject): boolean {
  return namespacesOf(spec).some(({ type }) => type === "user");
}

/** The group inside the container that a group of this machine is; undefined: it is none there. Without a user namespace it is the same. */
export function groupInside(spec: JsonObject, gid: number): number | undefined {
  if (!hasUserNamespace(spec)) return gid;
  for (const [index, mapping] of objectsAt(objectAt(spec, "", "linux"), "/linux", "gidMappings").entries()) {
    const at = (key: string): number => integerAt(mapping, `/linux/gidMappings/${index}`, key) ?? 0;
    const offset = gid - at("hostID");
    if (offset >= 0 && offset < at("size")) return at("containerID") + offset;
  }
  return undefined;
}

/** `process.capabilities.bounding`: "CAP_SYS_ADMIN". */
export function boundingCapabilities(spec: JsonObject): readonly string[] {
  const capabilities = objectAt(objectAt(spec, "", "process"), "/process", "capabilities");
  return textsAt(capabilities, "/process/capabilities", "bounding");
}

export function annotationsOf(spec: JsonObject): ReadonlyMap<string, string> {
  const annotations = new Map<string, string>();
  for (const [key, value] of Object.entries(objectAt(spec, "", "annotations") ?? {})) {
    if (typeof value !== "string") throw badField(`/annotations/${escapeStep(key)}`, "text", value);
    annotations.set(key, value);
  }
  return annotations;
}
