import { expect, test } from "bun:test";
import { BESIDE_COMMANDS, wrapText } from "./wrap.ts";

const long = "nvidia-container-runtime ".repeat(4).trim();

test("wrapText ends lines at blanks before column 80, and indents them", () => {
  expect(wrapText(long, { first: 2, others: 4 })).toEqual([
    "  nvidia-container-runtime nvidia-container-runtime nvidia-container-runtime",
    "    nvidia-container-runtime",
  ]);
});

test("wrapText leaves a word whole that is longer than a line", () => {
  const path = `/${"a".repeat(100)}`;
  expect(wrapText(`see ${path} now`, { first: 0, others: 0 })).toEqual(["see", path, "now"]);
});

test("wrapText beside commands breaks no command, so that it can be copied", () => {
  const command = `modprobe -r ${long} && modprobe nvidia`;
  expect(wrapText(`reboot; or, when nobody uses it: ${command}`, { first: 0, others: 2, at: BESIDE_COMMANDS })).toEqual(
    ["reboot; or, when nobody uses it:", `  ${command}`],
  );
});

test("wrapText lets no control character of a text through", () => {
  expect(wrapText("a\u001b[2J\nb", { first: 0, others: 0 })).toEqual(["a\\u001b[2J\\u000ab"]);
});
