import { tryJson } from "../base/index.ts";
import { dirname } from "node:path";
import { normalizePciAddress, parseGpuUuid } from "./gpu-names.ts";
import {
  NOTHING_LEARNT,
  parseMigUuid,
  type Learnt,
  type LearntCuda,
  type LearntGpu,
  type LearntMigDevice,
} from "./learnt.ts";
import { readTrusted, type TrustedText } from "./trusted-file.ts";
import { onMachine, resolveInRoot } from "./tree.ts";

const STORE = "/var/lib/berth/gpus.json";
const STORE_BYTES = 256 * 1024;
const SCHEMA = 1;
const MAX_INSTANCE = 255;
const VERSION = /^\d{1,5}(?:\.\d{1,5}){1,2}$/;
const CAPABILITY = /^\d{1,3}\.\d{1,2}$/;
const BRAND = /^[a-z]{1,20}$/;
const MODEL = /^[\x20-\x7e]{1,128}$/;
const BOOT = /^[0-9a-f-]{36}$/;
const PROFILE = /^[0-9a-z.+-]{1,40}$/;

type Fields = Readonly<Record<string, unknown>>;

/** Where the learnt facts of a root are kept, on this machine. */
export function learntStore(root: string): string {
  const folder = resolveInRoot(root, dirname(STORE)) ?? dirname(STORE);
  return onMachine(root, `${folder}/gpus.json`);
}

/** The store's text, or why it is not to be believed. */
export function readStore(root: string): TrustedText {
  return readTrusted(learntStore(root), STORE_BYTES);
}

/** The facts learnt earlier. A store that is missing, foreign or not understood counts as empty. */
export function readLearnt(root: string): Learnt {
  const stored = readStore(root);
  return stored.kind === "text" ? parseLearnt(stored.text) : NOTHING_LEARNT;
}

/** Reads a store: a fact that is not of its form is left out. One without a schema is of berth 0.1, address → UUID. */
function parseLearnt(text: string): Learnt {
  const fields = parseFields(text);
  if (fields["schema"] === undefined) return { cuda: undefined, gpus: readGpus(fields, (uuid) => ({ uuid })) };
  if (fields["schema"] !== SCHEMA) return NOTHING_LEARNT;
  return { cuda: readCuda(fields["cuda"]), gpus: readGpus(toFields(fields["gpus"]), toFields) };
}

/** The store's text: JSON in the order of PCI addresses. */
export function formatLearnt({ cuda, gpus }: Learnt): string {
  const sorted = [...gpus].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ schema: SCHEMA, cuda, gpus: Object.fromEntries(sorted) }, undefined, 2)}\n`;
}

function readGpus(byAddress: Fields, fieldsOf: (value: unknown) => Fields): ReadonlyMap<string, LearntGpu> {
  const gpus = new Map<string, LearntGpu>();
  for (const [bus, value] of Object.entries(byAddress)) {
    const gpu = readGpu(fieldsOf(value));
    if (gpu !== undefined && normalizePciAddress(bus) === bus) gpus.set(bus, gpu);
  }
  return gpus;
}

function readGpu(fields: Fields): LearntGpu | undefined {
  const uuid = parseGpuUuid(String(fields["uuid"]));
  if (uuid === undefined) return undefined;
  return {
    uuid,
    model: match(fields["model"], MODEL),
    boot: match(fields["boot"], BOOT),
    computeCapability: match(fields["computeCapability"], CAPABILITY),
    brand: match(fields["brand"], BRAND),
    migDevices: readMigDevices(fields["migDevices"]),
  };
}

/** A layout of which one device is not understood is not that layout. */
function readMigDevices(value: unknown): readonly LearntMigDevice[] {
  if (!Array.isArray(value)) return [];
  const list: readonly unknown[] = value;
  const devices = list.map(readMigDevice).filter((device) => device !== undefined);
  return devices.length === list.length ? devices : [];
}

function readMigDevice(value: unknown): LearntMigDevice | undefined {
  const fields = toFields(value);
  const [gpuInstance, computeInstance, index] = ["gpuInstance", "computeInstance", "index"].map((key) =>
    toNumber(fields[key]),
  );
  if (gpuInstance === undefined || computeInstance === undefined || index === undefined) return undefined;
  const uuid = parseMigUuid(String(fields["uuid"]));
  return { gpuInstance, computeInstance, index, uuid, profile: match(fields["profile"], PROFILE) };
}

function readCuda(value: unknown): LearntCuda | undefined {
  const fields = toFields(value);
  const [driver, version] = [match(fields["driver"], VERSION), match(fields["version"], VERSION)];
  return driver === undefined || version === undefined ? undefined : { driver, version };
}

function match(value: unknown, form: RegExp): string | undefined {
  return typeof value === "string" && form.test(value) ? value : undefined;
}

function toNumber(value: unknown): number | undefined {
  const isNumber = typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_INSTANCE;
  return isNumber ? value : undefined;
}

function parseFields(text: string): Fields {
  // A torn store is as good as none: the next time something is learnt it is replaced.
  return toFields(tryJson(text));
}

function toFields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
