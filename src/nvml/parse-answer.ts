import { tryJson } from "../base/index.ts";
import type { NvmlGpu, NvmlInventory, NvmlMigDevice, SkippedGpu } from "./inventory.ts";

/** What the driver says, or why it could not be asked. */
export type NvmlAnswer =
  | { readonly kind: "inventory"; readonly inventory: NvmlInventory }
  | { readonly kind: "failed"; readonly why: string };

export type Fields = Readonly<Record<string, unknown>>;

/** Reads the line that `answer` makes; undefined for anything else. */
export function parseAnswer(line: string): NvmlAnswer | undefined {
  const fields = parseFields(line);
  if (fields === undefined) return undefined;
  if (fields["kind"] === "failed") return { kind: "failed", why: textOf(fields["why"]) ?? "no reason is given" };
  const inventory = fields["inventory"];
  if (fields["kind"] !== "inventory" || !isFields(inventory)) return undefined;
  return { kind: "inventory", inventory: toInventory(inventory) };
}

export function parseFields(line: string): Fields | undefined {
  // A process that crashed in the middle of it has given no answer.
  const value = tryJson(line);
  return isFields(value) ? value : undefined;
}

function toInventory(fields: Fields): NvmlInventory {
  return {
    driverVersion: textOf(fields["driverVersion"]),
    cudaVersion: textOf(fields["cudaVersion"]),
    gpus: listOf(fields["gpus"], toGpu),
    skipped: listOf(fields["skipped"], toSkipped),
  };
}

function toGpu(fields: Fields): NvmlGpu | undefined {
  const index = numberOf(fields["index"]);
  const bus = textOf(fields["bus"]);
  if (index === undefined || bus === undefined) return undefined;
  const isMigEnabled = fields["isMigEnabled"];
  return {
    index,
    bus,
    uuid: textOf(fields["uuid"]),
    name: textOf(fields["name"]),
    brand: numberOf(fields["brand"]),
    computeCapability: textOf(fields["computeCapability"]),
    isMigEnabled: typeof isMigEnabled === "boolean" ? isMigEnabled : undefined,
    migDevices: listOf(fields["migDevices"], toMigDevice),
  };
}

function toMigDevice(fields: Fields): NvmlMigDevice | undefined {
  const index = numberOf(fields["index"]);
  const gpuInstance = numberOf(fields["gpuInstance"]);
  const computeInstance = numberOf(fields["computeInstance"]);
  if (index === undefined || gpuInstance === undefined || computeInstance === undefined) return undefined;
  return { index, gpuInstance, computeInstance, uuid: textOf(fields["uuid"]), name: textOf(fields["name"]) };
}

function toSkipped(fields: Fields): SkippedGpu | undefined {
  const index = numberOf(fields["index"]);
  const why = textOf(fields["why"]);
  return index === undefined || why === undefined ? undefined : { index, why };
}

export function listOf<T>(value: unknown, read: (fields: Fields) => T | undefined): readonly T[] {
  if (!Array.isArray(value)) return [];
  const items: readonly unknown[] = value;
  return items.map((item) => (isFields(item) ? read(item) : undefined)).filter((item) => item !== undefined);
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
