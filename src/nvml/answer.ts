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
    if (root !== "/") {
      syscall(root, "chroot", root);
      process.chdir("/");
    }
    return { kind: "inventory", inventory: takeInventory(openNvml(library)) };
  } catch (error) {
    if (errnoCode(error) === "EPERM" && root !== "/") {
      return { kind: "failed", why: `only root can ask the driver of another root ("${root}")` };
    }
    const isExpected = error instanceof NvmlError || errnoCode(error) !== undefined;
    if (isExpected && error instanceof Error) return { kind: "failed", why: error.message };
    throw error;
  }
}
