import { expect, test } from "bun:test";
import { formatTable } from "./index.ts";

test("formatTable aligns columns by what a terminal shows and leaves no blanks at the end of a line", () => {
  expect(formatTable([["a", "bb", "c"], ["日本", "x", ""]])).toBe("a     bb  c\n日本  x\n"); // prettier-ignore
});
