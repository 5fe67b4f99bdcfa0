import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { lockFile } from "../linux/index.ts";
import type { Lease } from "./lease.ts";
import { asking, fakePool, look, ownerOf } from "./store.test-helper.ts";
import { LeaseStore } from "./store.ts";

/**
 * Takes and releases GPUs of the store in `folder` until it is killed. While it has one it holds a lock of that GPU's file in `witness`, which the store knows nothing of: where that is held already, two have
 * one GPU, and that is written down.
 */
export async function takeForEver(folder: string, witness: string): Promise<void> {
  const pool = fakePool(8);
  const now = look(pool);
  using store = LeaseStore.open(folder);
  for (;;) {
    const wish = `any:${1 + Math.floor(Math.random() * 3)}`;
    const isWaiting = Math.random() < 0.5;
    const ticket = isWaiting ? store.queue(asking(wish), ownerOf(process.pid), now) : undefined;
    let { lease } = store.take(asking(wish, { ticket }), pool, now);
    const chances = isWaiting ? 3 : 0;
    for (let tries = 0; lease === undefined && tries < chances; tries += 1) {
      await Bun.sleep(Math.random() * 100);
      lease = store.take(asking(wish, { ticket }), pool, now).lease;
    }
    if (lease === undefined) {
      if (ticket !== undefined) store.leaveQueue(ticket, now);
      await Bun.sleep(Math.random() * 200);
      continue;
    }
    await hold(lease, witness);
    store.release(lease.id, lease.generation, now);
  }
}

async function hold({ devices }: Lease, witness: string): Promise<void> {
  const locks: Disposable[] = [];
  for (const { name } of devices) {
    try {
      locks.push(lockFile(join(witness, name), 0));
    } catch (error) {
      appendFileSync(join(witness, "two-owners"), `GPU ${name}: ${String(error)}\n`);
    }
  }
  appendFileSync(join(witness, "held"), ".");
  await Bun.sleep(Math.random() * 20);
  for (const lock of locks) lock[Symbol.dispose]();
}
