import { mkdirSync } from "node:fs";
import { LeaseStore, lookHere, identify, type Asking, type Look, type Owner, type Pool } from "../src/leases/index.ts";
import { readBootId } from "../src/linux/index.ts";
import { parseWish } from "../src/request/index.ts";

/** GPUs as large servers have them: two behind one PCIe switch, eight at one CPU. */
export function makePool(count: number): Pool {
  const places = Array.from({ length: count }, (_, place) => place);
  const classOf = (a: number, b: number): number => (a >> 1 === b >> 1 ? 50 : a >> 3 === b >> 3 ? 20 : 10);
  const devices = places.map((place) => {
    const key = `0000:${place.toString(16).padStart(2, "0")}:00.0`;
    return {
      key,
      gpuKey: key,
      place,
      name: `${place}`,
      visibleName: `GPU-${place}`,
      uuid: undefined,
      model: "NVIDIA H100 80GB HBM3",
      computeCapability: "9.0",
      numaNode: place >> 3,
      migProfile: undefined,
      obstacle: undefined,
    };
  });
  return {
    devices,
    links: places.map((a) => places.map((b) => (a === b ? 0 : classOf(a, b)))),
    areNvlinksKnown: false,
  };
}

/** All of them idle, as two samples of the driver say it. */
export function lookAtIdle(pool: Pool): Look {
  const sample = { processes: [], usedBytes: 0, utilisation: 0 };
  const usage = { kind: "known", memoryBytes: 85e9, samples: [sample, sample] } as const;
  return {
    here: lookHere(readBootId()),
    now: Date.now(),
    uptime: Math.round(performance.now()),
    usage: new Map(pool.devices.map(({ key }) => [key, usage])),
    isUnchecked: false,
  };
}

export function askFor(wish: string, ticket?: number): Asking {
  return {
    wish: parseWish(wish),
    owner: self(),
    uid: 0,
    label: "",
    container: undefined,
    ticket,
    userLimit: undefined,
  };
}

export function self(): Owner {
  const owner = identify(process.pid, lookHere(readBootId()));
  if (owner === undefined) throw new RangeError("procfs does not show this process");
  return owner;
}

/** A new store, with `waiting` processes that wait for more GPUs than are free, and `taken` GPUs that somebody has. */
export function openStoreWith(folder: string, pool: Pool, taken: number, waiting: number): LeaseStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const store = LeaseStore.open(folder);
  const look = lookAtIdle(pool);
  for (let count = 0; count < taken; count += 1) store.take(askFor("any"), pool, look);
  for (let count = 0; count < waiting; count += 1) store.queue(askFor("any:2"), self(), look);
  return store;
}
