import { BerthError, splitList } from "../base/index.ts";
import { deviceIdOf, formatCdiName, isForFiles, NO_CDI_FILES, parseCdiName, type CdiName } from "./cdi-name.ts";
import { keyOf, parseDeviceId } from "./device-id.ts";
import type { DeviceRequest, Request } from "./request.ts";
import { MAX_VALUE, shorten } from "./shorten.ts";

/** What a list of devices asks for. */
export interface DeviceList {
  readonly wants: Request["wants"];
  readonly devices: readonly DeviceRequest[];
  /** Qualified names that CDI files resolve. */
  readonly cdiDevices: readonly string[];
}

/**
 * Reads the value of `NVIDIA_VISIBLE_DEVICES`: ids and qualified CDI names separated by commas, blanks around them ignored. `void` anywhere
 * asks for nothing; else the first of `none` and `all` decides; else each id counts once. Throws BERTH-R002. Rule: the NVIDIA
 * container stack, but duplicates collapse.
 */
export function parseDeviceList(value: string, isOfFiles: (name: CdiName) => boolean = withoutFiles): DeviceList {
  if (value.length > MAX_VALUE) throw tooLong(value);
  const names = splitList(value);
  if (names.length === 0 || names.includes("void")) return { wants: "nothing", devices: [], cdiDevices: [] };
  const cdi = new Map(names.map((name) => [name, parseCdiName(name)]));
  const ofFiles = [...cdi].flatMap(([, name]) => (name !== undefined && isOfFiles(name) ? [formatCdiName(name)] : []));
  const others = names.filter((name) => !ofFiles.includes(name));
  const ids = others.map((name) => toId(name, cdi.get(name)));
  return { ...readIds(ids), cdiDevices: ofFiles };
}

function withoutFiles(name: CdiName): boolean {
  return isForFiles(name, NO_CDI_FILES, false);
}

function readIds(ids: readonly string[]): Omit<DeviceList, "cdiDevices"> {
  const special = ids.find((id) => id === "none" || id === "all");
  if (ids.length === 0) return { wants: "nothing", devices: [] };
  if (special === "none") return { wants: "driver", devices: [] };
  if (special === "all") return { wants: "devices", devices: [{ kind: "all" }] };
  const devices = new Map(ids.map(parseDeviceId).map((device) => [keyOf(device), device]));
  return { wants: "devices", devices: [...devices.values()] };
}

function tooLong(value: string): BerthError {
  const message = `Cannot read the list of devices "${shorten(value)}": it has more than ${MAX_VALUE} characters`;
  return new BerthError({ code: "BERTH-R002", message, remedy: "name each device once" });
}

function toId(name: string, cdi: CdiName | undefined): string {
  return cdi === undefined ? name : deviceIdOf(cdi);
}
