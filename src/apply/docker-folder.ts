import { basename, dirname, join } from "node:path";
import { tryJson } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import { effectiveUid, readText } from "../linux/index.ts";
import { mountsOf, processEnv, type Bundle } from "../oci/index.ts";
import { GPUS_ANNOTATION, type Recorded } from "../request/index.ts";

/** What Docker keeps of a container, as far as berth reads it. */
export interface DockerRecord {
  readonly name: string;
  readonly image: string;
  readonly labels: ReadonlyMap<string, string>;
  /** `--gpus N`; undefined: devices were named, or all, or none was asked for. */
  readonly count: number | undefined;
}

/** Files that dockerd makes for a container in its folder and mounts into it. */
const OWN_FILES = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_COUNT = 0xffff;

/**
 * Docker's own record of a container: `config.v2.json` and `hostconfig.json` in its folder below the data root, which the container's own mounts name. Undefined where another engine starts it, where
 * it cannot be read, or who asks is not root. Seen with Docker 26.1: `DeviceRequests[].Count` is N, and `DeviceIDs` is null, for `--gpus N` alone.
 */
export function readDockerRecord({ spec }: Bundle, containerId: string): DockerRecord | undefined {
  const file = mountsOf(spec).find(
    ({ destination, source }) => OWN_FILES.includes(destination) && basename(dirname(source)) === containerId,
  );
  if (file === undefined || effectiveUid() !== 0 || !/^[0-9a-f]{64}$/.test(containerId)) return undefined;
  const folder = dirname(file.source);
  const config = readObject(join(folder, "config.v2.json"));
  const inner = objectIn(config, "Config");
  if (inner === undefined) return undefined;
  return {
    name: textIn(config, "Name").replace(/^\//, ""),
    image: textIn(inner, "Image"),
    labels: textsIn(objectIn(inner, "Labels")),
    count: readCount(readObject(join(folder, "hostconfig.json"))),
  };
}

/** What stands in place of the variable by an administrator's switch: the label, else the number behind --gpus. */
export function findRecorded(bundle: Bundle, containerId: string, { leases }: Config): Recorded | undefined {
  const record = readDockerRecord(bundle, containerId);
  const label = leases.readsDockerLabels ? record?.labels.get(GPUS_ANNOTATION) : undefined;
  if (label !== undefined && label.trim() !== "") {
    return { list: label, text: `the label ${GPUS_ANNOTATION}=${label}` };
  }
  const count = leases.choosesByCount ? record?.count : undefined;
  if (count === undefined || !isFirst(bundle, count)) return undefined;
  return { list: `any:${count}`, text: `--gpus ${count}` };
}

/** Whether the container asks for what dockerd makes of a number: the first so many GPUs. Whoever sets the variable itself means what it says. */
function isFirst({ spec }: Bundle, count: number): boolean {
  const first = Array.from({ length: count }, (_, index) => index).join();
  return (
    processEnv(spec)
      .findLast((entry) => entry.startsWith("NVIDIA_VISIBLE_DEVICES="))
      ?.split("=")[1] === first
  );
}

function readCount(host: object | undefined): number | undefined {
  const requests: unknown = host && Reflect.get(host, "DeviceRequests");
  const asked = Array.isArray(requests) ? requests.filter(isObject) : [];
  const [request, other] = asked.filter(isForGpus);
  const count: unknown = request && Reflect.get(request, "Count");
  const ids: unknown = request && Reflect.get(request, "DeviceIDs");
  if (other !== undefined || typeof count !== "number" || !Number.isInteger(count)) return undefined;
  const isNamed = Array.isArray(ids) && ids.length > 0;
  return isNamed || count < 1 || count > MAX_COUNT ? undefined : count;
}

function isForGpus(request: object): boolean {
  const [driver, sets]: readonly unknown[] = [Reflect.get(request, "Driver"), Reflect.get(request, "Capabilities")];
  const isOurs = driver === "" || driver === "nvidia";
  return isOurs && Array.isArray(sets) && sets.some((set) => Array.isArray(set) && set.includes("gpu"));
}

/** What is not there, cannot be read or is no object says nothing. */
function readObject(path: string): object | undefined {
  try {
    const value = tryJson(readText(path, MAX_BYTES) ?? "");
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function objectIn(object: object | undefined, key: string): object | undefined {
  const value: unknown = object && Reflect.get(object, key);
  return isObject(value) ? value : undefined;
}

function textIn(object: object | undefined, key: string): string {
  const value: unknown = object && Reflect.get(object, key);
  return typeof value === "string" ? value : "";
}

function textsIn(object: object | undefined): ReadonlyMap<string, string> {
  const entries: readonly (readonly [string, unknown])[] = Object.entries(object ?? {});
  return new Map(entries.flatMap(([key, value]) => (typeof value === "string" ? [[key, value] as const] : [])));
}
