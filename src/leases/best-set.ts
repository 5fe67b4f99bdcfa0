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
 * enumerated by partitions as go-gpuallocator does, which takes seconds for 16 GPUs: the best of every set's subsets comes from one sweep.
 */
export function bestSet(links: LinkTable, places: readonly number[], size: number): readonly number[] | undefined {
  const sorted = [...new Set(places)].toSorted((a, b) => a - b);
  if (size < 1 || size > sorted.length) return undefined;
  if (size === sorted.length) return sorted;
  return sorted.length > MAX_EXACT ? growSet(links, sorted, size) : pickSet(links, sorted, size);
}

function pickSet(links: LinkTable, places: readonly number[], size: number): readonly number[] {
  const table = scoreSets(links, places);
  const all = 2 ** places.length - 1;
  const sizes = countBits(places.length);
  const best = bestInside(table, sizes, size, places.length);
  const top = at(best, all);
  let chosen = 0;
  let left: readonly [number, number] = [-1, -1];
  for (let mask = 1; mask <= all; mask += 1) {
    if (at(sizes, mask) !== size || at(table, mask) !== top) continue;
    const rest = all ^ mask;
    const value: readonly [number, number] = [at(best, rest), at(table, rest) % SUM_LIMIT];
    if (value[0] < left[0] || (value[0] === left[0] && value[1] <= left[1])) continue;
    [chosen, left] = [mask, value];
  }
  return places.filter((_, bit) => (chosen & (1 << bit)) !== 0);
}

/** For each set its weakest link, then the sum of its links, as one number. A set of one has no link at all: it is worth 0. */
function scoreSets(links: LinkTable, places: readonly number[]): Float64Array {
  const scores = new Float64Array(2 ** places.length);
  const weakest = new Uint16Array(scores.length).fill(MAX_LINK);
  for (let mask = 1; mask < scores.length; mask += 1) {
    const high = 31 - Math.clz32(mask);
    const rest = mask ^ (1 << high);
    let [bottleneck, sum] = [at(weakest, rest), at(scores, rest) % SUM_LIMIT];
    for (let bit = 0; bit < high; bit += 1) {
      if ((rest & (1 << bit)) === 0) continue;
      const link = linkOf(links, places[high] ?? 0, places[bit] ?? 0);
      bottleneck = Math.min(bottleneck, link);
      sum += link;
    }
    weakest[mask] = bottleneck;
    scores[mask] = rest === 0 ? 0 : bottleneck * SUM_LIMIT + sum;
  }
  return scores;
}

/** For each set the score of its best subset of `size`; -1: it has none. */
function bestInside(scores: Float64Array, sizes: Uint8Array, size: number, bits: number): Float64Array {
  const best = new Float64Array(scores.length).fill(-1);
  for (let mask = 0; mask < scores.length; mask += 1) {
    if (at(sizes, mask) < size) continue;
    let value = at(sizes, mask) === size ? at(scores, mask) : -1;
    for (let bit = 0; bit < bits; bit += 1)
      if ((mask & (1 << bit)) !== 0) value = Math.max(value, at(best, mask ^ (1 << bit)));
    best[mask] = value;
  }
  return best;
}

function countBits(bits: number): Uint8Array {
  const counts = new Uint8Array(2 ** bits);
  for (let mask = 1; mask < counts.length; mask += 1) counts[mask] = at(counts, mask >> 1) + (mask & 1);
  return counts;
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

function at(values: Float64Array | Uint8Array | Uint16Array, index: number): number {
  return values[index] ?? 0;
}
