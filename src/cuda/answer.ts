import { existsSync } from "node:fs";
import { errnoCode } from "../base/index.ts";
import { syscall } from "../linux/index.ts";
import { climb } from "./climb.ts";
import type { Libc, Probe, Step } from "./probe.ts";

/** Where a child tries CUDA, and how it says what it found. */
export interface AnswerScene {
  /** The folder to make this process's root first, on this machine; "/": none. */
  readonly root: string;
  /** Whether this process runs with a C library and a loader that were brought into its root, which may have others or none. */
  readonly isForeign: boolean;
  /** Whether the toolkit's runtime and libraries are tried, too: an image's matter, not a machine's. */
  readonly withToolkit: boolean;
  readonly env: (name: string) => string | undefined;
  readonly print: (text: string) => void;
}

/**
 * In the child: tries one layer after the other and prints a line of JSON for each as it is done, so that whoever waits
 * sees at which one it stands. After it this process can only end: no file of the old root is to be had any more.
 */
export function answer({ root, isForeign, withToolkit, env, print }: AnswerScene): void {
  const refusal = enter(root);
  if (refusal !== undefined) return print(formatStep(refusal));
  const library = root === "/" && !isForeign ? "libcuda.so.1" : undefined;
  const facts = isForeign ? { libc: libcOf() } : {};
  for (const step of climb({ library, withToolkit, env })) print(formatStep({ ...facts, ...step }));
}

function enter(root: string): Step | undefined {
  if (root === "/") return undefined;
  try {
    syscall(root, "chroot", root);
    process.chdir("/");
    return undefined;
  } catch (error) {
    if (errnoCode(error) === undefined || !(error instanceof Error)) throw error;
    const isRight = errnoCode(error) === "EPERM";
    const detail = isRight ? `only root can try the driver of another root ("${root}")` : error.message;
    return { layer: { id: "library", state: "failed", detail, code: undefined } };
  }
}

/** By its loaders: the ABI gives each a fixed place. */
function libcOf(): Libc {
  const [glibc, musl] =
    process.arch === "arm64"
      ? ["/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1"]
      : ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"];
  if (existsSync(glibc)) return "glibc";
  return existsSync(musl) ? "musl" : "none";
}

/** A finished probe as the lines that `readProbe` reads. */
export function formatProbe({ layers, cuda, gpus, libc }: Probe): string {
  const facts = { cuda, gpus, ...(libc === undefined ? {} : { libc }) };
  return layers.map((layer) => formatStep({ layer, ...facts })).join("");
}

function formatStep(step: Step): string {
  return `${JSON.stringify(step)}\n`;
}
