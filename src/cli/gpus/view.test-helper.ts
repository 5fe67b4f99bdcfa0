import type { Lease } from "../../leases/index.ts";
import type { GpuFacts, GpuState } from "../../nvml/index.ts";
import type { GpuUser, KnownContainer, OwnedProcess } from "../../watch/index.ts";
import type { GpusView, ShownGpu } from "./gpu-view.ts";

export const MIB = 2 ** 20;
export const WEB_ID = "4f0c1f6f1f7b2d5a7f3a9e1b6c8d0e2f4a6b8c0d1e3f5a7b9c1d3e5f7a9b1c3d";
const TRAIN_ID = "b".repeat(64);
const GONE_ID = "c".repeat(64);
const UPTIME_MS = 100_000_000;

/** A GPU as the driver tells it; `more`: whatever else is so. */
export function shownGpu(index: number, facts: GpuFacts, more: Partial<ShownGpu> & Partial<GpuState> = {}): ShownGpu {
  const bus = `0000:${index}b:00.0`;
  const { sick, faults = [], ...rest } = more;
  return {
    index,
    bus,
    minor: index,
    uuid: `GPU-${index}`,
    model: "NVIDIA H100 80GB HBM3",
    users: [],
    parts: [],
    lastXid: undefined,
    nvlinkRates: undefined,
    state: { target: bus, facts, faults, sick },
    ...rest,
  };
}

function owned(pid: number, uid: number, words: readonly string[], id: string | undefined): OwnedProcess {
  const container = id === undefined ? undefined : { id, engine: "docker" as const, user: undefined };
  const unit = id === undefined ? "ollama.service" : undefined;
  const command = words[0]?.split("/").at(-1) ?? "";
  const startMs = UPTIME_MS - 11_524_000;
  return { pid, uid, command, words, startMs, cpuMs: 5_762_000, hostMemoryBytes: 2100 * MIB, place: { container, pod: undefined, unit } }; // prettier-ignore
}

function known(id: string, name: string, more: Partial<KnownContainer> = {}): KnownContainer {
  return { id, engine: "docker", name, image: undefined, project: undefined, isListed: true, ...more };
}

const WEB = known(WEB_ID, "web-1", { image: "registry.example/infer:1.27", project: "shop" });
const TRAIN = known(TRAIN_ID, "trainer", { image: "registry.example/train:3", pod: { name: "train-0", namespace: "ml" } }); // prettier-ignore
const GONE: KnownContainer = { ...known(GONE_ID, ""), name: undefined, isListed: false };

export function lease(key: string, more: Partial<Lease> = {}): Lease {
  const device = { key, gpuKey: key.split("/")[0] ?? "", name: key[5] ?? "", visibleName: "" };
  return {
    id: "3fa21b07c4d84e0f9a5d5e1f6b7c8d90",
    generation: 1,
    state: "RESERVED",
    mode: "own",
    owner: { boot: "b", pidNamespace: "n", pid: 4711, start: "1", cgroups: [] },
    uid: 1000,
    container: undefined,
    label: "",
    wish: "any",
    at: 0,
    since: UPTIME_MS - 61_000,
    seen: 0,
    devices: [device],
    ...more,
  };
}

const total = { memoryTotalBytes: 81_559 * MIB, memoryReservedBytes: 551 * MIB };
const power = { temperatureC: 64, powerW: 351.5, powerLimitW: 700, smClockMhz: 1980 };
const alice: GpuUser = { name: "web-1", container: WEB, user: "alice", memoryBytes: 11_821 * MIB, pids: [10] };

/** A machine on which everything happens at once. */
export const BUSY: GpusView = {
  driver: "570.133.20",
  gpus: [
    shownGpu(0, {
      ...total, ...power, gpuPercent: 96, memoryUsedBytes: 11_848 * MIB, pcieRxBytesPerSecond: 1.2e9, pcieTxBytesPerSecond: 3e7,
      processes: [{ pid: 10, kind: "compute", memoryBytes: 11_821 * MIB, gpuPercent: 93, memoryPercent: 40 }],
    }, { users: [alice] }),
    shownGpu(1, {
      ...total, ...power, gpuPercent: 60, memoryUsedBytes: 71_821 * MIB, temperatureC: 102,
      processes: [
        { pid: 20, kind: "compute", memoryBytes: 60_000 * MIB, gpuPercent: 50 },
        { pid: 30, kind: "both", memoryBytes: 11_800 * MIB },
      ],
    }, { lastXid: { bus: "0000:1b:00.0", code: 31, text: "pid=20", sinceBootMs: 5 } }),
    shownGpu(2, { gpuPercent: 12 }, { sick: "it has not answered within 1 second, after its utilisation" }),
    shownGpu(3, { ...total, ...power, gpuPercent: 0, memoryUsedBytes: 4 * MIB, temperatureC: 31, powerW: 62, processes: [] }),
    shownGpu(4, {
      ...total, ...power, isMigEnabled: true, memoryUsedBytes: 9000 * MIB,
      processes: [{ pid: 21, kind: "compute", memoryBytes: 9000 * MIB, gpuInstance: 1, computeInstance: 0 }],
    }, { parts: [
      { name: "4:0", gpuInstance: 1, computeInstance: 0, uuid: "MIG-a", profile: "3g.40gb", memoryTotalBytes: 40_192 * MIB, memoryUsedBytes: 9000 * MIB, users: [] },
      { name: "4:1", gpuInstance: 5, computeInstance: 0, uuid: "MIG-b", profile: undefined, memoryTotalBytes: 19_968 * MIB, memoryUsedBytes: 0, users: [] },
    ] }),
    shownGpu(5, { ...total, ...power, gpuPercent: 100, memoryUsedBytes: 4000 * MIB, processes: [{ pid: 40, kind: "compute", memoryBytes: 2000 * MIB }, { pid: 99, kind: "compute", memoryBytes: 10 * MIB }] }),
  ],
  owned: new Map([
    [10, owned(10, 1000, ["python", "serve.py", "--port", "80"], WEB_ID)],
    [20, owned(20, 1001, ["/usr/bin/python3", "train.py", "--evil=\u001b[2J"], TRAIN_ID)],
    [21, owned(21, 1001, ["/usr/bin/python3", "eval.py"], TRAIN_ID)],
    [30, owned(30, 0, ["/usr/bin/ollama", "runner"], undefined)],
    [40, owned(40, 1000, ["left-over"], GONE_ID)],
  ]),
  userNames: new Map([[0, "root"], [1000, "alice"], [1001, "bob"]]),
  containers: new Map([[WEB_ID, WEB], [TRAIN_ID, TRAIN], [GONE_ID, GONE]]),
  leases: [lease("0000:0b:00.0", { label: "web" }), lease("0000:3b:00.0"), lease("0000:4b:00.0/1/0", { uid: 1001, mode: "exclusive" })],
  seesAll: true,
  uptimeMs: UPTIME_MS,
  errors: ["GPU 2: it has not answered within 1 second, after its utilisation"],
}; // prettier-ignore
