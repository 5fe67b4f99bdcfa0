import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import { simUp } from "../sim/index.ts";
import { runCli } from "./index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-cli-flags-"));
beforeAll(() => void simUp(join(work, "host"), "l40s-graphics", { executable: "/opt/berth/berth" }));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const testAsRoot = test.skipIf(process.geteuid?.() !== 0);

/** What `berth flags` printed and noted on a machine with two GPUs. */
async function flags(...args: readonly string[]) {
  let out = "";
  let notes = "";
  const print = (text: string): void => void (out += text);
  const note = (text: string): void => void (notes += text);
  const words = ["--root", join(work, "host"), "flags", ...args];
  const code = await runCli(words, undefined, { print, note, env: () => undefined });
  return { code, out, notes };
}

testAsRoot("berth flags prints the same words line by line, on one line and as JSON", async () => {
  const { code, out, notes } = await flags("-g", "0,1");
  expect([code, notes]).toEqual([0, ""]);
  const words = out.trimEnd().split(/\s+/);
  expect(words.filter((word) => /nvidia[01]:rw$/.test(word))).toHaveLength(2);
  expect((await flags("-g", "0,1", "--one-line")).out).toBe(`${words.join(" ")}\n`);
  expect(JSON.parse((await flags("--gpus", "0", "--gpus", "1", "--json")).out)).toEqual(words);
});

testAsRoot("berth flags says what it leaves out on stderr, where $(…) does not take it", async () => {
  const { out, notes } = await flags("-g", "1", "--capabilities", "graphics,utility", "--podman");
  expect(notes).toContain('warning: "/dev/dri/by-path/');
  expect(out).not.toContain("warning");
  expect(out).toContain("--device ");
});

test("berth flags prints nothing when it fails, and wants the GPUs named", async () => {
  expect(flags("-g", "9")).rejects.toMatchObject({ code: "BERTH-R001" });
  expect(flags()).rejects.toThrow(BerthError);
  expect(flags()).rejects.toMatchObject({ code: "BERTH-U001" });
});
