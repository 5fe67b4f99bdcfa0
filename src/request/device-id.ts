import { BerthError, nearest, parseStrictInteger } from "../base/index.ts";
import { normalizePciAddress } from "../host/index.ts";
import type { DeviceRequest } from "./request.ts";
import { shorten } from "./shorten.ts";
import { isWish } from "./wish.ts";

/** Above this no index is one: far more than a machine can hold. */
const MAX_INDEX = 0xffff;
const MAX_INSTANCE = 255;
const WHOLE = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Reads one device id: an index, a UUID or the beginning of one (`GPU-…`, `MIG-…`), a PCI address, `i:j`, or the older
 * `MIG-GPU-…/1/0`. Case does not matter. Throws BERTH-R002. Rule: the NVIDIA container stack, all of its modes together.
 */
export function parseDeviceId(id: string): DeviceRequest {
  const lower = id.toLowerCase();
  return parseNumber(id) ?? parseMigIndex(id) ?? parseMigParts(lower) ?? parseUuid(lower) ?? parsePci(id) ?? refuse(id);
}

/** Two ids that name the same thing have the same key. */
export function keyOf(device: DeviceRequest): string {
  return JSON.stringify(Object.values(device));
}

/** Leading zeros are part of the field's habits (`00` is GPU 0); anything else that is not a plain number is none. */
function parseIndex(text: string, max: number): number | undefined {
  return parseStrictInteger(text.replace(/^0+(?=\d)/, ""), max);
}

function parseNumber(id: string): DeviceRequest | undefined {
  const index = parseIndex(id, MAX_INDEX);
  return index === undefined ? undefined : { kind: "index", index };
}

function parseMigIndex(id: string): DeviceRequest | undefined {
  const [, first = "", second = ""] = /^(\d+):(\d+)$/.exec(id) ?? [];
  const [gpu, mig] = [parseIndex(first, MAX_INDEX), parseIndex(second, MAX_INSTANCE)];
  return gpu === undefined || mig === undefined ? undefined : { kind: "mig-index", gpu, mig };
}

function parseMigParts(lower: string): DeviceRequest | undefined {
  const [, uuid = "", gi = "", ci = ""] = /^mig-gpu-([0-9a-f-]+)\/(\d+)\/(\d+)$/.exec(lower) ?? [];
  const [gpuInstance, computeInstance] = [parseIndex(gi, MAX_INSTANCE), parseIndex(ci, MAX_INSTANCE)];
  if (!WHOLE.test(uuid) || gpuInstance === undefined || computeInstance === undefined) return undefined;
  return { kind: "mig-parts", gpuUuid: `GPU-${uuid}`, gpuInstance, computeInstance };
}

function parseUuid(lower: string): DeviceRequest | undefined {
  const [, kind = "", digits = ""] = /^(gpu|mig)-([0-9a-f-]+)$/.exec(lower) ?? [];
  if (digits === "" || !isUuidStart(digits)) return undefined;
  return { kind: kind === "gpu" ? "gpu-uuid" : "mig-uuid", prefix: `${kind.toUpperCase()}-${digits}` };
}

/** Whether a text can be continued to a whole UUID. */
function isUuidStart(digits: string): boolean {
  const rest = "00000000-0000-0000-0000-000000000000".slice(digits.length);
  return WHOLE.test(digits + rest);
}

function parsePci(id: string): DeviceRequest | undefined {
  const bus = normalizePciAddress(id);
  return bus === undefined ? undefined : { kind: "pci", bus };
}

function refuse(id: string): never {
  throw new BerthError({
    code: "BERTH-R002",
    message: `Cannot read the device id "${shorten(id)}": ${explain(id)}`,
    remedy: `use "all", "none", an index such as 0, a UUID such as GPU-… or MIG-…, a PCI address, or 0:1 for MIG device 1 of GPU 0 ("berth host" lists them)`,
  });
}

function explain(id: string): string {
  if (/^(gpu|mig)-/i.test(id)) return "it is no UUID, nor the beginning of one";
  if (/^\d+$/.test(id)) return `no index is above ${MAX_INDEX}`;
  if (/^\d+:\d+$/.test(id)) return `no MIG device has a number above ${MAX_INSTANCE}`;
  if (/^[0-9a-f]+:[0-9a-f]+[:.]/i.test(id)) return "a PCI address has the form 0000:1b:00.0";
  if (isWish(id)) return "a wish for any GPU stands first, and no GPU is named beside it";
  const digits = /^gpu[-_ ]?(\d+)$/i.exec(id)?.[1];
  const near = digits ?? nearWord(id);
  return `it is neither an index nor a UUID${near === undefined ? "" : `; did you mean "${near}"?`}`;
}

/** A word that was meant, perhaps, with the number that stands behind it. */
function nearWord(id: string): string | undefined {
  const [, word = "", count = ""] = /^([^:]*)(:.*)?$/s.exec(id.toLowerCase()) ?? [];
  const wish = nearest(word, ["any", "auto", "optional"]);
  const alone = nearest(word, ["all", "none", "void", "any", "auto", "exclusive", "shared", "optional"]);
  return count === "" ? alone : wish === undefined || wish === "optional" ? undefined : `${wish}${count}`;
}
