import type { GpuState } from "../nvml/index.ts";
import type { LinkTable } from "./best-set.ts";
import type { Pool } from "./device.ts";

/** Where the links of NVLink lead that are up, by the GPU's PCI address: to the PCI address of a GPU or a switch; undefined: the driver does not say it. A GPU that is not there has not said anything. */
export type Nvlinks = ReadonlyMap<string, readonly (string | undefined)[]>;

/** What one link adds to a link of the table; less is no NVLink. */
const ONE_NVLINK = 100;

export function nvlinksOf(states: readonly GpuState[]): Nvlinks {
  return new Map(
    states.flatMap(({ target, facts: { nvlinks } }) => {
      if (nvlinks === undefined) return [];
      return [[target, nvlinks.filter(({ isActive }) => isActive).map(({ remoteBus }) => remoteBus)] as const];
    }),
  );
}

/**
 * The pool with the links of NVLink among its own. What leads to no GPU of it leads to a switch, which joins all who lead there with the fewer links of the two: go-gpuallocator does not know of
 * switches.
 */
export function joinByNvlink(pool: Pool, nvlinks: Nvlinks): Pool {
  if (nvlinks.size === 0) return pool;
  const buses = new Map(pool.devices.map(({ place, gpuKey }) => [place, gpuKey] as const));
  const gpus = new Set(buses.values());
  const links = pool.links.map((row, a) =>
    row.map((link, b) => link + ONE_NVLINK * countLinks(buses.get(a), buses.get(b))),
  );
  return { ...pool, links, areNvlinksKnown: true };

  function countLinks(one: string | undefined, other: string | undefined): number {
    if (one === undefined || other === undefined || one === other) return 0;
    const [ofOne, ofOther] = [nvlinks.get(one), nvlinks.get(other)];
    // Of two that do not agree the one that says less; one that says nothing cannot disagree.
    const direct = Math.min(countTo(ofOne, other) ?? Infinity, countTo(ofOther, one) ?? Infinity);
    return (Number.isFinite(direct) ? direct : 0) + Math.min(countToSwitch(ofOne, gpus), countToSwitch(ofOther, gpus));
  }
}

function countTo(remotes: readonly (string | undefined)[] | undefined, bus: string): number | undefined {
  return remotes?.filter((remote) => remote === bus).length;
}

function countToSwitch(remotes: readonly (string | undefined)[] | undefined, gpus: ReadonlySet<string>): number {
  return remotes?.filter((remote) => remote === undefined || !gpus.has(remote)).length ?? 0;
}

/** Whether each of them is joined to each other by NVLink. */
export function areJoined(links: LinkTable, places: readonly number[]): boolean {
  return places.every((a) => places.every((b) => a === b || isJoined(links, a, b)));
}

export function isJoined(links: LinkTable, a: number, b: number): boolean {
  return (links[a]?.[b] ?? 0) >= ONE_NVLINK;
}

/** Of how many GPUs the largest group is in which each is joined to each other. */
export function largestIsland(links: LinkTable, places: readonly number[]): number {
  let largest = 0;
  grow(0, places);
  return largest;

  function grow(size: number, candidates: readonly number[]): void {
    largest = Math.max(largest, size);
    candidates.forEach((place, index) => {
      if (size + candidates.length - index <= largest) return;
      grow(
        size + 1,
        candidates.slice(index + 1).filter((other) => isJoined(links, place, other)),
      );
    });
  }
}
