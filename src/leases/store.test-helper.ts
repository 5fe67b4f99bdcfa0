import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readBootId } from "../linux/index.ts";
import type { Device, Pool } from "./device.ts";
import { identify, lookHere, type Here, type Owner } from "./owner.ts";
import type { Look } from "./reap.ts";
import type { Asking } from "./asking.ts";
import { LeaseStore } from "./store.ts";
import type { Usage } from "./usage.ts";
import { parseWish } from "../request/index.ts";

export const HERE: Here = lookHere(readBootId());

export function fakeDevice(index: number, overrides: Partial<Device> = {}): Device {
  const key = `0000:${index.toString(16).padStart(2, "0")}:00.0`;
  return {
    key,
    gpuKey: key,
    place: index,
    name: `${index}`,
    visibleName: `GPU-${index}`,
    uuid: undefined,
    model: "NVIDIA H100 80GB HBM3",
    computeCapability: "9.0",
    numaNode: Math.floor(index / 4),
    migProfile: undefined,
    obstacle: undefined,
    ...overrides,
  };
}

/** `count` GPUs, every two of them joined closely. */
export function fakePool(
  count: number,
  devices: readonly Device[] = Array.from({ length: count }, (_, index) => fakeDevice(index)),
): Pool {
  const places = Array.from({ length: count }, (_, place) => place);
  const links = places.map((a) => places.map((b) => (a === b ? 0 : a >> 1 === b >> 1 ? 50 : 10)));
  return { devices, links, areNvlinksKnown: false };
}

/** Two samples that are alike. */
export function used(processes: readonly number[], usedBytes = 0, utilisation: number | undefined = 0): Usage {
  const sample = { processes, usedBytes, utilisation };
  return { kind: "known", memoryBytes: 85e9, samples: [sample, sample] };
}

export const IDLE = used([]);

/** Every device of the pool idle, but for those named by their key. */
export function look(pool: Pool, usage: Readonly<Record<string, Usage>> = {}, changes: Partial<Look> = {}): Look {
  const known = new Map(pool.devices.map(({ key }) => [key, usage[key] ?? IDLE]));
  return {
    here: HERE,
    now: 1_700_000_000_000,
    uptime: 1000,
    usage: known,
    nvlinks: new Map(),
    isUnchecked: false,
    ...changes,
  };
}

export function ownerOf(pid: number): Owner {
  const owner = identify(pid, HERE);
  if (owner === undefined) throw new RangeError(`no process ${pid}`);
  return owner;
}

export function asking(wish: string, changes: Partial<Asking> = {}): Asking {
  return {
    wish: parseWish(wish),
    owner: ownerOf(process.pid),
    uid: 0,
    label: "",
    container: undefined,
    ticket: undefined,
    userLimit: undefined,
    ...changes,
  };
}

/** A process that does nothing until it is killed. */
export function sleeper(): Bun.Subprocess {
  return Bun.spawn(["sleep", "60"], { stdio: ["ignore", "ignore", "ignore"] });
}

export async function kill(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGKILL");
  await child.exited;
}

/** A store of its own in a new folder, gone with the result. */
export function newStore(): Disposable & { readonly folder: string; readonly store: LeaseStore } {
  const folder = join(mkdtempSync(join(tmpdir(), "berth-leases-")), "leases");
  const store = LeaseStore.open(folder);
  const dispose = (): void => {
    store[Symbol.dispose]();
    rmSync(join(folder, ".."), { recursive: true, force: true });
  };
  return { folder, store, [Symbol.dispose]: dispose };
}
