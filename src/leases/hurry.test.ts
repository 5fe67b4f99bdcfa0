import { expect, test } from "bun:test";
import { getPriority } from "node:os";
import { hurry } from "./hurry.ts";

const mayHurry = process.geteuid?.() === 0;

test.skipIf(!mayHurry)(
  "hurry goes before everything else as long as it works, and not afterwards, whatever its end",
  () => {
    const usual = getPriority();
    const during = hurry(() => getPriority());
    const failing = (): never =>
      hurry(() => {
        throw new RangeError("as it works");
      });
    expect(failing).toThrow("as it works");
    expect([during, getPriority()]).toEqual([-20, usual]);
  },
);
