import { join } from "node:path";
import type { RunOptions } from "../../src/base/index.ts";
import { run, type Output } from "./run.ts";
import type { SimHost } from "./sim-host.ts";

/** The `berth` of a simulated host, with that host as its root. */
export function runBerth(host: SimHost, args: readonly string[], options: RunOptions = {}): Output {
  return run([join(host.bin, "berth"), "--root", host.dir, ...args], options);
}
