import { afterAll, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError } from "../../base/index.ts";
import { doubtRuntime } from "./doubt-runtime.ts";
import { findRuntime } from "./find-runtime.ts";
import { printDiff } from "./print-plan.ts";
import { readEngines, readWords } from "./setup-words.ts";

const work = mkdtempSync(join(tmpdir(), "berth-setup-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function put(path: string): string {
  mkdirSync(join(work, path, ".."), { recursive: true });
  writeFileSync(join(work, path), "");
  return join(work, path);
}

function failure(action: () => unknown): string {
  try {
    return String(action());
  } catch (error) {
    return error instanceof BerthError ? `${error.code}: ${error.message}` : String(error);
  }
}

test("the runtime that an engine is told of is the one that belongs to the running berth", () => {
  const executable = put("opt/berth");
  const place = { root: "/", isOnMachine: true, named: undefined };
  expect(failure(() => findRuntime(place, { executable }))).toBe(
    `BERTH-G011: Cannot tell an engine of nvidia-container-runtime: there is none beside "${executable}"`,
  );
  const runtime = put("opt/bin/nvidia-container-runtime");
  expect(findRuntime(place, { executable })).toBe(runtime);
  const own = put("sim/bin/nvidia-container-runtime");
  expect(findRuntime({ ...place, root: join(work, "sim") }, { executable })).toBe(own);
  expect(findRuntime({ ...place, named: own }, { executable })).toBe(own);
  expect(failure(() => findRuntime({ ...place, named: "/no" }, { executable }))).toContain('"/no" does not exist');
});

test.if(process.geteuid?.() === 0)("a runtime that others than root can change is warned of", () => {
  const runtime = put("lib/runtime");
  symlinkSync(runtime, join(work, "link"));
  expect([doubtRuntime(runtime), doubtRuntime(join(work, "link"))]).toEqual([undefined, undefined]);
  chmodSync(join(work, "lib"), 0o777);
  expect(doubtRuntime(join(work, "link"))).toStartWith(`"${join(work, "lib")}" can be written by others: whoever`);
  chmodSync(join(work, "lib"), 0o755);
  chownSync(runtime, 1000, 1000);
  expect(doubtRuntime(runtime)).toStartWith(`"${runtime}" belongs to user 1000: whoever`);
});

test("under another root it is the one that is installed there, by the path that it has there", () => {
  const root = join(work, "image");
  mkdirSync(root);
  const place = { root, isOnMachine: false, named: undefined };
  expect(failure(() => findRuntime(place, { executable: "/berth" }))).toContain(`under "${root}"`);
  // Beside a toolkit of NVIDIA's.
  put("image/usr/bin/nvidia-container-runtime");
  const own = "/usr/local/lib/berth/bin/nvidia-container-runtime";
  put(`image${own}`);
  expect(findRuntime(place, { executable: "/berth" })).toBe(own);
});

test("engines are named as they are called, each once", () => {
  expect(readEngines(["docker", "CRIO", "dockerd", "podman"])).toEqual(["docker", "cri-o", "podman"]);
  expect(failure(() => readEngines(["podmna"]))).toContain('did you mean "podman"?');
  expect(failure(() => readEngines(["\u001b[2J"]))).toStartWith('BERTH-U001: Cannot set up "\\u001b[2J"');
});

test("swarm is Docker's, and is set up by itself", () => {
  expect(readWords(["Swarm"])).toEqual({ names: ["docker"], part: "swarm" });
  expect(readWords(["docker"])).toEqual({ names: ["docker"], part: undefined });
  expect(failure(() => readWords(["swarm", "podman"]))).toStartWith("BERTH-U001: Cannot set up swarm together with");
  expect(failure(() => readWords(["swam"]))).toContain('did you mean "swarm"?');
});

test("a difference is printed without the control characters that a file may hold", () => {
  const out: string[] = [];
  const world = { print: (text: string) => void out.push(text), env: () => "1" };
  printDiff(world, { path: "/etc/x", before: "a\u001b[2J\n", after: undefined });
  expect(out.join("")).toBe("--- /etc/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\\u001b[2J\n");
});
