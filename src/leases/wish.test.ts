import { describe, expect, test } from "bun:test";
import { assert, constantFrom, integer, option, property, record, tuple } from "fast-check";
import { formatWish, parseWish } from "./wish.ts";

const NOTHING = {
  memoryBytes: undefined,
  computeCapability: undefined,
  model: undefined,
  link: undefined,
  numaNode: undefined,
  migProfile: undefined,
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
  ] as const)("reads %s", (text, wish) => {
    expect(parseWish(text)).toEqual({ ...NOTHING, ...wish });
  });

  test.each([
    ["any:0", "it asks for no GPU"],
    ["any:two", '"two" is not a number of GPUs'],
    ["any:-1", '"-1" is not a number of GPUs'],
    ["any:", '"" is not a number of GPUs'],
    ["eny:2", 'it does not begin with "any"; did you mean "any"?'],
    ["", 'it does not begin with "any"'],
    ["any,memory>=2G", '"memory>=2G" is no condition; did you mean "mem"?'],
    ["any,modle~A100", '"modle~A100" is no condition; did you mean "model"?'],
    ["any,colour=red", '"colour=red" is no condition: there are mem, cc, model, link, numa, mig'],
    ["any,", "there is nothing between two commas or behind the last"],
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

test("formatWish and parseWish undo each other", () => {
  const wishes = record({
    count: integer({ min: 1, max: 64 }),
    memoryBytes: option(constantFrom(40e9, 24 * 2 ** 30, 5e8, 3 * 2 ** 20), { nil: undefined }),
    computeCapability: option(tuple(integer({ min: 1, max: 20 }), integer({ min: 0, max: 9 })), { nil: undefined }),
    model: option(constantFrom("A100", "RTX 4090", "H100 NVL"), { nil: undefined }),
    link: option(constantFrom("nvlink" as const), { nil: undefined }),
    numaNode: option(integer({ min: 0, max: 15 }), { nil: undefined }),
    migProfile: option(constantFrom("1g.10gb", "1g.24gb+gfx"), { nil: undefined }),
  });
  assert(property(wishes, (wish) => expect(parseWish(formatWish(wish))).toEqual(wish)));
});
