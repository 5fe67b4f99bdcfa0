import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { nearest } from "./index.ts";

const MODES = ["auto", "legacy", "csv", "cdi", "jit-cdi"];
const HOOKS = ["create-symlinks", "chmod", "enable-cuda-compat", "update-ldcache", "update-application-profile"];

test.each([
  ["leagcy", MODES, "legacy"],
  ["legcy", MODES, "legacy"],
  ["legacyy", MODES, "legacy"],
  ["legaci", MODES, "legacy"],
  ["cvs", MODES, "csv"],
  ["jitcdi", MODES, "jit-cdi"],
  ["JIT-CDI", MODES, "jit-cdi"],
  ["enable-cuda-compatibility", HOOKS, "enable-cuda-compat"],
  ["enable-cuda-compatible", HOOKS, "enable-cuda-compat"],
  ["update-ld-cache", HOOKS, "update-ldcache"],
  ["update-aplication-profiel", HOOKS, "update-application-profile"],
  ["compat", ["compat32", "compute"], "compat32"],
])("%s of %j most likely means %p", (word, known, meant) => {
  expect(nearest(word, known)).toBe(meant);
});

test.each([[""], ["x"], ["c"], ["foo"], ["swarm"], ["a".repeat(100_000)]])(
  "nearest finds nothing like a word that is no neighbour",
  (word) => {
    expect(nearest(word, MODES)).toBeUndefined();
  },
);

test("nearest takes fewer edits where the caller says so", () => {
  expect(nearest("nvcdi-enable-hooks", ["nvcdi-disable-hooks"])).toBe("nvcdi-disable-hooks");
  expect(nearest("nvcdi-enable-hooks", ["nvcdi-disable-hooks"], 2)).toBeUndefined();
});

test("nearest finds a word of six letters or more again after one edit of any kind", () => {
  const word = fc.stringMatching(/^[a-z]{6,12}$/);
  fc.assert(
    fc.property(word, fc.nat({ max: 5 }), fc.constantFrom("drop", "double", "swap", "replace"), (text, at, kind) => {
      const [before, letter, after] = [text.slice(0, at), text[at] ?? "", text.slice(at + 1)];
      const edited = {
        drop: before + after,
        double: before + letter + letter + after,
        swap: before + after.slice(0, 1) + letter + after.slice(1),
        replace: `${before}-${after}`,
      };
      return nearest(edited[kind], [text]) === text;
    }),
  );
});
