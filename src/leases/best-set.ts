/**
 * How well two GPUs are joined, as whole numbers from 0 to `MAX_LINK`, by their places in the list: `links[a][b]`. Only the order counts.
 */
export type LinkTable = readonly (readonly number[])[];

/** Above any link there is: the class of a PCIe path plus 100 for each of 18 NVLinks. */
const MAX_LINK = 4095;
/** More than the links of all pairs of 16 GPUs together. */
const SUM_LIMIT = 2 ** 20;
/** Up to here every set is looked at; above, sets grow from each GPU by its best next one. */
const MAX_EXACT = 16;

/**
 * The `size` of the `places` that are joined best: the set whose weakest link is strongest; of several the one with most links in all; then the one that leaves the best set of that size,
 * and the best links altogether, to the next who asks; then lower places. Undefined: there are not so many. Not
 * enumerated by partitions as go-gpuallocator does, which takes seconds for 16 GPUs.
 */
export function bestSet(links: LinkTable, places: readonly number[], size: number): readonly number[] | undefined {
  const sorted = [...new Set(places)].toSorted((a, b) => a - b);
  if (size < 1 || size > sorted.length) return undefined;
  if (size === sorted.length) return sorted;
  return sorted.length > MAX_EXACT ? growSet(links, sorted, size) : pickSet(links, sorted, size);
}

/** Up to 16 GPUs, each by its bit, and how they are joined. */
interface Joined {
  readonly count: number;
  /** `links[a * count + b]` */
  readonly links: Uint16Array;
  /** For each GPU those before it that are joined to all others as it is: which of them is taken makes no difference. */
  readonly alike: Uint16Array;
}

/** Some of them: what they are worth grows with the weakest link first, then with the sum of all. */
interface Chosen {
  readonly mask: number;
  readonly size: number;
  readonly weakest: number;
  readonly sum: number;
}

interface Top {
  /** -1: there are not so many. A set of one has no link at all: it is worth 0. */
  readonly value: number;
  readonly masks: readonly number[];
}

const NONE: Chosen = { mask: 0, size: 0, weakest: MAX_LINK, sum: 0 };

function pickSet(table: LinkTable, places: readonly number[], size: number): readonly number[] {
  const joined = join(table, places);
  const all = 2 ** places.length - 1;
  const top = findTop(joined, all, size, Infinity);
  let chosen = 0;
  let left: readonly [number, number] = [-2, -2];
  for (const mask of top.masks.toSorted((a, b) => a - b)) {
    const rest = all ^ mask;
    // No other set is worth more than the best.
    const value: readonly [number, number] = [findTop(joined, rest, size, top.value).value, sumOf(joined, rest)];
    if (value[0] < left[0] || (value[0] === left[0] && value[1] <= left[1])) continue;
    [chosen, left] = [mask, value];
  }
  return places.filter((_, bit) => (chosen & (1 << bit)) !== 0);
}

function join(table: LinkTable, places: readonly number[]): Joined {
  const count = places.length;
  const links = Uint16Array.from(places.flatMap((one) => places.map((other) => linkOf(table, one, other))));
  const alike = new Uint16Array(count);
  for (let a = 0; a < count; a += 1) {
    for (let b = 0; b < a; b += 1) if (areAlike(links, count, a, b)) alike[a] = (alike[a] ?? 0) | (1 << b);
  }
  return { count, links, alike };
}

function areAlike(links: Uint16Array, count: number, a: number, b: number): boolean {
  for (let c = 0; c < count; c += 1)
    if (c !== a && c !== b && links[a * count + c] !== links[b * count + c]) return false;
  return true;
}

/**
 * The sets of `size` inside `within` that are worth most; of those that differ only in which of several alike they take, the one with the lowest. A set that is worse already is not completed, and
 * none is looked for after one that is worth `limit`: it is a process that has just started which has to choose, within a transaction, and nothing of it has been compiled yet.
 */
function findTop(joined: Joined, within: number, size: number, limit: number): Top {
  let value = -1;
  let masks: number[] = [];
  const complete = (set: Chosen, from: number): void => {
    if (set.size === size) {
      const worth = size === 1 ? 0 : set.weakest * SUM_LIMIT + set.sum;
      if (worth > value) [value, masks] = [worth, []];
      if (worth === value) masks.push(set.mask);
      return;
    }
    for (let next = from; next < joined.count; next += 1) {
      if (value >= limit) return;
      const bit = 1 << next;
      const before = (joined.alike[next] ?? 0) & within;
      if ((within & bit) === 0 || (before & ~set.mask) !== 0) continue;
      const larger = addTo(joined, set, next);
      if ((larger.weakest + 1) * SUM_LIMIT > value) complete(larger, next + 1);
    }
  };
  complete(NONE, 0);
  return { value, masks };
}

function addTo({ count, links }: Joined, { mask, size, weakest, sum }: Chosen, next: number): Chosen {
  let [low, total] = [weakest, sum];
  for (let bit = 0; bit < count; bit += 1) {
    if ((mask & (1 << bit)) === 0) continue;
    const link = links[next * count + bit] ?? 0;
    if (link < low) low = link;
    total += link;
  }
  return { mask: mask | (1 << next), size: size + 1, weakest: low, sum: total };
}

function sumOf(joined: Joined, mask: number): number {
  let set = NONE;
  for (let bit = 0; bit < joined.count; bit += 1) if ((mask & (1 << bit)) !== 0) set = addTo(joined, set, bit);
  return set.sum;
}

/** From each place on, the next is always the one whose weakest link to those before is strongest. Not always the best set, but one of the best seeds. */
function growSet(links: LinkTable, places: readonly number[], size: number): readonly number[] {
  let best: { readonly set: readonly number[]; readonly score: number } | undefined;
  for (const seed of places) {
    const set = [seed];
    while (set.length < size) set.push(nextFor(links, places, set));
    const score = scoreOf(links, set);
    if (best === undefined || score > best.score) best = { set, score };
  }
  return (best?.set ?? []).toSorted((a, b) => a - b);
}

function nextFor(links: LinkTable, places: readonly number[], set: readonly number[]): number {
  let best = { place: -1, score: -1 };
  for (const place of places) {
    if (set.includes(place)) continue;
    const score = scoreOf(links, [...set, place]);
    if (score > best.score) best = { place, score };
  }
  return best.place;
}

function scoreOf(links: LinkTable, set: readonly number[]): number {
  let [bottleneck, sum] = [MAX_LINK, 0];
  set.forEach((one, index) => {
    for (const other of set.slice(0, index)) {
      const link = linkOf(links, one, other);
      bottleneck = Math.min(bottleneck, link);
      sum += link;
    }
  });
  return set.length < 2 ? 0 : bottleneck * SUM_LIMIT + sum;
}

function linkOf(links: LinkTable, a: number, b: number): number {
  return Math.min(MAX_LINK, Math.max(0, Math.trunc(links[a]?.[b] ?? 0)));
}
