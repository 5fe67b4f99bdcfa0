import { expect, test } from "bun:test";
import { runCli } from "./index.ts";
import { wrapHelp } from "./wrap-help.ts";

async function helpOf(...words: readonly string[]): Promise<string> {
  let out = "";
  await runCli(words, undefined, { print: (text) => void (out += text), note: () => undefined, env: () => undefined });
  return out;
}

const COMMANDS =
  "attach cdi detach doctor explain flags host inspect install nodes preflight selftest setup sim uninstall";

test.each(COMMANDS.split(" "))(
  "berth %s --help has no line that a terminal of 80 columns breaks in a word",
  async (word) => {
    const long = (await helpOf(word, "--help")).split("\n").filter((line) => line.length > 80);
    // One option of `berth cdi` has more values than a line has columns.
    expect(long.filter((line) => !line.includes("|"))).toEqual([]);
  },
);

test("the help of berth lists its commands in 80 columns", async () => {
  const long = (await helpOf("--help")).split("\n").filter((line) => line.length > 80);
  expect(long).toEqual([]);
});

test("berth help COMMAND is berth COMMAND --help", async () => {
  expect(await helpOf("help", "sim", "up")).toBe(await helpOf("sim", "up", "--help"));
});

test("a row of a help's table goes on below its own text", () => {
  const text = "which program starts the container where nobody has said it";
  expect(wrapHelp(`  -e [--engine]    ${text}    [docker|podman]\n`)).toBe(
    `  -e [--engine]    ${text}\n${" ".repeat(19)}[docker|podman]\n`,
  );
});
