import { BerthError, parseStrictInteger } from "../base/index.ts";
import type { DeviceRequest, Request } from "./request.ts";
import { shorten } from "./shorten.ts";

/** Above this no index is one: far more than a machine can hold. */
const MAX_INDEX = 0xffff;
const UUID = /^GPU-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** What a list of devices asks for. */
export interface DeviceList {
  readonly wants: Request["wants"];
  readonly devices: readonly DeviceRequest[];
}

/**
 * Reads the value of `NVIDIA_VISIBLE_DEVICES`: ids separated by commas, blanks around them ignored. `void` anywhere asks for
 * nothing; else the first of `none` and `all` decides; else each id counts once. Throws BERTH-R002 for an id that is not an
 * index or a full UUID. Rule: the NVIDIA container stack, but duplicates collapse.
 */
export function parseDeviceList(value: string): DeviceList {
  const ids = value
    .split(",")
    .map((id) => id.trim())
    .filter((id) => id !== "");
  if (ids.length === 0 || ids.includes("void")) return { wants: "nothing", devices: [] };
  const special = ids.find((id) => id === "none" || id === "all");
  if (special === "none") return { wants: "driver", devices: [] };
  if (special === "all") return { wants: "devices", devices: [{ kind: "all" }] };
  const devices = new Map(ids.map((id) => keyed(parseDevice(id))));
  return { wants: "devices", devices: [...devices.values()] };
}

/** Leading zeros are part of the field's habits (`00` is GPU 0); anything else that is not a plain number is none. */
function parseDevice(id: string): DeviceRequest {
  if (UUID.test(id)) return { kind: "uuid", uuid: `GPU-${id.slice(4).toLowerCase()}` };
  const index = parseStrictInteger(id.replace(/^0+(?=\d)/, ""), MAX_INDEX);
  if (index !== undefined) return { kind: "index", index };
  const remedy = `use "all", "none", an index such as 0, or a full UUID, GPU- and 32 hexadecimal digits in groups of 8-4-4-4-12 ("berth host" lists them)`;
  throw new BerthError({
    code: "BERTH-R002",
    message: `Cannot read the device id "${shorten(id)}": ${explain(id)}`,
    remedy,
  });
}

function explain(id: string): string {
  if (/^GPU-/i.test(id)) return "it is not a full GPU UUID";
  if (/^MIG-|^\d+:\d+$/i.test(id)) return "single MIG devices cannot be asked for yet";
  if (/^\d+$/.test(id)) return `no index is above ${MAX_INDEX}`;
  if (/^[0-9a-f]{4,8}:[0-9a-f]{2}:/i.test(id)) return "PCI addresses cannot be asked for yet";
  if (/^[^/]+\/[^=]+=/.test(id)) return "CDI names cannot be asked for yet";
  return "it is neither an index nor a UUID";
}

function keyed(device: DeviceRequest): [string, DeviceRequest] {
  if (device.kind === "all") return ["all", device];
  return [device.kind === "uuid" ? device.uuid : String(device.index), device];
}
