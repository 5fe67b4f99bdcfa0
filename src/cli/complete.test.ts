import { expect, test } from "bun:test";
import { array, assert, asyncProperty, constantFrom, oneof, string } from "fast-check";
import { runCli } from "./index.ts";

/** What is offered for the last of these words. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  let out = "";
  const surroundings = { print: (text: string) => void (out += text), note: () => {}, env: () => undefined };
  expect(await runCli(["complete", "--", ...words], undefined, surroundings)).toBe(0);
  return out
    .split("\n")
    .flatMap((line) => line.split("\t").slice(0, 1))
    .filter((name) => name !== "");
}

test.each([
  ["a command by its beginning", ["ins"], ["inspect", "install"]],
  ["a command below a command", ["sim", "up"], ["up", "upgrade"]],
  ["a flag", ["cdi", "generate", "--mo"], ["--mode"]],
  ["a flag's value", ["attach", "--engine", "d"], ["docker"]],
  ["a value behind an equals sign, with the flag before it", ["attach", "--engine=p"], ["--engine=podman"]],
  ["the same as bash splits it", ["attach", "--engine", "=", "p"], ["podman"]],
  ["all values, as bash splits it", ["attach", "--engine", "="], ["docker", "podman", "containerd"]],
  ["an option before the command", ["--ro"], ["--root"]],
  ["a command behind the options", ["--root", "/x", "--debug", "hos"], ["host"]],
  ["a command behind a folder after an equals sign", ["--root=/x", "hos"], ["host"]],
  ["nothing where a folder is to stand, so that the shell offers files", ["--root", ""], []],
  ["nothing for what berth does not know", ["no", "such", ""], []],
] as const)("berth complete offers %s", async (_, words, expected) => {
  expect(await offered(...words)).toEqual([...expected]);
});

test("berth complete does not offer what is hidden, and has a purpose for each that it offers", async () => {
  let out = "";
  await runCli(["complete", "--", ""], undefined, {
    print: (text) => void (out += text),
    note: () => {},
    env: () => undefined,
  });
  expect(out).toMatch(/^host\tShow what this machine has/m);
  expect(out).not.toContain("learn");
  for (const line of out.trimEnd().split("\n")) expect(line).toMatch(/^[a-z-]+\t\S/);
});

test("berth complete ends well whatever words stand there", async () => {
  const word = oneof(
    string(),
    constantFrom(
      "cdi",
      "generate",
      "--mode",
      "--mode=",
      "=",
      "-",
      "--",
      "--root",
      "--debug",
      "-o",
      "attach",
      "--engine",
      "--help",
      "help",
    ),
  );
  await assert(
    asyncProperty(array(word, { maxLength: 6 }), async (words) => void (await offered(...words))),
    { numRuns: 300 },
  );
});
