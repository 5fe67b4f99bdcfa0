import { describe, expect, test } from "bun:test";
import { isLauncher, patchLauncher } from "./launcher-slots.ts";

const MARKERS = ["BERTH-SLOT-EXECUTABLE-01", "BERTH-SLOT-CONFIG-FILE-1", "BERTH-SLOT-STATE-FOLDER1"] as const;
const SLOT_BYTES = 512;

/** An executable with the three slots, and something before and behind each. */
function makeExecutable(): Buffer {
  const parts = MARKERS.flatMap((marker) => ["code", marker, "\0".repeat(SLOT_BYTES)]);
  return Buffer.from([...parts, "code"].join(""));
}

function slotOf(executable: Uint8Array, marker: string): string {
  const bytes = Buffer.from(executable);
  const at = bytes.indexOf(marker) + marker.length;
  return bytes.toString("utf8", at, at + SLOT_BYTES).replace(/\0+$/, "");
}

describe("patchLauncher", () => {
  test("fills the slots that are given, and changes nothing else", () => {
    const executable = makeExecutable();
    const patched = patchLauncher(executable, { executable: "/opt/berth", state: "/run/ümlaut" });
    expect(MARKERS.map((marker) => slotOf(patched, marker))).toEqual(["/opt/berth", "", "/run/ümlaut"]);
    const emptied = Buffer.from(patched);
    for (const path of ["/opt/berth", "/run/ümlaut"]) emptied.fill(0, emptied.indexOf(path), emptied.indexOf(path) + Buffer.byteLength(path)); // prettier-ignore
    expect(emptied.equals(executable)).toBe(true);
    expect(executable.equals(makeExecutable())).toBe(true);
  });

  test("leaves nothing of a longer path that stood there before", () => {
    const long = patchLauncher(makeExecutable(), { config: `/${"x".repeat(SLOT_BYTES - 2)}` });
    expect(slotOf(long, MARKERS[1])).toHaveLength(SLOT_BYTES - 1);
    expect(slotOf(patchLauncher(long, { config: "/c" }), MARKERS[1])).toBe("/c");
  });

  test.each(["berth", "", "/a\nb", "/a\0b", `/${"x".repeat(SLOT_BYTES - 1)}`, `/${"ü".repeat(SLOT_BYTES / 2)}`])(
    "refuses a path that is not absolute, not on one line, or too long: %p",
    (path) => {
      expect(() => patchLauncher(makeExecutable(), { executable: path })).toThrow("into the launcher");
    },
  );

  test("refuses a file that is not the launcher, or has a marker twice", () => {
    expect(() => patchLauncher(Buffer.from("code"), { state: "/s" })).toThrow("not the launcher");
    const twice = Buffer.concat([makeExecutable(), makeExecutable()]);
    expect(() => patchLauncher(twice, { state: "/s" })).toThrow("not the launcher");
  });
});

test("isLauncher tells a launcher, patched or not, from other files", () => {
  const files = [makeExecutable(), patchLauncher(makeExecutable(), { executable: "/b" }), Buffer.from("#!/bin/sh\n")];
  expect(files.map(isLauncher)).toEqual([true, true, false]);
});
