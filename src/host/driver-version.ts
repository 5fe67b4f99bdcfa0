import { BerthError } from "../base/index.ts";
import { readRootText, type Scene } from "./scene.ts";

/** The text of /proc/driver/nvidia/version, or undefined while the kernel module is not loaded. */
export function readVersionText(scene: Scene): string | undefined {
  return readRootText(scene, "/proc/driver/nvidia/version");
}

/** The version of the loaded kernel module. Throws BERTH-D004 when its file names none. */
export function readDriverVersion(scene: Scene): string | undefined {
  const text = readVersionText(scene);
  if (text === undefined) return undefined;
  const version = parseDriverVersion(text);
  if (version !== undefined) return version;
  const message = `Cannot describe the host at "${scene.root}": "/proc/driver/nvidia/version" names no driver version`;
  throw new BerthError({ code: "BERTH-D004", message, remedy: "look at it with: cat /proc/driver/nvidia/version" });
}

/**
 * "570.133.20" of the line `NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.133.20  Sun …`, or of the open kernel
 * module's `NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.133.20  Release Build …`.
 */
export function parseDriverVersion(text: string): string | undefined {
  const line = text.split("\n").find((one) => one.startsWith("NVRM version:"));
  return /\s(\d{1,5}\.\d{1,5}(?:\.\d{1,5})?)(?:\s|$)/.exec(line ?? "")?.[1];
}
