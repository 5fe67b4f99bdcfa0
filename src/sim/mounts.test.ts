import { expect, test } from "bun:test";
import { mountsBelow, parseMountPoints } from "./mounts.ts";

test("parseMountPoints reads the fifth field and undoes octal escapes", () => {
  const text = "21 1 0:19 / / rw - overlay o rw\n22 21 0:20 /a /srv/with\\040blank rw,nosuid shared:1 - tmpfs t rw\n";
  expect(parseMountPoints(text)).toEqual(["/", "/srv/with blank"]);
});

test("mountsBelow finds a mount point itself and those below, but not a folder with a longer name", () => {
  expect(mountsBelow("/proc")).toContain("/proc");
  expect(mountsBelow("/pro")).toEqual([]);
});
