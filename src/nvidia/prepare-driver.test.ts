import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeHost, type Host } from "../host/index.ts";
import { runProgram } from "../base/index.ts";
import { isReady, prepareDriver } from "./prepare-driver.ts";

const work = mkdtempSync(join(tmpdir(), "berth-prepare-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** A simulated host; `nvidia-modprobe` in it is a static program that only writes down its words, and fails for "-c 3". */
function simulate(profile: string): string {
  const root = join(work, profile);
  const berth = ["run", join(import.meta.dir, "../main.ts"), "sim", "up", root, "--profile", profile];
  const { exitCode, stderr } = runProgram([process.execPath, ...berth], {});
  if (exitCode !== 0) throw new Error(Buffer.from(stderr).toString());
  const source = join(work, "modprobe.c");
  writeFileSync(
    source,
    `#include <stdio.h>
     #include <string.h>
     int main(int count, char **words) {
       FILE *log = fopen("/modprobe.log", "a");
       int failed = 0;
       for (int i = 1; i < count; i++) { fprintf(log, "%s ", words[i]); failed |= !strcmp(words[i], "3"); }
       fprintf(log, "\\n");
       if (failed) fprintf(stderr, "no such device\\n");
       return failed;
     }`,
  );
  mkdirSync(join(root, "usr/bin"), { recursive: true });
  const program = join(root, "usr/bin/nvidia-modprobe");
  const built = runProgram(["gcc", "-static", "-o", program, source], {});
  if (built.exitCode !== 0) throw new Error(Buffer.from(built.stderr).toString());
  chmodSync(program, 0o755);
  return root;
}

const isPossible = process.geteuid?.() === 0 && Bun.which("gcc") !== null;

describe.skipIf(!isPossible)("prepareDriver", () => {
  test("asks for control nodes and modules first, then for the nodes that are missing, and says what failed", () => {
    const root = simulate("h100x8");
    const look = (): Host => describeHost(root, {});
    expect(isReady(look())).toBe(true);
    for (const name of ["nvidia3", "nvidia5", "nvidiactl"]) rmSync(join(root, "dev", name));
    const before = look();
    expect(isReady(before)).toBe(false);
    const { complaints } = prepareDriver(before, look);
    const minors = before.gpus.filter(({ node }) => node === undefined).map(({ minor }) => minor);
    expect(new Set(minors)).toEqual(new Set([3, 5]));
    const words = minors.map((minor) => `-c ${minor} `).join("");
    expect(readFileSync(join(root, "modprobe.log"), "utf8")).toBe(`-u -c 255 \n${words}\n`);
    expect(complaints).toEqual([`"/usr/bin/nvidia-modprobe ${words.trim()}" ended with 1: no such device`]);
  });

  test("asks for the nodes of MIG devices by the files that stand for them", () => {
    const root = simulate("a100x8-mig");
    const look = (): Host => describeHost(root, {});
    const part = look().gpus.flatMap(({ minor, migDevices }) => migDevices.map((device) => ({ minor, device })))[0];
    rmSync(join(root, part?.device.nodes[0]?.path ?? ""));
    expect(isReady(look())).toBe(false);
    prepareDriver(look(), look);
    const [, files = ""] = readFileSync(join(root, "modprobe.log"), "utf8").split("\n");
    expect(files).toContain(
      `-f /proc/driver/nvidia/capabilities/gpu${part?.minor}/mig/gi${part?.device.gpuInstance}/access `,
    );
  });

  test("leaves a host as it is where the driver has no such program", () => {
    const host = { ...describeHost(work, {}) };
    expect(isReady(host)).toBe(false);
    const prepared = prepareDriver(host, () => {
      throw new Error("nothing has changed");
    });
    expect(prepared).toEqual({
      host,
      complaints: ['"/usr/bin/nvidia-modprobe" is not there to load the driver\'s modules and make its nodes'],
    });
  });
});
