import { describe, expect, test } from "bun:test";
import type { GpuState, NvLink } from "../nvml/index.ts";
import { joinByNvlink, largestIsland, nvlinksOf, type Nvlinks } from "./nvlinks.ts";
import { asking, fakeDevice, fakePool, look, newStore } from "./store.test-helper.ts";

const pool = fakePool(8);
const buses = pool.devices.map(({ gpuKey }) => gpuKey);

function repeat(remote: string | undefined, times: number): readonly (string | undefined)[] {
  return Array.from({ length: times }, () => remote);
}

/** Each GPU with so many links to each of its group. */
function grouped(size: number, links: number): Nvlinks {
  return new Map(
    buses.map((bus, a) => {
      const others = buses.filter((_, b) => a !== b && Math.floor(a / size) === Math.floor(b / size));
      return [bus, others.flatMap((other) => repeat(other, links))] as const;
    }),
  );
}

const PAIRS = grouped(2, 4);
const ISLANDS = grouped(4, 2);
const SWITCHED: Nvlinks = new Map(buses.map((bus, index) => [bus, repeat(`0000:c${index % 4}:00.0`, 18)]));

function linkOf(nvlinks: Nvlinks, a: number, b: number): number {
  return joinByNvlink(pool, nvlinks).links[a]?.[b] ?? -1;
}

test("nvlinksOf knows the links that are up, and which GPU has said nothing", () => {
  const link = (number: number, isActive: boolean, remoteBus?: string): NvLink => ({
    link: number,
    isActive,
    remoteBus,
  });
  const state = (target: string, nvlinks: readonly NvLink[] | undefined): GpuState => {
    return { target, facts: { nvlinks }, faults: [], sick: undefined };
  };
  const states = [
    state("a", [link(0, true, "b"), link(1, false), link(2, true)]),
    state("b", []),
    state("c", undefined),
  ];
  expect(nvlinksOf(states)).toEqual(
    new Map([
      ["a", ["b", undefined]],
      ["b", []],
    ]),
  );
});

describe("joinByNvlink", () => {
  test.each<[string, Nvlinks, number, number, number]>([
    ["4 links between two are worth 400 on top of their PCIe path", PAIRS, 0, 1, 450],
    ["no link is worth nothing", PAIRS, 1, 2, 10],
    ["a switch joins all who lead there", SWITCHED, 0, 7, 1810],
    [
      "of two that lead to a switch the fewer links count",
      new Map([...SWITCHED, [buses[7] ?? "", repeat("x", 12)]]),
      0,
      7,
      1210,
    ],
    ["an end that is not said is a switch's", new Map(buses.map((bus) => [bus, repeat(undefined, 6)])), 2, 5, 610],
    [
      "one that says nothing is joined as the other says",
      new Map([...PAIRS].filter(([bus]) => bus !== buses[1])),
      0,
      1,
      450,
    ],
    [
      "one that says nothing is joined by no switch",
      new Map([...SWITCHED].filter(([bus]) => bus !== buses[1])),
      0,
      1,
      50,
    ],
    [
      "of two that do not agree the one counts that says less",
      new Map([...PAIRS, [buses[1] ?? "", repeat(buses[0], 1)]]),
      0,
      1,
      150,
    ],
    ["a GPU is not joined to itself", SWITCHED, 3, 3, 0],
  ])("%s", (_, nvlinks, a, b, expected) => {
    expect(linkOf(nvlinks, a, b)).toBe(expected);
  });
});

test.each([
  ["pairs", PAIRS, [0, 1, 2, 3], 2],
  ["islands of four", ISLANDS, [0, 1, 2, 4, 5, 6, 7], 4],
  ["a switch", SWITCHED, [0, 1, 2, 3, 4, 5, 6], 7],
  ["nothing", new Map<string, never>(), [0, 1], 1],
  ["no place", PAIRS, [], 0],
] as const)("largestIsland of %s", (_, nvlinks, places, expected) => {
  expect(largestIsland(joinByNvlink(pool, nvlinks).links, places)).toBe(expected);
});

test("largestIsland of a ring is two: each is to be joined to each", () => {
  const links = buses.map((_, a) => buses.map((__, b) => ([1, 7].includes(Math.abs(a - b)) ? 100 : 0)));
  expect(largestIsland(links, [0, 1, 2, 3, 4, 5, 6, 7])).toBe(2);
});

describe("a wish for link=nvlink", () => {
  const at = (nvlinks: Nvlinks) => look(pool, {}, { nvlinks });

  function take(wishes: readonly string[], nvlinks: Nvlinks): readonly string[] {
    using temporary = newStore();
    return wishes.map((wish) => {
      const { lease, choice } = temporary.store.take(asking(wish), pool, at(nvlinks));
      return lease?.devices.map(({ name }) => name).join(",") ?? `of ${choice.fitting}`;
    });
  }

  test.each([
    [["any:2,link=nvlink", "any:2,link=nvlink"], PAIRS, ["0,1", "2,3"]],
    [["any:3,link=nvlink"], PAIRS, ["of 2"]],
    [["any:4,link=nvlink", "any:5,link=nvlink"], ISLANDS, ["0,1,2,3", "of 4"]],
    [["any", "any:4,link=nvlink", "any:4,link=nvlink"], ISLANDS, ["0", "4,5,6,7", "of 4"]],
    [["any:8,link=nvlink"], SWITCHED, ["0,1,2,3,4,5,6,7"]],
    [["any:1,link=nvlink", "any:2,link=nvlink"], new Map(), ["0", "of 0"]],
    [["any:2,link=nvlink"], new Map(buses.map((bus) => [bus, []])), ["of 0"]],
    // Without that word NVLink is better all the same.
    [["any", "any:2", "any:4"], ISLANDS, ["0", "2,3", "4,5,6,7"]],
  ])("%p", (wishes, nvlinks, expected) => {
    expect(take(wishes, nvlinks)).toEqual(expected);
  });

  test("says what each GPU lacks", () => {
    using temporary = newStore();
    const nvlinks = new Map([...PAIRS].filter(([bus]) => bus !== buses[6] && bus !== buses[7]));
    const why = temporary.store
      .explain(asking("any:2,link=nvlink").wish, pool, at(nvlinks))
      .choice.verdicts.map((verdict) => verdict.why);
    expect(why.slice(5)).toEqual(["", "it has no NVLink to another GPU", "it has no NVLink to another GPU"]);
    const parts = fakePool(8, [fakeDevice(0, { migProfile: "1g.10gb" })]);
    const wish = asking("any:2,link=nvlink,mig=1g.10gb").wish;
    expect(temporary.store.explain(wish, parts, at(PAIRS)).choice.verdicts[0]?.why).toBe(
      "MIG devices are not joined by NVLink",
    );
  });
});
