import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../base/index.ts";
import { firstOf, keepLook, readKept } from "./samples-file.ts";
import type { Sighting } from "./samples-format.ts";

const work = mkdtempSync(join(tmpdir(), "berth-samples-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

let count = 0;
function newFolder(): string {
  const folder = join(work, `${(count += 1)}`);
  mkdirSync(folder);
  return folder;
}

function sighting(uptime: number, processes: readonly number[] = []): Sighting {
  const sample = { processes, usedBytes: 5, utilisation: undefined };
  return { uptime, devices: new Map([["0000:1b:00.0", { memoryBytes: 80e9, sample }]]) };
}

test("what was seen is read as it was kept, by its owner alone, and nothing is left beside it", () => {
  const folder = newFolder();
  keepLook(folder, "boot", sighting(5000, [7, 8]), new Map());
  keepLook(folder, "boot", sighting(6000), new Map());
  expect(readKept(folder, "boot").sightings).toEqual([sighting(5000, [7, 8]), sighting(6000)]);
  expect([readdirSync(folder), statSync(join(folder, "samples.json")).mode & 0o777]).toEqual([["samples.json"], 0o600]);
});

test("what was seen in another boot counts for nothing", () => {
  const folder = newFolder();
  keepLook(folder, "boot", sighting(5000), new Map());
  expect(readKept(folder, "another").sightings).toEqual([]);
  keepLook(folder, "another", sighting(100), new Map());
  expect(readKept(folder, "another").sightings).toEqual([sighting(100)]);
});

test.skipIf(process.geteuid?.() !== 0)(
  "where it cannot be kept as the file system is read-only, nobody is bothered",
  () => {
    const folder = newFolder();
    runProgram(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder]);
    try {
      keepLook(folder, "boot", sighting(5000), new Map());
      expect(readKept(folder, "boot").sightings).toEqual([]);
    } finally {
      runProgram(["umount", "--lazy", folder]);
    }
  },
);

test.each([
  ["nothing", undefined],
  ["a torn text", '{"boot":"boot","sighti'],
  ["something else", "[1]"],
  ["a moment without devices", '{"boot":"boot","sightings":[{"uptime":3}]}'],
])("%s is as good as no look", (_, text) => {
  const folder = newFolder();
  if (text !== undefined) writeFileSync(join(folder, "samples.json"), text);
  expect(readKept(folder, "boot").sightings).toEqual([]);
});

test("a device of which half is said has not been seen", () => {
  const folder = newFolder();
  const devices = { a: { sample: { processes: ["7"], usedBytes: 1 } }, b: { sample: { processes: [] } }, c: 1 };
  writeFileSync(join(folder, "samples.json"), JSON.stringify({ boot: "boot", sightings: [{ uptime: 3, devices }] }));
  expect(readKept(folder, "boot").sightings).toEqual([{ uptime: 3, devices: new Map() }]);
});

test("where it cannot be kept nothing happens", () => {
  keepLook(join(work, "nowhere"), "boot", sighting(5000), new Map());
  const folder = newFolder();
  mkdirSync(join(folder, "samples.json"));
  keepLook(folder, "boot", sighting(5000), new Map());
  expect([readKept(folder, "boot").sightings, readdirSync(folder)]).toEqual([[], ["samples.json"]]);
});

test("what a GPU last said of its NVLinks stays, though it says nothing now", () => {
  const folder = newFolder();
  keepLook(
    folder,
    "boot",
    sighting(5000),
    new Map([
      ["a", ["b", undefined]],
      ["b", []],
    ]),
  );
  keepLook(folder, "boot", sighting(90_000), new Map([["b", ["a"]]]));
  expect(readKept(folder, "boot").nvlinks).toEqual(
    new Map([
      ["a", ["b", undefined]],
      ["b", ["a"]],
    ]),
  );
});

describe("the first of two looks", () => {
  test.each([
    [[1000, 9500], 10_000, 1000],
    [[1000, 8000, 9000], 10_000, 9000],
    [[9500], 10_000, undefined],
    [[1000], 31_001, undefined],
    [[20_000], 10_000, undefined],
    [[], 10_000, undefined],
  ])("of those at %p is, at %i, that at %p", (uptimes, uptime, expected) => {
    expect(firstOf({ sightings: uptimes.map((each) => sighting(each)) }, uptime)?.uptime).toBe(expected);
  });

  test("is there however often is looked", () => {
    const folder = newFolder();
    for (let uptime = 10_000; uptime <= 20_000; uptime += 100) keepLook(folder, "boot", sighting(uptime), new Map());
    const kept = readKept(folder, "boot");
    expect(kept.sightings.length).toBeLessThanOrEqual(8);
    expect(firstOf(kept, 20_050)?.uptime).toBeGreaterThan(17_000);
  });
});
