import { expect, test } from "bun:test";
import { array, assert, constantFrom, integer, property, tuple } from "fast-check";
import { bestSet, type LinkTable } from "./best-set.ts";

/** GPUs joined by `near` within groups of `group`, else by `far`. */
function grouped(count: number, group: number, near: number, far: number): LinkTable {
  const places = Array.from({ length: count }, (_, index) => index);
  return places.map((a) => places.map((b) => (Math.floor(a / group) === Math.floor(b / group) ? near : far)));
}

const ALL16 = Array.from({ length: 16 }, (_, index) => index);
const ALL8 = [0, 1, 2, 3, 4, 5, 6, 7];

test.each([
  ["two of a pair", grouped(8, 2, 1830, 10), [1, 2, 3], 2, [2, 3]],
  ["four of one island, not two halves", grouped(8, 4, 230, 10), [0, 1, 2, 4, 5, 6, 7], 4, [4, 5, 6, 7]],
  ["one whose partner is taken already, so that a pair stays whole", grouped(8, 2, 1830, 10), [0, 2, 3], 1, [0]],
  ["two that leave three together", grouped(6, 3, 100, 10), [0, 1, 2, 3, 4], 2, [3, 4]],
  ["the first where all are alike", grouped(8, 8, 1830, 10), ALL8, 3, [0, 1, 2]],
  ["a pair of sixteen where fewest are near it", grouped(16, 2, 50, 10), ALL16.slice(1), 2, [2, 3]],
  ["eight of sixteen behind one switch", grouped(16, 8, 50, 10), ALL16.slice(3), 8, ALL16.slice(8)],
  ["all that are there", grouped(8, 8, 1, 1), [3, 5], 2, [3, 5]],
] as const)("bestSet takes %s", (_, links, places, size, expected) => {
  expect(bestSet(links, places, size)).toEqual([...expected]);
});

test("bestSet is undefined for more than there are, and for none", () => {
  expect([bestSet(grouped(2, 2, 1, 1), [0, 1], 3), bestSet(grouped(2, 2, 1, 1), [0, 1], 0)]).toEqual([
    undefined,
    undefined,
  ]);
});

/** Every subset of that size. */
function subsets(places: readonly number[], size: number): readonly (readonly number[])[] {
  if (size === 0) return [[]];
  return places.flatMap((place, index) => subsets(places.slice(index + 1), size - 1).map((rest) => [place, ...rest]));
}

function valueOf(links: LinkTable, set: readonly number[]): readonly [number, number] {
  const pairs = subsets(set, 2).map(([a = 0, b = 0]) => links[a]?.[b] ?? 0);
  return [pairs.length === 0 ? 0 : Math.min(...pairs), pairs.reduce((sum, link) => sum + link, 0)];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, place) => value !== b[place]);
  return index < 0 ? 0 : (a[index] ?? 0) - (b[index] ?? 0);
}

/** The whole order by which sets are compared, spelled out. */
function rank(links: LinkTable, places: readonly number[], set: readonly number[]): readonly number[] {
  const rest = places.filter((place) => !set.includes(place));
  const next = subsets(rest, set.length).map((other) => valueOf(links, other));
  const [bottleneck, sum] = next.toSorted(compare).at(-1) ?? [-1, -1];
  return [...valueOf(links, set), bottleneck, sum, valueOf(links, rest)[1]];
}

test("bestSet finds the set that trying all of them finds", () => {
  const tables = integer({ min: 2, max: 8 }).chain((count) =>
    tuple(
      array(array(constantFrom(10, 20, 50, 110, 210), { minLength: count, maxLength: count }), {
        minLength: count,
        maxLength: count,
      }),
      integer({ min: 1, max: count }),
    ),
  );
  const isBest = property(tables, ([half, size]) => {
    const links = half.map((row, a) => row.map((link, b) => (a < b ? link : (half[b]?.[a] ?? 0))));
    const places = links.map((_, place) => place);
    const found = bestSet(links, places, size) ?? [];
    const ranks = subsets(places, size).map((set) => rank(links, places, set));
    expect(rank(links, places, found)).toEqual(ranks.toSorted(compare).at(-1) ?? []);
  });
  assert(isBest, { numRuns: 60 });
});

test("bestSet finds islands among more GPUs than it tries all sets of", () => {
  expect(
    bestSet(
      grouped(40, 8, 1830, 10),
      Array.from({ length: 39 }, (_, place) => place + 1),
      8,
    ),
  ).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
});
