import { expect, test } from "bun:test";
import { askProgram } from "./ask-program.ts";

test("askProgram gives back what a program prints", async () => {
  expect(await askProgram(["/bin/echo", "Enabled"], 10_000)).toBe("Enabled\n");
});

test("one that ends badly has said nothing", async () => {
  expect(await askProgram(["/bin/sh", "-c", "echo no; exit 1"], 10_000)).toBeUndefined();
});

test("so has one that is not there", async () => {
  expect(await askProgram(["/nonexistent/nvidia-smi"], 10_000)).toBeUndefined();
});

test("one that does not end is not waited for", async () => {
  expect(await askProgram(["/bin/sleep", "600"], 50)).toBeUndefined();
});
