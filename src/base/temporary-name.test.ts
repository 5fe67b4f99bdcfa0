import { expect, test } from "bun:test";
import { isAbandoned, temporaryName } from "./index.ts";

/** The largest process number that Linux gives is 4194304. */
const NOBODY = 999_999_999;

test("a temporary file is abandoned when the process that it names is gone, or is this one", () => {
  expect(isAbandoned(temporaryName(".x."), ".x.")).toBe(true);
  expect(isAbandoned(`.x.${NOBODY}`, ".x.")).toBe(true);
  expect(isAbandoned(".x.1", ".x.")).toBe(false);
});

test.each([".x.", ".x.0", ".x.-1", ".x.1a", ".x.99999999999", ".y.999999999", "x.999999999"])(
  "%j is nobody's temporary file",
  (name) => {
    expect(isAbandoned(name, ".x.")).toBe(false);
  },
);
