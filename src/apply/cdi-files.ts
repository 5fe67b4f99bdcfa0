import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { BerthError, errnoCode, nearest, type JsonObject } from "../base/index.ts";
import { readRegistry, resolveDevices, type CdiSpec, type Registry, findLines } from "../cdi/index.ts";
import { splitDeviceNumber } from "../linux/index.ts";
import { OWN_KINDS, type CdiFiles } from "../request/index.ts";
import { injectCdi, isInjected, type NodeKind } from "./inject-cdi.ts";

/** The CDI files of a machine, read when somebody asks for the first time. */
export interface CdiSource extends CdiFiles {
  /**
   * A container's spec with the devices that its qualified names stand for; those that the engine has given already are left alone. Throws BERTH-R004 for names that no
   * file resolves, and D002 and D003 where a file names something that is gone.
   */
  readonly inject: (spec: JsonObject, names: readonly string[]) => JsonObject;
}

/** The files in the configured folders below the host's root. */
export function cdiSource(root: string, folders: readonly string[]): CdiSource {
  let read: Registry | undefined;
  const registry = (): Registry => (read ??= readRegistry(folders.map((folder) => join(root, folder))));
  return {
    inject: (spec, names) => injectNames(spec, names, registry()),
    hasKind: (kind) => registry().files.some((file) => "spec" in file && file.spec.kind === kind),
    find: ({ kind, name }) => {
      const found = registry().devices.get(`${kind}=${name}`);
      return found === undefined ? undefined : isOwnSpec(found.spec) ? "own" : "other";
    },
  };
}

/** Whether berth made a file: nobody else's has its one hook. */
export function isOwnSpec({ containerEdits: { hooks } }: CdiSpec): boolean {
  return hooks.length === 1 && hooks[0]?.args.includes("update-container") === true;
}

function injectNames(spec: JsonObject, names: readonly string[], known: Registry): JsonObject {
  const missing = names.filter((name) => {
    const device = known.devices.get(name);
    return device === undefined || !isInjected(spec, device.device.containerEdits);
  });
  if (missing.length === 0) return spec;
  refuseNearKind(missing, known);
  const edits = resolveDevices(known, missing);
  for (const { hostPath } of edits.mounts) {
    if (!isThere(hostPath)) throw gone("BERTH-D002", hostPath, { names: missing, known });
  }
  return injectCdi(
    spec,
    edits,
    (hostPath) => lookAt(hostPath) ?? fail(gone("BERTH-D003", hostPath, { names: missing, known })),
  );
}

/** A kind that no file has and that is nearly this host's own. */
function refuseNearKind(names: readonly string[], { devices }: Registry): void {
  for (const full of names) {
    const [kind = "", name = ""] = full.split("=");
    const near = devices.has(full) ? undefined : nearest(kind, OWN_KINDS);
    if (near === undefined || near === kind) continue;
    throw new BerthError({
      code: "BERTH-R004",
      message: `Cannot find the CDI device "${full}": no CDI file of this machine has its kind; did you mean "${near}=${name}"?`,
      remedy: "see which devices there are: berth cdi list",
    });
  }
}

function fail(error: BerthError): never {
  throw error;
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function lookAt(path: string): NodeKind | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    const type = stat.isCharacterDevice() ? "c" : stat.isBlockDevice() ? "b" : stat.isFIFO() ? "p" : undefined;
    return type === undefined ? undefined : { type, ...splitDeviceNumber(stat.rdev) };
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return undefined;
  }
}

interface Asked {
  readonly names: readonly string[];
  readonly known: Registry;
}

/** Names the file and the line that speak of something which is no longer there. */
function gone(code: "BERTH-D002" | "BERTH-D003", hostPath: string, { names, known }: Asked): BerthError {
  const files = new Set(names.map((name) => known.devices.get(name)?.file).filter((file) => file !== undefined));
  const places = [...files].flatMap((file) => placeIn(file, hostPath));
  const what = code === "BERTH-D002" ? "it no longer exists" : "it is no device node";
  const message = `Cannot give the CDI device ${names.map((name) => `"${name}"`).join(", ")}: ${places[0] ?? "its file"} names "${hostPath}", and ${what}`;
  return new BerthError({
    code,
    message,
    remedy: "make the file anew: berth cdi refresh (or the program that wrote it)",
  });
}

function placeIn(file: string, text: string): readonly string[] {
  const [line] = findLines(readFileSync(file, "utf8"), text);
  return line === undefined ? [] : [`"${file}":${line}`];
}
