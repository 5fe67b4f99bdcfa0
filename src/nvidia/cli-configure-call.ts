import { posix } from "node:path";
import { parseStrictInteger, splitList } from "../base/index.ts";
import { allOf, isGiven, lastOf, type ArgpValues } from "./argp.ts";
import { CAPABILITY_OPTIONS } from "./cli-options.ts";
import type { Wish } from "./cli-request.ts";
import type { GlobalFlags } from "./cli-site.ts";
import { PeerError } from "./peer-error.ts";

/** One call of `nvidia-container-cli configure`. */
export interface ConfigureCall extends Wish {
  readonly global: GlobalFlags;
  /** A process of the container; undefined: the caller is in it. */
  readonly pid: number | undefined;
  /** Absolute, without "." and "..", and not "/". */
  readonly rootfs: string;
  /** Undefined: not given. */
  readonly compatMode: CompatMode | undefined;
  readonly noCgroups: boolean;
  readonly noDevbind: boolean;
  readonly noPersistenced: boolean;
  readonly noFabricmanager: boolean;
  readonly noGspFirmware: boolean;
  /** With its "@"; "": not given. */
  readonly ldconfig: string;
}

export const COMPAT_MODES = ["disabled", "ldconfig", "mount"] as const;
export type CompatMode = (typeof COMPAT_MODES)[number];

/** pid_t */
const MAX_PID = 2 ** 31 - 1;
/** What the program that is replaced has room for. */
const MAX_REQUIREMENTS = 32;

/** `words`: the container's root file system, and nothing else. Throws PeerError at the phase `input`. */
export function readConfigureCall(values: ArgpValues, rootfs: string, global: GlobalFlags): ConfigureCall {
  const ids = (name: string): readonly string[] => allOf(values, name).flatMap(splitList);
  const has = (name: string): boolean => isGiven(values, name);
  return {
    global,
    pid: has("pid") ? readPid(lastOf(values, "pid")) : undefined,
    rootfs: readRootfs(rootfs),
    devices: ids("device"),
    capabilities: CAPABILITY_OPTIONS.map(({ name }) => name).filter(has),
    requirements: readRequirements(allOf(values, "require")),
    migConfig: ids("mig-config"),
    migMonitor: ids("mig-monitor"),
    imexChannels: ids("imex-channel"),
    compatMode: has("cuda-compat-mode") ? readMode(lastOf(values, "cuda-compat-mode")) : undefined,
    noCgroups: has("no-cgroups"),
    noDevbind: has("no-devbind"),
    noPersistenced: has("no-persistenced"),
    noFabricmanager: has("no-fabricmanager"),
    noGspFirmware: has("no-gsp-firmware"),
    ldconfig: lastOf(values, "ldconfig"),
  };
}

function readPid(text: string): number {
  const pid = parseStrictInteger(text, MAX_PID);
  if (pid !== undefined && pid > 0) return pid;
  throw wrong("parse pid failed: invalid argument", `--pid=${text} is no number of a process`, "give --pid=NUMBER");
}

function readRootfs(text: string): string {
  const path = posix.resolve("/", text);
  if (text.startsWith("/") && path !== "/") return path;
  const why = `"${text}" is not the absolute path of a folder below "/"`;
  throw wrong("invalid rootfs directory", why, "name the folder of the container's root file system");
}

function readRequirements(texts: readonly string[]): readonly string[] {
  if (texts.length <= MAX_REQUIREMENTS) return texts;
  const why = `there are ${texts.length} conditions, and ${MAX_REQUIREMENTS} is all that may be given`;
  throw wrong("too many requirements", why, "join conditions by commas");
}

function readMode(text: string): CompatMode {
  const mode = COMPAT_MODES.find((each) => each === text);
  if (mode !== undefined) return mode;
  const why = `--cuda-compat-mode=${text} is no mode`;
  throw wrong(`invalid cuda-compat-mode: ${text}`, why, `use one of ${COMPAT_MODES.join(", ")}`);
}

function wrong(words: string, why: string, remedy: string): PeerError {
  return new PeerError("input", words, { code: "BERTH-U001", message: `Cannot configure a container: ${why}`, remedy });
}
