import { describe, expect, test } from "bun:test";
import type { GpuState } from "../../nvml/index.ts";
import type { GpuUser, KnownContainer } from "../../watch/index.ts";
import { formatGpus } from "./format-gpus.ts";
import type { GpusView, ShownGpu } from "./gpu-view.ts";
import { BUSY } from "./view.test-helper.ts";
import { viewToJson } from "./view-to-json.ts";
import { schemaFaults } from "./schema.test-helper.ts";

const MIB = 2 ** 20;
const ID = "4f0c1f6f1f7b2d5a7f3a9e1b6c8d0e2f4a6b8c0d1e3f5a7b9c1d3e5f7a9b1c3d";
const WEB: KnownContainer = {
  id: ID,
  engine: "docker",
  name: "web-1",
  image: "registry.example/nginx:1.27",
  project: "shop",
};

function gpu(index: number, state: Partial<GpuState>, users: readonly GpuUser[] = []): ShownGpu {
  const bus = `0000:${index}b:00.0`;
  const whole = { target: bus, facts: {}, faults: [], sick: undefined, ...state };
  const nothing = { parts: [], lastXid: undefined, nvlinkRates: undefined };
  return { index, bus, minor: index, uuid: `GPU-${index}`, model: "NVIDIA H100 80GB HBM3", state: whole, users, ...nothing }; // prettier-ignore
}

function load(gpuPercent: number, usedMib: number, temperatureC: number): Partial<GpuState> {
  return {
    facts: { gpuPercent, temperatureC, memoryUsedBytes: usedMib * MIB, memoryTotalBytes: 81_559 * MIB, powerW: 351.5 },
  };
}

const alice: GpuUser = { name: "web-1", container: WEB, user: "alice", memoryBytes: 11_821 * MIB, pids: [10, 11] };
const bob: GpuUser = { name: "train.py", container: undefined, user: "bob", memoryBytes: 60_000 * MIB, pids: [20] };
const gone: GpuUser = { name: "pid 99", container: undefined, user: undefined, memoryBytes: undefined, pids: [99] };
const VIEW: GpusView = {
  driver: "570.133.20",
  gpus: [
    gpu(0, load(96, 11_848, 77), [alice]),
    gpu(1, load(5, 4, 31)),
    gpu(2, load(60, 71_821, 102), [bob, alice, gone]),
    gpu(3, { sick: "it has not answered within 1 second, after its utilisation", facts: { gpuPercent: 3 } }),
    gpu(4, { ...load(0, 0, 30), faults: ["nvmlDeviceGetPowerUsage: NO_DATA"] }, [gone]),
    gpu(10, { facts: { processes: [{ pid: 10, kind: "compute" }, { pid: 99, kind: "both", memoryBytes: 7 }] } }),
    { ...gpu(11, { sick: "the driver has lost 0000:bb:00.0: it has fallen off the bus" }), index: undefined, model: "?" },
  ],
  owned: new Map([
    [10, { pid: 10, uid: 1000, command: "python", words: ["python", "train.py"], startMs: 1000, cpuMs: 30_000, hostMemoryBytes: 2 ** 31, place: { container: { id: ID, engine: "docker", user: undefined }, pod: undefined, unit: undefined } }],
  ]),
  userNames: new Map([[1000, "alice"]]),
  containers: new Map([[ID, WEB]]),
  leases: undefined,
  seesAll: true,
  uptimeMs: 61_000,
  errors: ["GPU 3: it has not answered within 1 second, after its utilisation"],
}; // prettier-ignore

/** GPU 3, the sick one, is leased. */
const [lease] = BUSY.leases ?? [];
const LEASED: GpusView = {
  ...VIEW,
  leases: lease === undefined ? [] : [{ ...lease, mode: "own", container: undefined, label: "", uid: 1000, devices: [{ key: "0000:3b:00.0", gpuKey: "0000:3b:00.0", name: "3", visibleName: "" }] }],
}; // prettier-ignore

describe("berth gpus", () => {
  test.each([60, 100, 200, undefined])("is one line a GPU in %p columns", (width) => {
    const text = formatGpus(VIEW, { hasColours: false, width });
    expect(text).toMatchSnapshot();
    const longest = Math.max(...text.split("\n").map((line) => Bun.stringWidth(line)));
    expect(longest).toBeLessThanOrEqual(width ?? Infinity);
    expect(text.trimEnd().split("\n")).toHaveLength(VIEW.gpus.length + 1);
  });

  test.each([60, 100, 200])("shows MIG devices, leases and the last Xid in %p columns", (width) => {
    const text = formatGpus(BUSY, { hasColours: false, width });
    expect(text).toMatchSnapshot();
    expect(Math.max(...text.split("\n").map((line) => Bun.stringWidth(line)))).toBeLessThanOrEqual(width);
  });

  test.each([20, 40, 79, 80])("is never longer than a terminal of %p columns", (width) => {
    for (const view of [VIEW, BUSY])
      for (const line of formatGpus(view, { hasColours: false, width }).split("\n").slice(1))
        expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width);
  });

  test("where a lease has no column, what is wrong with a GPU stands before it", () => {
    const lines = (width: number) => formatGpus(LEASED, { hasColours: false, width }).split("\n");
    expect([lines(80)[4], lines(120)[4]]).toEqual([
      expect.stringMatching(/ {2}SICK: it has not/),
      expect.stringMatching(/ {2}lease alice +SICK: it has not/),
    ]);
  });

  test("is the same text in colours", () => {
    const coloured = formatGpus(VIEW, { hasColours: true, width: 100 });
    expect(coloured).toMatchSnapshot();
    expect(Bun.stripANSI(coloured)).toBe(formatGpus(VIEW, { hasColours: false, width: 100 }));
  });

  test("shows nothing that a program or an image put into its name to steer a terminal", () => {
    const evil: GpuUser = { ...bob, name: "\u001b[2Jx\n", user: "a\rb", container: { ...WEB, image: "\u0007" } };
    const text = formatGpus({ ...VIEW, gpus: [gpu(0, {}, [evil])] }, { hasColours: false, width: undefined });
    expect(text.split("").filter((character) => character < " " && character !== "\n")).toEqual([]);
    expect(text.split("\n")).toHaveLength(3);
  });

  test("is as JSON what the schema says, each field always there", () => {
    const json: unknown = JSON.parse(viewToJson(VIEW, { schema: "berth-gpus-1", time: new Date(0), host: "node-7" }));
    expect(schemaFaults(json)).toEqual([]);
    expect(json).toMatchSnapshot();
  });

  test("the schema would see a field that is missing, is too many or is another type", () => {
    expect(schemaFaults({ schema: "x", time: 1, more: 1 })).toEqual(
      expect.arrayContaining([
        "$.driver is not there",
        "$.schema is not berth-gpus-1",
        "$.time is integer",
        "$.more is not in the schema",
      ]),
    );
  });
});
