import { closeSync, constants, existsSync, openSync, readdirSync, statSync } from "node:fs";
import { errnoCode } from "../base/index.ts";
import { parseCharMajors, readText, splitDeviceNumber } from "../linux/index.ts";

const UVM = "/dev/nvidia-uvm";
const MAX_DEVICES_BYTES = 64 * 1024;
/** Nothing is behind the node: the kernel says so only after it has allowed it. */
const ALLOWED: ReadonlySet<string | undefined> = new Set([undefined, "ENXIO", "ENODEV", "EBUSY"]);

/**
 * What is wrong with the driver's nodes in this process's root, a sentence part each: why `cuInit` fails although the
 * library is there. On WSL and Tegra, which have other nodes, nothing.
 */
export function explainNodes(): readonly string[] {
  if (["/dev/dxg", "/dev/nvhost-gpu", "/dev/nvmap"].some((path) => statOf(path) !== undefined)) return [];
  const gpus = (existsSync("/dev") ? readdirSync("/dev") : []).filter((name) => /^nvidia\d+$/.test(name));
  const faults = ["/dev/nvidiactl", UVM, ...gpus.map((name) => `/dev/${name}`)].flatMap(
    (path) => explainNode(path) ?? [],
  );
  return gpus.length === 0 ? [...faults, 'there is no "/dev/nvidia0" or other node of a GPU'] : faults;
}

function explainNode(path: string): string | undefined {
  const stat = statOf(path);
  if (stat === undefined) return `"${path}" is not there`;
  if (!stat.isCharacterDevice()) return `"${path}" is no device`;
  const wrong = path === UVM ? explainMajor(splitDeviceNumber(stat.rdev).major) : undefined;
  if (wrong !== undefined) return wrong;
  const code = tryOpen(path);
  if (ALLOWED.has(code)) return undefined;
  if (code === "EPERM") return `"${path}" may not be opened (EPERM): the container's device permissions lack it`;
  return `"${path}" may not be opened by user ${process.geteuid?.()} (${code})`;
}

/** The major is drawn anew whenever the module is loaded, and a container keeps the node that it got. */
function explainMajor(major: number): string | undefined {
  const loaded = parseCharMajors(readText("/proc/devices", MAX_DEVICES_BYTES) ?? "").get("nvidia-uvm");
  if (loaded === undefined || loaded === major) return undefined;
  return `"${UVM}" has the major ${major}, and the loaded module nvidia-uvm has ${loaded}`;
}

function statOf(path: string) {
  return statSync(path, { throwIfNoEntry: false });
}

/** The errno name of the refusal; undefined: it opens. */
function tryOpen(path: string): string | undefined {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
    return undefined;
  } catch (error) {
    const code = errnoCode(error);
    if (code === undefined) throw error;
    return code;
  }
}
