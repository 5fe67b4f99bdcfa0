import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, asyncProperty, constantFrom, integer, string } from "fast-check";
import { explain, formatExplanation, MAX_TEXT, openMachine } from "./index.ts";
import { KNOWN_ERRORS } from "./known/index.ts";
import { peel } from "./layers.ts";
import { findIn, readPaste } from "./paste.ts";

const SAMPLES = join(import.meta.dir, "../../../testdata/explain");
const samples = readdirSync(SAMPLES)
  .filter((name) => name.endsWith(".txt"))
  .map((name) => ({ id: name.split(".")[0] ?? "", text: readFileSync(join(SAMPLES, name), "utf8") }));
const sample = constantFrom(...samples);
/** A line break inside of what stands for one character is not mended. */
const unescaped = constantFrom(...samples.filter(({ text }) => !/\\u00|&gt;/.test(text) && !text.includes("\u001b")));
const nowhere = openMachine("/nonexistent");
const idOf = async (text: string): Promise<string> => {
  const found = await explain(text, nowhere);
  return found.kind === "known" ? found.id : found.kind;
};

describe("the same error is known", () => {
  test("when a terminal of any width broke its lines", async () => {
    await assert(
      asyncProperty(unescaped, integer({ min: 7, max: 200 }), async ({ id, text }, width) => {
        const lines = text.split("\n").map((line) => line.replaceAll(new RegExp(`(.{${width}})`, "g"), "$1\n"));
        expect(await idOf(lines.join("\n"))).toBe(id);
      }),
    );
  });

  test("in capital letters, quoted as an answer, in a box, and behind a service's name", async () => {
    for (const { id, text } of samples) {
      expect(await idOf(text.toUpperCase())).toBe(id);
      for (const before of ["> ", "│ ", "web-1  | ", "    "])
        expect(await idOf(text.replaceAll(/^/gm, before))).toBe(id);
    }
  });

  test("when one log after the other has quoted it", async () => {
    for (const { id, text } of samples) {
      const once = JSON.stringify({ log: text });
      expect([await idOf(once), await idOf(JSON.stringify({ log: once }))]).toEqual([id, id]);
    }
  });

  test("when a terminal coloured it", async () => {
    for (const { id, text } of samples) {
      expect(await idOf(text.replaceAll(/(\w+)/g, "\u001b[1;31m$1\u001b[0m"))).toBe(id);
    }
  });
});

test("the layers of an error are peeled from outside to inside", () => {
  const text = samples.find(({ text: each }) => each.includes("nvml error: driver not loaded"))?.text ?? "";
  expect(peel(readPaste(text)).map(({ name }) => name)).toMatchInlineSnapshot(`
    [
      "docker client",
      "dockerd",
      "containerd",
      "containerd's shim",
      "runc",
      "runc's init",
      "hook #0",
      "nvidia-container-runtime-hook",
      "nvidia-container-cli",
      "NVML",
    ]
  `);
});

describe("a hostile text does no harm", () => {
  const patterns = KNOWN_ERRORS.flatMap(({ patterns: own, besides = [], unless = [] }) => [
    ...own,
    ...besides,
    ...unless,
  ]);

  test("every repetition in a pattern has a limit", () => {
    const withoutClasses = patterns.map(({ source }) => source.replaceAll(/\[(?:\\.|[^\]\\])*\]|\\./g, "x"));
    expect(withoutClasses.filter((source) => /[*+]|\{\d*,\}|\{\d{4,}/.test(source))).toEqual([]);
  });

  test("1 MiB made of the beginnings of what patterns look for, and of what their gaps take, is gone through", async () => {
    const starts = patterns.map(({ source }) => source.replaceAll(/\\(.)/g, "$1").slice(0, 24));
    const gaps = [
      "\\",
      '"',
      "\u001b[",
      "\u001b]",
      "/",
      "nvidia",
      "> ",
      "a".repeat(64),
      "BERTH-",
      "\n \n",
      "é",
      "; remedy:",
    ];
    for (const part of [starts.join(""), ...gaps]) {
      const text = part.repeat(Math.ceil(MAX_TEXT / part.length)).slice(0, MAX_TEXT);
      expect(["known", "unknown"]).toContain((await explain(text, nowhere)).kind);
    }
  }, 60_000);

  test("what is behind 1 MiB does not count", async () => {
    expect(await idOf(`${" ".repeat(MAX_TEXT)}Failed to initialize NVML: Unknown Error`)).toBe("unknown");
  });

  test("nothing of it reaches the terminal as a control character, and every part is one line", async () => {
    const noise = string({
      unit: constantFrom("\u0000", "\u001b", "\u202e", "\u2028", "\r", "\n", "x", '"', "BERTH-D003: ", ": "),
    });
    await assert(
      asyncProperty(sample, noise, noise, async ({ text }, before, after) => {
        const out = formatExplanation(await explain(`${before}${text}${after}`, nowhere));
        // oxlint-disable-next-line no-control-regex -- finding control characters is the point
        expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/);
        for (const line of out.trimEnd().split("\n")) expect(line).toMatch(/^[a-z]+: +\S/);
      }),
    );
  });
});

test("a group takes what stands before white space", () => {
  expect(
    findIn(readPaste("unresolvable  CDI\ndevices nvidia.com/gpu=all\nuser@host:~$"), /cdi devices (\S{1,64})/)?.words,
  ).toEqual(["nvidia.com/gpu=all"]);
});
