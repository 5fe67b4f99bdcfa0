/**
 * A process of `bench/leases.ts`:
 *
 *     lease-worker.ts pick GPUS SIZE             the first pick of a process that has just started, in milliseconds
 *     lease-worker.ts contend FOLDER GPUS TAKES  takes, holds for a moment and releases; its times as JSON
 *
 * While it has a GPU it holds a lock of that GPU's file, which the store knows nothing of: where that is held already, two have one.
 */
import { readSync } from "node:fs";
import { join } from "node:path";
import { printOut } from "../src/base/index.ts";
import { bestSet } from "../src/leases/best-set.ts";
import { LeaseStore, type Lease } from "../src/leases/index.ts";
import { lockFile } from "../src/linux/index.ts";
import { askFor, lookAtIdle, makePool } from "./lease-pool.ts";
import { timeCall } from "./measure.ts";

/** What one contender says of itself; times in milliseconds. */
export interface Contention {
  /** Of each `take`, waiting for its turn included. */
  readonly takes: readonly number[];
  /** Of the same, what the processor worked for it. */
  readonly work: readonly number[];
  readonly releases: readonly number[];
  readonly granted: number;
  readonly doubled: number;
}

function pickOnce(count: number, size: number): number {
  const { links } = makePool(count);
  return timeCall(() => {
    bestSet(
      links,
      links.map((_, place) => place),
      size,
    );
  });
}

async function contend(folder: string, count: number, wanted: number): Promise<Contention> {
  const pool = makePool(count);
  using store = LeaseStore.open(join(folder, "leases"));
  const [takes, work, releases]: [number[], number[], number[]] = [[], [], []];
  let [granted, doubled] = [0, 0];
  printOut("ready\n");
  // Ends with the parent's word: all begin at once.
  readSync(0, new Uint8Array(1));
  while (takes.length < wanted) {
    const before = process.cpuUsage();
    let lease: Lease | undefined;
    takes.push(timeCall(() => ({ lease } = store.take(askFor("any:2"), pool, lookAtIdle(pool)))));
    const { user, system } = process.cpuUsage(before);
    work.push((user + system) / 1000);
    if (lease === undefined) {
      await Bun.sleep(Math.random() * 20);
      continue;
    }
    granted += 1;
    doubled += await hold(lease, folder);
    const { id, generation } = lease;
    releases.push(timeCall(() => store.release(id, generation, lookAtIdle(pool))));
  }
  return { takes, work, releases, granted, doubled };
}

/** How many of them somebody else has, too. */
async function hold({ devices }: Lease, folder: string): Promise<number> {
  const locks: Disposable[] = [];
  let doubled = 0;
  for (const { name } of devices) {
    try {
      locks.push(lockFile(join(folder, `gpu-${name}`), 0));
    } catch {
      doubled += 1;
    }
  }
  await Bun.sleep(Math.random() * 5);
  for (const lock of locks) lock[Symbol.dispose]();
  return doubled;
}

const [mode, ...args] = process.argv.slice(2);
if (mode === "pick") printOut(`${pickOnce(Number(args[0]), Number(args[1]))}\n`);
else printOut(`${JSON.stringify(await contend(args[0] ?? "", Number(args[1]), Number(args[2])))}\n`);
