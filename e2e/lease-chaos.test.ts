import { expect, test } from "bun:test";
import { join } from "node:path";
import { describeWith } from "./lib/gate.ts";
import { run, type Output } from "./lib/run.ts";

const HARNESS = join(import.meta.dir, "../bench/lease-chaos.ts");

function chaos(...words: readonly string[]): Output {
  return run([process.execPath, HARNESS, ...words], { timeoutMs: 120_000 });
}

/** The run that is worth its name takes a minute: bun bench/lease-chaos.ts. */
describeWith(["runc", "busybox"], "GPUs for containers that are started, killed, deleted and started again", () => {
  test("have one owner at a time, and nothing stays taken", () => {
    const { status, stdout, stderr } = chaos("--processes", "16", "--seconds", "8");
    expect([status, stderr]).toEqual([0, ""]);
    // Something has happened.
    const [, locks = "0"] = /^locks taken +(\d+)$/m.exec(stdout) ?? [];
    expect(Number(locks)).toBeGreaterThan(0);
  }, 120_000);

  test("are seen to have several owners where they have", () => {
    const { status, stderr } = chaos("--processes", "4", "--seconds", "3", "--ask", "0");
    expect(status).toBe(1);
    expect(stderr).toContain("GPU 0: berth-chaos-");
  }, 120_000);
});
