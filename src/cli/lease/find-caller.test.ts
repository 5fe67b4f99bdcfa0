import { expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findCaller } from "./find-caller.ts";

test("without sudo it is whoever has started this", () => {
  expect(findCaller(process.ppid, {})).toBe(process.ppid);
  expect(findCaller(process.ppid, { SUDO_UID: "1000" })).toBe(process.ppid);
});

test("behind sudo, which keeps the terminal in a process of its own, it is whoever called sudo", async () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-sudo-"));
  // A shell by that name is a sudo as far as procfs tells.
  const sudo = join(folder, "sudo");
  copyFileSync("/bin/sh", sudo);
  const child = Bun.spawn([sudo, "-c", `"${sudo}" -c 'echo $$; read line'; true`], { stdin: "pipe", stdout: "pipe" });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const inner = Number(new TextDecoder().decode(value));
  expect(inner).not.toBe(child.pid);
  expect(findCaller(inner, { SUDO_UID: "1000" })).toBe(process.pid);
  await child.stdin.end();
  await child.exited;
  rmSync(folder, { recursive: true });
});
