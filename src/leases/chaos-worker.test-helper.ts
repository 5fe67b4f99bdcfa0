import { appendFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import { lockFile } from "../linux/index.ts";
import type { Pool } from "./device.ts";
import type { Lease } from "./lease.ts";
import { identify } from "./owner.ts";
import type { Look } from "./reap.ts";
import { asking, fakePool, HERE, look, ownerOf } from "./store.test-helper.ts";
import { LeaseStore } from "./store.ts";

/**
 * Takes and releases GPUs of the store in `folder` until it is killed: by a wish, for itself alone, or shared by name. While it has one by a wish or exclusively it holds a lock of that GPU's file in `witness`, which the
 * store knows nothing of, and nobody else may have that GPU; where that is not so, it is written down.
 */
export async function takeForEver(folder: string, witness: string): Promise<void> {
  const pool = fakePool(8);
  const now = look(pool);
  using store = LeaseStore.open(folder);
  for (;;) {
    const lease = Math.random() < 0.4 ? useNamed(store, pool, now) : await takeAny(store, pool, now);
    if (lease === undefined) {
      await Bun.sleep(Math.random() * 100);
      continue;
    }
    await (lease.mode === "shared" ? share(lease, witness) : hold(lease, witness));
    store.release(lease.id, lease.generation, now);
  }
}

async function takeAny(store: LeaseStore, pool: Pool, now: Look): Promise<Lease | undefined> {
  const isWaiting = Math.random() < 0.5;
  const wish = `any:${1 + Math.floor(Math.random() * 3)}${Math.random() < 0.3 ? ",exclusive" : ""}`;
  const ticket = isWaiting ? store.queue(asking(wish), ownerOf(process.pid), now) : undefined;
  let { lease } = store.take(asking(wish, { ticket }), pool, now);
  for (let tries = isWaiting ? 3 : 0; lease === undefined && tries > 0; tries -= 1) {
    await Bun.sleep(Math.random() * 100);
    lease = store.take(asking(wish, { ticket }), pool, now).lease;
  }
  if (lease === undefined && ticket !== undefined) store.leaveQueue(ticket, now);
  return lease;
}

/** One GPU by name; undefined: somebody has it in a way that keeps it from this one. */
function useNamed(store: LeaseStore, pool: Pool, now: Look): Lease | undefined {
  const mode = Math.random() < 0.7 ? "shared" : "exclusive";
  const keys = [pool.devices[Math.floor(Math.random() * 8)]?.key ?? ""];
  try {
    const owner = ownerOf(process.pid);
    const asked = { keys, mode, words: mode, owner, uid: 0, label: "", container: undefined, policy: "deny" } as const;
    return store.useNamed(asked, pool, now).lease;
  } catch (error) {
    if (error instanceof BerthError && error.code === "BERTH-A013") return undefined;
    throw error;
  }
}

async function share({ devices }: Lease, witness: string): Promise<void> {
  const files = devices.map(({ name }) => join(witness, `shared-${name}-${process.pid}`));
  for (const file of files) writeFileSync(file, "");
  appendFileSync(join(witness, "held"), ".");
  await Bun.sleep(Math.random() * 20);
  for (const file of files) rmSync(file);
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
  for (const { name } of devices) {
    const others = sharersOf(name, witness);
    if (others.length > 0) appendFileSync(join(witness, "two-owners"), `GPU ${name}: shared by ${others.join(", ")}\n`);
  }
  for (const lock of locks) lock[Symbol.dispose]();
}

/** Those that live; the file of one that was killed is left. */
function sharersOf(name: string, witness: string): readonly number[] {
  const start = `shared-${name}-`;
  const files = readdirSync(witness).filter((file) => file.startsWith(start));
  return files.map((file) => Number(file.slice(start.length))).filter((pid) => identify(pid, HERE) !== undefined);
}
