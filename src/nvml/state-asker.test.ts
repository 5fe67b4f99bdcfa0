import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simUp, type SimHost } from "../sim/index.ts";
import { StateAsker, type GpuState, type StateAskerOptions } from "./index.ts";

// Each of them starts programs, and what hangs has its deadline in berth.
setDefaultTimeout(60_000);

const CHILD = [process.execPath, join(import.meta.dir, "states.test-helper.ts")];
const DOUBLE = join(import.meta.dir, "double.test-helper.c");
const isRoot = process.geteuid?.() === 0;
/** For what answers, however busy the machine is. */
const LONG_MS = 20_000;
/** For what hangs; the others answer in far less. */
const SHORT_MS = 1500;

/** What all GPUs say, once. */
async function askStates(options: StateAskerOptions): Promise<readonly GpuState[]> {
  using asker = new StateAsker(options);
  await asker.ask();
  return asker.states;
}

let work = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "berth-states-"));
});
afterAll(() => rmSync(work, { recursive: true }));

// A simulated driver answers only where device nodes are real, and only root enters another root.
describe.skipIf(!isRoot)("the state of GPUs (needs root)", () => {
  let host: SimHost;
  let library = "";
  let buses: readonly string[] = [];
  const write = (...lines: readonly string[]): void =>
    writeFileSync(join(host.dir, "var/lib/berth-sim/nvml-state"), lines.map((line) => `${line}\n`).join(""));
  const ask = (deadlineMs = LONG_MS, targets = buses): Promise<readonly GpuState[]> =>
    askStates({
      argv: (asked) => [...CHILD, host.dir, library, ...asked],
      targets,
      deadlineMs,
      startMs: LONG_MS,
    });
  const sickness = (states: readonly GpuState[]) => states.map(({ sick }) => sick);

  beforeAll(() => {
    host = simUp(join(work, "host"), "h100x8", { executable: "/opt/berth/berth" });
    mkdirSync(join(host.dir, "var/lib/berth-sim"), { recursive: true });
    library = [...new Bun.Glob("usr/lib/*/libnvidia-ml.so.1").scanSync({ cwd: host.dir, onlyFiles: false })][0] ?? "";
    library = `/${library}`;
    buses = readdirSync(join(host.dir, "proc/driver/nvidia/gpus")).toSorted();
  });
  beforeEach(() => rmSync(join(host.dir, "var/lib/berth-sim/nvml-state"), { force: true }));

  test("is all that the driver says of each, in the order asked, and nobody is sick where nothing is wrong", async () => {
    write(
      "0 gpu-percent 96",
      "0 memory-percent 41",
      "0 memory-used-mib 11848",
      "0 memory-reserved-mib 551",
      "0 temperature 77",
      "0 fan-percent 30",
      "0 power-mw 351500",
      "0 power-limit-mw 700000",
      "0 clock-mhz 1980",
      "0 memory-clock-mhz 2619",
      "0 ecc-corrected 5",
      "0 ecc-uncorrected 2",
      "0 rows-corrected 1",
      "0 rows-uncorrected 3",
      "0 rows-pending 1",
      "0 persistence 0",
      "0 pcie-generation 5",
      "0 pcie-width 8",
      "0 nvlink 0 1 2",
      "0 nvlink 17 0",
      "0 process 4242 11821",
      "0 graphics-process 4242 11821",
      "0 graphics-process 77 9 3 0",
      "0 process-percent 4242 80 30",
      "0 encoder-percent 3",
      "0 pcie-rx-kib 2048",
      "0 pcie-tx-kib 5",
      "0 nvlink-rx-kib 7",
    );
    const states = await ask();
    expect(states.map(({ target }) => target)).toEqual([...buses]);
    expect(sickness(states)).toEqual(buses.map(() => undefined));
    expect(states[0]).toEqual({
      target: buses[0] ?? "",
      sick: undefined,
      faults: [],
      facts: {
        uuid: host.profile.gpus[0]?.uuid,
        name: "NVIDIA H100 80GB HBM3",
        gpuPercent: 96,
        memoryPercent: 41,
        memoryTotalBytes: 85_520_809_984,
        memoryUsedBytes: 11_848 * 2 ** 20,
        memoryReservedBytes: 551 * 2 ** 20,
        temperatureC: 77,
        fanPercent: 30,
        powerW: 351.5,
        powerLimitW: 700,
        graphicsClockMhz: 1980,
        smClockMhz: 1980,
        memoryClockMhz: 2619,
        eccCorrected: 5,
        eccUncorrected: 2,
        rowsRemappedCorrected: 1,
        rowsRemappedUncorrected: 3,
        isRowRemapPending: true,
        hasRowRemapFailed: false,
        isEccEnabled: true,
        isPersistent: false,
        isMigEnabled: false,
        pcieGeneration: 5,
        pcieGenerationMax: 5,
        pcieWidth: 8,
        pcieWidthMax: 16,
        nvlinks: [
          { link: 0, isActive: true, remoteBus: buses[2] },
          { link: 17, isActive: false, remoteBus: undefined },
        ],
        processes: [
          { pid: 4242, kind: "both", memoryBytes: 11_821 * 2 ** 20, gpuPercent: 80, memoryPercent: 30 },
          { pid: 77, kind: "graphics", memoryBytes: 9 * 2 ** 20, gpuInstance: 3, computeInstance: 0 },
        ],
        encoderPercent: 3,
        decoderPercent: 0,
        pcieRxBytesPerSecond: 2048 * 1024,
        pcieTxBytesPerSecond: 5 * 1024,
        nvlinkRxBytes: 7 * 1024,
      },
    });
  });

  test("is told anew each time by the same child, and a GPU that hangs has one of its own until it answers", async () => {
    const started: (readonly string[])[] = [];
    const argv = (asked: readonly string[]) => {
      started.push(asked);
      return [...CHILD, host.dir, library, ...asked];
    };
    using asker = new StateAsker({ argv, targets: buses.slice(0, 3), deadlineMs: SHORT_MS, startMs: LONG_MS });
    const busy = () => asker.states.map(({ facts }) => facts.gpuPercent);
    await asker.ask();
    write("0 gpu-percent 10", "2 gpu-percent 30");
    await asker.ask();
    expect([busy(), started.length]).toEqual([[10, 0, 30], 1]);

    write("1 hang Temperature", "2 gpu-percent 40");
    await asker.ask();
    expect(sickness(asker.states)).toEqual([undefined, expect.stringContaining("after its utilisation"), undefined]);
    write("1 hang Temperature", "0 gpu-percent 11", "2 gpu-percent 41");
    await asker.ask();
    await asker.ask();
    expect([busy(), started.length]).toEqual([[11, 0, 41], 2]);
    expect(sickness(asker.states)[1]).toContain("it has not answered");
  });

  test("a child that is killed is replaced at the next time", async () => {
    const pids: number[] = [];
    const argv = (asked: readonly string[]) => ["sh", "-c", 'echo $$ >> "$0"; exec "$@"', join(work, "pids"), ...CHILD, host.dir, library, ...asked];
    using asker = new StateAsker({ argv, targets: buses.slice(0, 2), startMs: LONG_MS, deadlineMs: LONG_MS });
    await asker.ask();
    for (const pid of readFileSync(join(work, "pids"), "utf8").trim().split("\n")) pids.push(Number(pid));
    process.kill(pids[0] ?? 0, "SIGKILL");
    await asker.ask();
    await asker.ask();
    expect(sickness(asker.states)).toEqual([undefined, undefined]);
  }); // prettier-ignore

  test("is idle where nothing is said of it, and follows what changes", async () => {
    const [idle] = await ask(LONG_MS, buses.slice(0, 1));
    expect(idle?.facts).toMatchObject({ gpuPercent: 0, temperatureC: 30, processes: [] });
    write("0 gpu-percent 50");
    const [busy] = await ask(LONG_MS, buses.slice(0, 1));
    expect(busy?.facts).toMatchObject({ gpuPercent: 50, temperatureC: 30 });
  });

  test("more processes than there was room for are all there", async () => {
    write(...Array.from({ length: 200 }, (_, at) => `1 process ${at + 1} 10`));
    const [state] = await ask(LONG_MS, buses.slice(1, 2));
    expect(state?.facts.processes?.map(({ pid }) => pid)).toEqual(Array.from({ length: 200 }, (_, at) => at + 1));
  });

  test("a GPU that hangs when it is opened, first, last or in between, is sick, and all others answer", async () => {
    write("0 hang", "3 hang", "7 hang");
    const states = await ask(SHORT_MS);
    const late = "it has not answered within 1.5 seconds";
    expect(sickness(states)).toEqual([late, undefined, undefined, late, undefined, undefined, undefined, late]);
    expect(states[3]?.facts).toEqual({});
    expect(states[4]?.facts.temperatureC).toBe(30);
  });

  test("a GPU that hangs in the middle keeps what it said until then", async () => {
    write("2 hang Temperature", "2 gpu-percent 12");
    const states = await ask(SHORT_MS, buses.slice(2, 4));
    expect(sickness(states)).toEqual(["it has not answered within 1.5 seconds, after its utilisation", undefined]);
    expect(states[0]?.facts).toMatchObject({ gpuPercent: 12, memoryTotalBytes: 85_520_809_984 });
    expect(states[0]?.facts.temperatureC).toBeUndefined();
  });

  test("a GPU that is lost says so at once, with what it said until then", async () => {
    write("0 fail 15", "1 fail 16 PowerUsage");
    const states = await ask(LONG_MS, buses.slice(0, 3));
    expect(sickness(states)).toEqual([
      "nvmlDeviceGetHandleByPciBusId_v2: GPU_IS_LOST",
      "nvmlDeviceGetPowerUsage: RESET_REQUIRED",
      undefined,
    ]);
    expect(states[1]?.facts.temperatureC).toBe(30);
  });

  test("a question that fails loses one answer, with the reason; what the user may not see is not there", async () => {
    write("0 fail 2 PowerUsage", "0 fail 4 FanSpeed", "0 fail 3 EccMode");
    const [state] = await ask(LONG_MS, buses.slice(0, 1));
    expect(state).toMatchObject({ sick: undefined, faults: ["nvmlDeviceGetPowerUsage: INVALID_ARGUMENT"] });
    expect(state?.facts).toMatchObject({ powerLimitW: 400, temperatureC: 30, eccCorrected: 0 });
    for (const field of ["powerW", "fanPercent", "isEccEnabled"] as const) expect(state?.facts[field]).toBeUndefined();
  });

  test("what is only good to know may fail in any way, unless the GPU is gone", async () => {
    write("0 fail 999 PcieThroughput", "0 fail 2 EncoderUtilization", "1 fail 15 FieldValues");
    const [first, second] = await ask(LONG_MS, buses.slice(0, 2));
    expect(first).toMatchObject({ sick: undefined, faults: [], facts: { temperatureC: 30, decoderPercent: 0 } });
    expect(first?.facts.pcieRxBytesPerSecond).toBeUndefined();
    expect(second?.sick).toBe("nvmlDeviceGetFieldValues: GPU_IS_LOST");
  });

  test("a driver that has another layout of memory is asked in the first", async () => {
    write("0 fail 25 MemoryInfoV2", "0 memory-used-mib 100", "0 memory-reserved-mib 500");
    const [state] = await ask(LONG_MS, buses.slice(0, 1));
    expect(state?.facts).toMatchObject({ memoryUsedBytes: 600 * 2 ** 20 });
    expect(state?.facts.memoryReservedBytes).toBeUndefined();
  });

  test("a GPU that is not there is sick", async () => {
    expect(sickness(await ask(LONG_MS, ["0000:00:00.0"]))).toEqual(["the driver: it has no such GPU"]);
  });

  test("MIG devices have their memory, and the GPU no utilisation", async () => {
    const mig = simUp(join(work, "mig"), "a100x8-mig", { executable: "/opt/berth/berth" });
    const argv = (asked: readonly string[]) => [...CHILD, mig.dir, library, ...asked];
    const [state] = await askStates({ argv, targets: ["0"], deadlineMs: LONG_MS, startMs: LONG_MS });
    expect(state?.facts.isMigEnabled).toBe(true);
    expect(state?.facts.gpuPercent).toBeUndefined();
    const parts = mig.profile.gpus[0]?.mig ?? [];
    expect(state?.facts.migDevices?.map(({ uuid }) => uuid)).toEqual(parts.map(({ uuid }) => uuid));
    expect(state?.facts.migDevices?.[0]?.memoryTotalBytes).toBeGreaterThan(2 ** 30);
  });
});

