import { expect, test } from "bun:test";
import { DROP_INS } from "../../base/index.ts";
import { manualPages } from "./pages.ts";
import { escapeRoff } from "./roff.ts";

async function page(file: string): Promise<string> {
  return (await manualPages("1.2.3")).find((one) => one.file === file)?.text ?? "";
}

test("berth(1) has every command that a user may start, with its flags and its version, and none that is hidden", async () => {
  const text = await page("berth.1");
  expect(text).toStartWith('.TH "BERTH" 1 "" "berth 1.2.3"');
  for (const route of [
    "berth attach",
    "berth cdi generate",
    "berth sim up",
    "berth install",
    "berth uninstall",
    "berth version",
  ])
    expect(text).toContain(`.SS "${route.replaceAll("-", "\\-")}"`);
  expect(text).toContain(".TP\n\\fB\\-o\\fR, \\fB\\-\\-output\\fR\nThe file to write");
  expect(text).not.toContain("learn\\-nvml");
});

test("nvidia-container-runtime(1) has every name that berth serves", async () => {
  const text = await page("nvidia-container-runtime.1");
  for (const name of DROP_INS) expect(text).toContain(`\\fB${name.replaceAll("-", "\\-")}\\fR`);
});

test("a page is ASCII, has no line of a request that is none, and is the same each time", async () => {
  const requests = /^\.(TH|SH|SS|PP|TP|ad l|nh)\b/;
  for (const { file, text } of await manualPages("1.2.3")) {
    expect(text).toMatch(/^[\n -~]*$/);
    expect(text.split("\n").filter((line) => /^[.']/.test(line) && !requests.test(line))).toEqual([]);
    expect(await page(file)).toBe(text);
  }
});

test("escapeRoff leaves nothing that man would take for its own", () => {
  expect(escapeRoff(".so /etc/shadow\n'x\\n -a… é")).toBe("\\&.so /etc/shadow\n\\&'x\\en \\-a... \\[u00E9]");
});
