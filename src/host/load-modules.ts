import { resolve } from "node:path";
import { BerthError, messageOf, runProgram, type Problem } from "../base/index.ts";
import type { ModuleName } from "./plan-nodes.ts";
import { onMachine, resolveInRoot } from "./tree.ts";

const MODPROBE = "/sbin/modprobe";
const NVIDIA_MODPROBE = "/usr/bin/nvidia-modprobe";
const CHROOT = "/usr/sbin/chroot";
const TIMEOUT_MS = 60_000;
/** Rules of modprobe.d may start programs by name. */
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
/** What nvidia-modprobe calls them. */
const WORDS: Readonly<Record<ModuleName, readonly string[]>> = {
  nvidia: [],
  "nvidia-uvm": ["-u"],
  "nvidia-modeset": ["-m"],
};

/**
 * The words that load a module of the driver below `root`: modprobe, without it the driver's own nvidia-modprobe, in a
 * chroot where the root is not "/".
 */
export function moduleCommand(root: string, module: ModuleName): readonly string[] {
  const folder = resolve(root);
  const inside = hasProgram(folder, MODPROBE) || !hasProgram(folder, NVIDIA_MODPROBE);
  const words = inside ? [MODPROBE, module] : [NVIDIA_MODPROBE, ...WORDS[module]];
  return folder === "/" ? words : [CHROOT, folder, ...words];
}

/** Loads a module of the driver; gives back what went wrong (BERTH-N005). One that is loaded already is not harmed. */
export function loadModule(root: string, module: ModuleName): Problem | undefined {
  const words = moduleCommand(root, module);
  const why = failureOf(words);
  return why === undefined ? undefined : failed(module, words, why);
}

function hasProgram(root: string, path: string): boolean {
  return resolveInRoot(root, path) !== undefined;
}

/** Why a program failed, undefined when it did not. */
function failureOf(words: readonly string[]): string | undefined {
  try {
    const { exitCode, isTimedOut, signal, stderr } = runProgram(words, {
      env: ENVIRONMENT,
      cwd: "/",
      timeoutMs: TIMEOUT_MS,
    });
    if (exitCode === 0) return undefined;
    if (isTimedOut) return `it took longer than ${TIMEOUT_MS / 1000} seconds`;
    const said = Buffer.from(stderr).toString().trim().slice(0, 500);
    return `it ended with ${exitCode ?? signal ?? "a signal"}${said === "" ? "" : `: ${said}`}`;
  } catch (error) {
    return messageOf(error);
  }
}

function failed(module: ModuleName, words: readonly string[], why: string): Problem {
  const message = `Cannot load the kernel module "${module}" with "${words.join(" ")}": ${why}`;
  const remedy = `install the driver's modules for the running kernel, then try: modprobe ${module}`;
  return new BerthError({ code: "BERTH-N005", message, remedy });
}

/** Where the machine's modules are loaded: the driver's own root below that of the machine. */
export function moduleRoot(root: string, driverRoot: string): string {
  return onMachine(resolve(root), resolve("/", driverRoot));
}
