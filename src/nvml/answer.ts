import { errnoCode } from "../base/index.ts";
import { syscall } from "../linux/index.ts";
import { takeInventory } from "./inventory.ts";
import { openNvml } from "./library.ts";
import type { NvmlAnswer } from "./parse-answer.ts";
import { NvmlError } from "./return-codes.ts";

/** Where the driver's library is. */
export interface NvmlPlace {
  /** The folder to make this process's root first, on this machine; "/": none. */
  readonly root: string;
  /** The library as seen from that root. */
  readonly library: string;
}

/**
 * In the child: enters the root, loads the library there, and asks for everything. One line of JSON, an NvmlAnswer; what
 * fails is an answer, too. After it this process can only print and end: NVML is not shut down, as the kernel does it better
 * and cannot hang there, and no file of the old root is to be had any more.
 */
export function answer({ root, library }: NvmlPlace): string {
  return `${JSON.stringify(askHere(root, library))}\n`;
}

function askHere(root: string, library: string): NvmlAnswer {
  try {
    enterRoot(root);
    return { kind: "inventory", inventory: takeInventory(openNvml(library)) };
  } catch (error) {
    return { kind: "failed", why: whyFailed(error, root) };
  }
}

/** Makes a folder the root of this process; "/": it is. */
export function enterRoot(root: string): void {
  if (root === "/") return;
  syscall(root, "chroot", root);
  process.chdir("/");
}

/** Why the driver could not be asked. Throws what nobody expects. */
export function whyFailed(error: unknown, root: string): string {
  if (errnoCode(error) === "EPERM" && root !== "/") return `only root can ask the driver of another root ("${root}")`;
  const isExpected = error instanceof NvmlError || errnoCode(error) !== undefined;
  if (isExpected && error instanceof Error) return error.message;
  throw error;
}
