import { expect, test } from "bun:test";
import { mountsBelow } from "./mounts.ts";

test("mountsBelow finds a mount point itself and those below, but not a folder with a longer name", () => {
  expect(mountsBelow("/proc")).toContain("/proc");
  expect(mountsBelow("/pro")).toEqual([]);
});
