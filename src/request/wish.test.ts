import { describe, expect, test } from "bun:test";
import { assert, boolean, constantFrom, integer, option, property, record, tuple } from "fast-check";
import { formatWish, isWish, parseWish } from "./wish.ts";

const NOTHING = {
  memoryBytes: undefined,
  computeCapability: undefined,
  model: undefined,
  link: undefined,
  numaNode: undefined,
  migProfile: undefined,
  isExclusive: false,
  isOptional: false,
  lease: undefined,
};

describe("parseWish", () => {
  test.each([
    ["any", { count: 1 }],
    ["ANY:2", { count: 2 }],
    ["any:2,mem>=40G", { count: 2, memoryBytes: 40e9 }],
    ["any, mem >= 1.5 GiB", { count: 1, memoryBytes: 1.5 * 2 ** 30 }],
    ["any,mem>=8000MB", { count: 1, memoryBytes: 8e9 }],
    ["any,cc>=8.6", { count: 1, computeCapability: [8, 6] }],
    ["any,cc>=9", { count: 1, computeCapability: [9, 0] }],
    ["any,model~RTX 4090", { count: 1, model: "RTX 4090" }],
    ["any:4,link=nvlink,numa=1", { count: 4, link: "nvlink", numaNode: 1 }],
    ["any:1,mig=1g.10GB", { count: 1, migProfile: "1g.10gb" }],
    ["auto:3", { count: 3 }],
    ["any:2,exclusive", { count: 2, isExclusive: true }],
    ["any,Optional", { count: 1, isOptional: true }],
    ["optional", { count: 1, isOptional: true }],
    ["optional,mem>=8G", { count: 1, isOptional: true, memoryBytes: 8e9 }],
    ["any:2,lease=3FA21B07c4d84e0f9a5d5e1f6b7c8d90", { count: 2, lease: "3fa21b07c4d84e0f9a5d5e1f6b7c8d90" }],
  ] as const)("reads %s", (text, wish) => {
    expect(parseWish(text)).toEqual({ ...NOTHING, ...wish });
  });

  test.each([
    ["any:0", "it asks for no GPU"],
    ["any:two", '"two" is not a number of GPUs'],
    ["any:-1", '"-1" is not a number of GPUs'],
    ["any:", '"" is not a number of GPUs'],
    ["eny:2", 'it does not begin with "any"; did you mean "any"?'],
    ["optionl", 'it does not begin with "any"; did you mean "optional"?'],
    ["", 'it does not begin with "any"'],
    ["any,memory>=2G", '"memory>=2G" is no condition; did you mean "mem"?'],
    ["any,modle~A100", '"modle~A100" is no condition; did you mean "model"?'],
    [
      "any,colour=red",
      '"colour=red" is no condition: there are mem, cc, model, link, numa, mig, lease, exclusive, optional',
    ],
    ["any,exclusiv", '"exclusiv" is no condition; did you mean "exclusive"?'],
    ["any,shared", '"shared" goes with GPUs that are named, as in 0,1,shared'],
    [
      "any,constructor",
      '"constructor" is no condition: there are mem, cc, model, link, numa, mig, lease, exclusive, optional',
    ],
    ["any,exclusive,exclusive", 'it says "exclusive" twice'],
    ["any,lease=12", '"12" is nothing that "lease" can be, as in lease=3fa21b07c4d84e0f9a5d5e1f6b7c8d90'],
    ["any,", "there is nothing between two commas or behind the last"],
    [
      "any:2,mem",
      '"mem" is not understood: "mem" goes with ">=", as in mem>=40G; a shell takes ">" for itself where there are no quotes',
    ],
    ["any,mem=40G", '"mem=40G" is not understood: "mem" goes with ">=", as in mem>=40G'],
    ["any,mem>=40", '"40" is nothing that "mem" can be, as in mem>=40G'],
    ["any,mem>=0G", '"0G" is nothing that "mem" can be, as in mem>=40G'],
    ["any,cc>=new", '"new" is nothing that "cc" can be, as in cc>=8.6'],
    ["any,link=wire", '"wire" is nothing that "link" can be, as in link=nvlink'],
    ["any,numa=x", '"x" is nothing that "numa" can be, as in numa=0'],
    ["any,numa=0,numa=1", 'it says "numa" twice'],
  ])("refuses %s and says why", (text, why) => {
    expect(() => parseWish(text)).toThrow(`Cannot read the wish for GPUs "${text}": ${why}`);
  });
});

test.each([
  ["any", true],
  [" any:2 ,mem>=2G", true],
  ["AUTO:1", true],
  ["optional", true],
  ["any:", true],
  ["anything", false],
  ["0,any", false],
  ["all", false],
  ["0,optional", false],
  ["", false],
] as const)("whether %s is a wish: %s", (text, is) => {
  expect(isWish(text)).toBe(is);
});

test("formatWish and parseWish undo each other", () => {
  const wishes = record({
    count: integer({ min: 1, max: 64 }),
    memoryBytes: option(constantFrom(40e9, 24 * 2 ** 30, 5e8, 3 * 2 ** 20), { nil: undefined }),
    computeCapability: option(tuple(integer({ min: 1, max: 20 }), integer({ min: 0, max: 9 })), { nil: undefined }),
    model: option(constantFrom("A100", "RTX 4090", "H100 NVL"), { nil: undefined }),
    link: option(constantFrom("nvlink" as const), { nil: undefined }),
    numaNode: option(integer({ min: 0, max: 15 }), { nil: undefined }),
    migProfile: option(constantFrom("1g.10gb", "1g.24gb+gfx"), { nil: undefined }),
    isExclusive: boolean(),
    isOptional: boolean(),
    lease: option(constantFrom("3fa21b07c4d84e0f9a5d5e1f6b7c8d90"), { nil: undefined }),
  });
  assert(property(wishes, (wish) => expect(parseWish(formatWish(wish))).toEqual(wish)));
});
