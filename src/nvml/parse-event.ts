import {
  FLAG_FIELDS,
  NUMBER_FIELDS,
  PARTS,
  TEXT_FIELDS,
  type GpuFacts,
  type GpuProcess,
  type MigState,
  type NvLink,
} from "./gpu-state.ts";
import { isFields, listOf, numberOf, parseFields, textOf, type Fields } from "./parse-answer.ts";
import type { StateEvent } from "./tell-states.ts";

/** Reads one line of `tellStates`; undefined for anything else. */
export function parseEvent(line: string): StateEvent | undefined {
  const fields = parseFields(line);
  const target = textOf(fields?.["target"]) ?? "";
  const why = textOf(fields?.["why"]) ?? "no reason is given";
  const kind = fields?.["kind"];
  switch (kind) {
    case "open":
    case "done":
      return { kind, target };
    case "fault":
    case "sick":
      return { kind, target, why };
    case "failed":
      return { kind, why };
    case "part":
      return partOf(target, fields);
    default:
      return undefined;
  }
}

function partOf(target: string, fields: Fields | undefined): StateEvent | undefined {
  const part = PARTS.find((name) => name === fields?.["part"]);
  const facts = fields?.["facts"];
  return part === undefined || !isFields(facts) ? undefined : { kind: "part", target, part, facts: factsOf(facts) };
}

function factsOf(fields: Fields): GpuFacts {
  return {
    ...pick(NUMBER_FIELDS, fields, amountOf),
    ...pick(FLAG_FIELDS, fields, (value) => (typeof value === "boolean" ? value : undefined)),
    ...pick(TEXT_FIELDS, fields, textOf),
    ...lists(fields),
  };
}

/** Only what is there: a later part must not take away what an earlier one said. */
function pick<K extends string, T>(
  names: readonly K[],
  fields: Fields,
  read: (value: unknown) => T | undefined,
): { readonly [name in K]?: T } {
  const found: { [name in K]?: T } = {};
  for (const name of names) {
    const value = read(fields[name]);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

function lists(fields: Fields): Pick<GpuFacts, "nvlinks" | "migDevices" | "processes"> {
  const { nvlinks, migDevices, processes } = fields;
  return {
    ...(Array.isArray(nvlinks) ? { nvlinks: listOf(nvlinks, linkOf) } : {}),
    ...(Array.isArray(migDevices) ? { migDevices: listOf(migDevices, migOf) } : {}),
    ...(Array.isArray(processes) ? { processes: listOf(processes, processOf) } : {}),
  };
}

function linkOf(fields: Fields): NvLink | undefined {
  const link = numberOf(fields["link"]);
  return link === undefined
    ? undefined
    : { link, isActive: fields["isActive"] === true, remoteBus: textOf(fields["remoteBus"]) };
}

function migOf(fields: Fields): MigState | undefined {
  const gpuInstance = numberOf(fields["gpuInstance"]);
  const computeInstance = numberOf(fields["computeInstance"]);
  if (gpuInstance === undefined || computeInstance === undefined) return undefined;
  const memory = pick(["memoryTotalBytes", "memoryUsedBytes"], fields, amountOf);
  const [index, profile, uuid] = [numberOf(fields["index"]), textOf(fields["profile"]), textOf(fields["uuid"])];
  return { gpuInstance, computeInstance, index, profile, uuid, ...memory };
}

const PROCESS_FIELDS = ["memoryBytes", "gpuPercent", "memoryPercent", "gpuInstance", "computeInstance"] as const;

function processOf(fields: Fields): GpuProcess | undefined {
  const pid = numberOf(fields["pid"]);
  const kind = (["compute", "graphics", "both"] as const).find((name) => name === fields["kind"]);
  if (pid === undefined || kind === undefined) return undefined;
  return { pid, kind, ...pick(PROCESS_FIELDS, fields, amountOf) };
}

/** Watts are no integers. */
function amountOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
