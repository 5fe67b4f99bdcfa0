import { FLAG_FIELDS, NUMBER_FIELDS } from "../../nvml/index.ts";
import type { OwnedProcess } from "../../watch/index.ts";
import type { GpusView, ShownGpu } from "./gpu-view.ts";
import { gripsOf, listRows, type UseRow } from "./list-rows.ts";

export type MonitorSchema = "berth-gpus-1" | "berth-ps-1" | "berth-top-1";

/** What a monitor prints as JSON. */
export interface JsonOptions {
  readonly schema: MonitorSchema;
  /** When it was asked. */
  readonly time: Date;
  /** This machine's name. */
  readonly host: string;
  /** Those that are wanted; undefined: all. */
  readonly rows?: readonly UseRow[];
  /** One line, for a stream of them. */
  readonly isLine?: boolean;
}

/**
 * The text that docs/gpus.schema.json, docs/ps.schema.json and docs/top.schema.json describe. Every field is always there; what is not known is null. Of `ps` the GPUs themselves are left
 * out, and the containers are those of its rows.
 */
export function viewToJson(view: GpusView, { schema, time, host, rows, isLine = false }: JsonOptions): string {
  const wanted = rows ?? listRows(view);
  const ids = new Set(wanted.map(({ container }) => container?.id));
  const containers = [...view.containers.values()].filter(({ id }) => rows === undefined || ids.has(id));
  const value = {
    schema,
    time: time.toISOString(),
    host,
    driver: view.driver,
    ...(schema === "berth-ps-1" ? {} : { gpus: view.gpus.map((gpu) => gpuToJson(gpu, { view, time })) }),
    processes: wanted.filter(({ kind }) => kind === "process").map((row) => processToJson(row, view)),
    containers: containers.map(({ id, engine, name, image, project, pod }) => ({
      id,
      engine,
      name,
      image,
      project,
      podName: pod?.name,
      podNamespace: pod?.namespace,
    })),
    leases: leasesToJson(view),
    unclaimed: wanted
      .filter(({ kind }) => kind === "memory")
      .map(({ gpuIndex, uuid, memoryBytes }) => ({ gpu: gpuIndex, uuid, memoryBytes })),
    errors: view.errors,
  };
  return `${JSON.stringify(value, (_, field: unknown) => field ?? null, isLine ? 0 : 2)}\n`;
}

interface Moment {
  readonly view: GpusView;
  readonly time: Date;
}

function gpuToJson({ index, bus, minor, uuid, model, state, parts, lastXid, nvlinkRates }: ShownGpu, moment: Moment) {
  const { facts, sick, faults } = state;
  return {
    index,
    minor,
    bus,
    uuid,
    model,
    sick,
    faults,
    ...Object.fromEntries([...NUMBER_FIELDS, ...FLAG_FIELDS].map((field) => [field, facts[field]])),
    nvlinkRxBytesPerSecond: nvlinkRates?.rxBytesPerSecond,
    nvlinkTxBytesPerSecond: nvlinkRates?.txBytesPerSecond,
    lastXid: lastXid === undefined ? undefined : { code: lastXid.code, text: lastXid.text, time: timeOf(lastXid.sinceBootMs, moment) }, // prettier-ignore
    nvlinks: facts.nvlinks?.map(({ link, isActive, remoteBus }) => ({ link, isActive, remoteBus })),
    migDevices: facts.migDevices === undefined ? undefined : parts.map((part) => ({
      name: part.name,
      profile: part.profile,
      gpuInstance: part.gpuInstance,
      computeInstance: part.computeInstance,
      uuid: part.uuid,
      memoryTotalBytes: part.memoryTotalBytes,
      memoryUsedBytes: part.memoryUsedBytes,
    })),
  }; // prettier-ignore
}

/** RFC 3339, of what the machine counts since its boot. */
function timeOf(sinceBootMs: number, { view, time }: Moment): string {
  return new Date(Math.round(time.getTime() - view.uptimeMs + sinceBootMs)).toISOString();
}

function processToJson(row: UseRow, { owned }: GpusView) {
  const { gpuIndex, uuid, pid, uid, user, cpuPercent, hostMemoryBytes, runningMs, orphan } = row;
  const { kind, memoryBytes, gpuPercent, memoryPercent, gpuInstance, computeInstance } = row.process ?? {};
  const { command, words = [], place } = owned.get(pid ?? -1) ?? {};
  return {
    gpu: gpuIndex,
    uuid,
    pid,
    kind,
    memoryBytes,
    gpuPercent,
    memoryPercent,
    gpuInstance,
    computeInstance,
    uid,
    user,
    command,
    commandLine: words.length === 0 ? undefined : words,
    cpuPercent: cpuPercent === undefined ? undefined : Math.round(10 * cpuPercent) / 10,
    hostMemoryBytes,
    runningSeconds: runningMs === undefined ? undefined : Math.floor(runningMs / 1000),
    ...placeToJson(place),
    orphan,
  };
}

function placeToJson(place: OwnedProcess["place"] | undefined) {
  return { containerId: place?.container?.id, pod: place?.pod, unit: place?.unit };
}

/** One for each device that is leased. */
function leasesToJson(view: GpusView) {
  if (view.leases === undefined) return undefined;
  return view.gpus.flatMap((gpu) =>
    gripsOf(gpu, view).map(({ lease: { id, state, uid, label, owner, wish, at }, device }) => ({
      id,
      state,
      gpu: gpu.index,
      device: device.name,
      key: device.key,
      uid,
      user: view.userNames.get(uid),
      label: label === "" ? undefined : label,
      pid: owner.pid,
      wish,
      time: new Date(at).toISOString(),
    })),
  );
}
