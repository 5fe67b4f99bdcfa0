import { BerthError, splitList } from "../base/index.ts";
import { deviceIdOf, formatCdiName, isForFiles, NO_CDI_FILES, parseCdiName, type CdiName } from "./cdi-name.ts";
import { keyOf, parseDeviceId } from "./device-id.ts";
import type { Claim, Request } from "./request.ts";
import { MAX_VALUE, shorten } from "./shorten.ts";
import { isWish, parseWish } from "./wish.ts";

/** What a list of devices asks for. */
export type DeviceList = Pick<Request, "wants" | "devices" | "wish" | "claim" | "isOptional" | "cdiDevices">;

/**
 * Reads the value of `NVIDIA_VISIBLE_DEVICES`: ids and qualified CDI names separated by commas, blanks around them ignored. `void` anywhere
 * asks for nothing; else the first of `none` and `all` decides; else each id counts once. Rule: the NVIDIA container stack, but duplicates collapse. A list that begins with
 * `any` or `auto` is a wish, conditions and all; behind ids `exclusive`, `shared` and `optional` say how they are wanted. Throws BERTH-R002 and A001.
 */
export function parseDeviceList(value: string, isOfFiles: (name: CdiName) => boolean = withoutFiles): DeviceList {
  if (value.length > MAX_VALUE) throw tooLong(value);
  const names = splitList(value);
  if (names.length === 0 || names.includes("void")) return { ...NOTHING, cdiDevices: [] };
  const cdi = new Map(names.map((name) => [name, parseCdiName(name)]));
  const ofFiles = [...cdi].flatMap(([, name]) => (name !== undefined && isOfFiles(name) ? [formatCdiName(name)] : []));
  const others = names.filter((name) => !ofFiles.includes(name));
  const ids = others.map((name) => toId(name, cdi.get(name)));
  const isAny = isWish(ids[0] ?? "");
  const [ofFile] = isAny ? [] : ofFiles;
  if (ofFile !== undefined && ids.some((id) => asWord(id) !== undefined)) throw notOfFiles(ofFile);
  return { ...(isAny ? readWish(ids) : readClaimed(ids)), cdiDevices: ofFiles };
}

const NOTHING = { wants: "nothing", devices: [], wish: undefined, claim: undefined, isOptional: false } as const;

type OwnList = Omit<DeviceList, "cdiDevices">;

function readWish(parts: readonly string[]): OwnList {
  const wish = parseWish(parts.join(","));
  return { ...NOTHING, wants: "devices", wish, isOptional: wish.isOptional };
}

const WORDS = ["exclusive", "shared", "optional"] as const;
type Word = (typeof WORDS)[number];

function asWord(text: string): Word | undefined {
  return WORDS.find((word) => word === text.toLowerCase());
}

/** Ids, and behind them in what way they are wanted. */
function readClaimed(parts: readonly string[]): OwnList {
  const end = parts.findLastIndex((part) => asWord(part) === undefined) + 1;
  const words = parts.slice(end).flatMap((part) => asWord(part) ?? []);
  const [claim, other]: readonly Claim[] = words.filter((word) => word !== "optional");
  if (end === 0 && words.length > 0) throw badWord(parts.join(), `"${words[0]}" stands behind the GPUs that it is for`);
  if (other !== undefined) throw badWord(parts.join(), `it says both "${claim}" and "${other}"`);
  const list = readIds(parts.slice(0, end));
  return { ...list, wish: undefined, claim, isOptional: words.includes("optional") };
}

function badWord(text: string, why: string): BerthError {
  return new BerthError({
    code: "BERTH-R002",
    message: `Cannot read the list of devices "${shorten(text)}": ${why}`,
    remedy: 'write the devices first, each by index or UUID, and one of "exclusive" and "shared" behind them',
  });
}

function notOfFiles(name: string): BerthError {
  return new BerthError({
    code: "BERTH-R002",
    message: `Cannot lease the CDI device "${shorten(name)}": what a CDI file gives is not known before`,
    remedy: "name GPUs by index or UUID, or leave the word behind them out",
  });
}

function withoutFiles(name: CdiName): boolean {
  return isForFiles(name, NO_CDI_FILES, false);
}

function readIds(ids: readonly string[]): Pick<DeviceList, "wants" | "devices"> {
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
