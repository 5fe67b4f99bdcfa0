import { readFileSync } from "node:fs";
import { answer, formatProbe, probeByChild } from "../cuda/index.ts";
import type { World } from "./context.ts";

interface Flags {
  readonly root: string;
  readonly isForeign?: boolean;
  readonly withToolkit?: boolean;
  readonly deadlineMs?: number;
}

const WORD = "cuda-probe";

/**
 * `berth cuda-probe`, which berth starts by itself: tries CUDA here and prints a line for each layer. It may change its
 * root on the way, so nothing may be loaded or awaited after it. With a deadline it does so in a child of its own, as
 * the first process of a container, which nobody outside may be there to end.
 */
export async function probeHere(this: World, flags: Flags): Promise<void> {
  const { root, isForeign = false, withToolkit = false, deadlineMs } = flags;
  if (deadlineMs === undefined) return answer({ root, isForeign, withToolkit, env: this.env, print: this.print });
  const switches = [...(isForeign ? ["--is-foreign"] : []), ...(withToolkit ? ["--with-toolkit"] : [])];
  const words = [...ownWords(), WORD, "--root", root, ...switches];
  this.print(formatProbe(await probeByChild(words, deadlineMs, environment())));
}

/** The words before this command: they may start with a loader, and its options. */
function ownWords(): readonly string[] {
  const words = readFileSync("/proc/self/cmdline", "utf8").split("\0");
  return words.slice(0, words.indexOf(WORD));
}

/** The image's own: its programs run with it. */
function environment(): Readonly<Record<string, string>> {
  const all = Object.entries(process.env);
  return Object.fromEntries(all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
