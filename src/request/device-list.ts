import { BerthError, splitList } from "../base/index.ts";
import { deviceIdOf, parseCdiName } from "./cdi-name.ts";
import { keyOf, parseDeviceId } from "./device-id.ts";
import type { DeviceRequest, Request } from "./request.ts";
import { MAX_VALUE, shorten } from "./shorten.ts";

/** What a list of devices asks for. */
export interface DeviceList {
  readonly wants: Request["wants"];
  readonly devices: readonly DeviceRequest[];
}

/**
 * Reads the value of `NVIDIA_VISIBLE_DEVICES`: ids and qualified CDI names separated by commas, blanks around them ignored. `void` anywhere
 * asks for nothing; else the first of `none` and `all` decides; else each id counts once. Throws BERTH-R002 and R004. Rule: the NVIDIA
 * container stack, but duplicates collapse.
 */
export function parseDeviceList(value: string): DeviceList {
  if (value.length > MAX_VALUE) throw tooLong(value);
  const names = splitList(value);
  if (names.length === 0 || names.includes("void")) return { wants: "nothing", devices: [] };
  const ids = names.map(toId);
  const special = ids.find((id) => id === "none" || id === "all");
  if (special === "none") return { wants: "driver", devices: [] };
  if (special === "all") return { wants: "devices", devices: [{ kind: "all" }] };
  const devices = new Map(ids.map(parseDeviceId).map((device) => [keyOf(device), device]));
  return { wants: "devices", devices: [...devices.values()] };
}

function tooLong(value: string): BerthError {
  const message = `Cannot read the list of devices "${shorten(value)}": it has more than ${MAX_VALUE} characters`;
  return new BerthError({ code: "BERTH-R002", message, remedy: "name each device once" });
}

function toId(name: string): string {
  const cdi = parseCdiName(name);
  return cdi === undefined ? name : deviceIdOf(cdi);
}