describe("a library that is not as it should be", () => {
  const make = (...macros: readonly string[]): string => {
    const library = join(work, `libnvidia-ml-${macros.join("-")}.so`);
    const defines = macros.map((macro) => `-D${macro}`);
    const { exitCode, stderr } = Bun.spawnSync(["gcc", "-shared", "-fPIC", "-w", ...defines, "-o", library, DOUBLE]);
    if (exitCode !== 0) throw new Error(stderr.toString());
    return library;
  };
  const ask = (library: string, startMs = LONG_MS) =>
    askStates({
      argv: (asked) => [...CHILD, "/", library, ...asked],
      targets: ["0", "1", "2"],
      deadlineMs: LONG_MS,
      startMs,
    });

  test("loses only the answers that it has no entry points for", async () => {
    const states = await ask(make("OLD"));
    expect(states.map(({ sick, faults }) => [sick, faults])).toEqual([
      [undefined, []],
      ["nvmlDeviceGetHandleByIndex_v2: GPU_IS_LOST", []],
      [undefined, []],
    ]);
    expect(states[0]?.facts).toMatchObject({ uuid: "GPU-0-0", name: "NVIDIA X1", isMigEnabled: true });
    expect(states[0]?.facts.temperatureC).toBeUndefined();
  });

  test.each([
    ["CRASH", "the driver could not be asked: the process that asked it ended with "],
    ["CHATTER", "the driver could not be asked: the process that asked it printed something else than an answer"],
    ["NO_DRIVER", "the driver could not be asked: nvmlInit_v2: DRIVER_NOT_LOADED"],
  ])("is the reason of every GPU (%s)", async (macro, why) => {
    const states = await ask(make(macro));
    expect(states.map(({ sick }) => sick)).toEqual([0, 1, 2].map(() => expect.stringContaining(why)));
  });

  test("is left alone where it hangs before the first GPU", async () => {
    const states = await ask(make("HANG"), 500);
    const why = "the driver could not be asked: it has not answered within 0.5 seconds";
    expect(states.map(({ sick }) => sick)).toEqual([why, why, why]);
  });

  test("is not asked by a program that cannot be started", async () => {
    const argv = () => [join(work, "missing")];
    expect(await askStates({ argv, targets: ["0"] })).toMatchObject([
      { sick: expect.stringContaining("cannot be started") },
    ]);
  });
});
