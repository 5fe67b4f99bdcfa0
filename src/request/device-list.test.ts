import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseDeviceList, parseWish, type DeviceRequest } from "./index.ts";

const UUID = "GPU-11111111-2222-3333-4444-555555555555";
const MIG = "MIG-1a49e465-7090-53ae-acca-58348cc36dc7";

const all: DeviceRequest = { kind: "all" };
const index = (number: number): DeviceRequest => ({ kind: "index", index: number });
const uuid = (prefix: string): DeviceRequest => ({ kind: "gpu-uuid", prefix });
const part = (gpu: number, mig: number): DeviceRequest => ({ kind: "mig-index", gpu, mig });

type Row = readonly [value: string, wants: string, devices: readonly DeviceRequest[]];

const ROWS: readonly Row[] = [
  // Nothing, the driver alone, everything: the first special value decides, void anywhere.
  ["", "nothing", []],
  [" ", "nothing", []],
  [",", "nothing", []],
  ["void", "nothing", []],
  ["0,void", "nothing", []],
  ["all,void", "nothing", []],
  ["none", "driver", []],
  ["0,none", "driver", []],
  ["none,all", "driver", []],
  ["all", "devices", [all]],
  ["0,all", "devices", [all]],
  ["all,none", "devices", [all]],
  // Indices.
  ["0", "devices", [index(0)]],
  ["00", "devices", [index(0)]],
  ["007", "devices", [index(7)]],
  [" 1 , 0 ,", "devices", [index(1), index(0)]],
  // Duplicates collapse: the peer gives such a container no GPU at all.
  ["0,0", "devices", [index(0)]],
  ["0,1,0,00", "devices", [index(0), index(1)]],
  ["0:1,0:1", "devices", [part(0, 1)]],
  // UUIDs, whole or their beginning, in any case.
  [UUID, "devices", [uuid(UUID)]],
  [`${UUID},${UUID.toUpperCase()}`, "devices", [uuid(UUID)]],
  ["GPU-1", "devices", [uuid("GPU-1")]],
  ["gpu-11111111-22", "devices", [uuid("GPU-11111111-22")]],
  [MIG, "devices", [{ kind: "mig-uuid", prefix: MIG }]],
  [MIG.toLowerCase(), "devices", [{ kind: "mig-uuid", prefix: MIG }]],
  [`MIG-${UUID}/1/0`, "devices", [{ kind: "mig-parts", gpuUuid: UUID, gpuInstance: 1, computeInstance: 0 }]],
  // PCI addresses, as lspci, nvidia-smi and the NVIDIA container CLI write them.
  ["0000:0a:00.0", "devices", [{ kind: "pci", bus: "0000:0a:00.0" }]],
  ["00000000:0A:00.0", "devices", [{ kind: "pci", bus: "0000:0a:00.0" }]],
  // MIG device j of GPU i.
  ["0:1", "devices", [part(0, 1)]],
  ["3:0,3:1", "devices", [part(3, 0), part(3, 1)]],
  // Qualified CDI names, alone and among plain ids.
  ["nvidia.com/gpu=0", "devices", [index(0)]],
  ["nvidia.com/gpu=all", "devices", [all]],
  ["nvidia.com/gpu=none", "driver", []],
  ["nvidia.com/gpu=0:1", "devices", [part(0, 1)]],
  [`nvidia.com/gpu=${UUID}`, "devices", [uuid(UUID)]],
  ["nvidia.com/gpu=gpu3", "devices", [index(3)]],
  ["nvidia.com/gpu=mig0:1", "devices", [part(0, 1)]],
  ["runtime.nvidia.com/gpu=2,1", "devices", [index(2), index(1)]],
];

test.each(ROWS)("NVIDIA_VISIBLE_DEVICES=%j wants %s: %j", (value, wants, devices) => {
  expect(parseDeviceList(value)).toMatchObject({ wants, devices });
});

const wish = (words: string) => ({ wants: "devices", devices: [], wish: parseWish(words), claim: undefined });

test.each([
  ["any", "any"],
  [" Any:2 ", "any:2"],
  ["auto:2", "any:2"],
  // Lists are split at commas, and may come as several parts.
  ["any:2,mem>=20G,cc>=8.6,model~A100,link=nvlink", "any:2,mem>=20G,cc>=8.6,model~A100,link=nvlink"],
  ["any:2, mem>=20G ,exclusive", "any:2,mem>=20G,exclusive"],
  ["any:1,mig=1g.10gb,optional", "any:1,mig=1g.10gb,optional"],
  ["optional", "any:1,optional"],
  ["optional,mem>=20G", "any:1,mem>=20G,optional"],
  ["nvidia.com/gpu=any:2", "any:2"],
  ["nvidia.com/gpu=auto:2,mem>=20G", "any:2,mem>=20G"],
  ["runtime.nvidia.com/gpu=any", "any"],
])("NVIDIA_VISIBLE_DEVICES=%j is the wish %s, and names no device", (value, words) => {
  expect(parseDeviceList(value)).toMatchObject({ ...wish(words), isOptional: parseWish(words).isOptional });
});

test.each([
  ["0,1,exclusive", [index(0), index(1)], "exclusive", false],
  ["0,Shared", [index(0)], "shared", false],
  ["all,optional", [all], undefined, true],
  [`${UUID},optional,exclusive`, [uuid(UUID)], "exclusive", true],
  ["nvidia.com/gpu=0,exclusive", [index(0)], "exclusive", false],
  ["0", [index(0)], undefined, false],
] as const)("behind ids stands how they are wanted: %j", (value, devices, claim, isOptional) => {
  expect(parseDeviceList(value)).toMatchObject({ wants: "devices", devices, wish: undefined, claim, isOptional });
});

test.each([
  ["any:0", "BERTH-A001", "asks for no GPU"],
  ["any:2,meem>=20G", "BERTH-A001", 'did you mean "mem"?'],
  ["any:2,0", "BERTH-A001", '"0" is no condition'],
  ["any,any", "BERTH-A001", '"any" is no condition'],
  ["any,shared", "BERTH-A001", '"shared" goes with GPUs that are named'],
  ["0,any:2", "BERTH-R002", "a wish for any GPU stands first"],
  ["ayn:2", "BERTH-R002", 'did you mean "any:2"?'],
  ["aut", "BERTH-R002", 'did you mean "auto"?'],
  ["0,exclusiv", "BERTH-R002", 'did you mean "exclusive"?'],
  ["optinal", "BERTH-R002", 'did you mean "optional"?'],
  ["exclusive", "BERTH-R002", '"exclusive" stands behind the GPUs'],
  ["0,exclusive,1", "BERTH-R002", "neither an index nor a UUID"],
  ["0,shared,exclusive", "BERTH-R002", 'both "shared" and "exclusive"'],
  ["acme.example/fpga=1,exclusive", "BERTH-R002", "what a CDI file gives is not known before"],
])("%j is refused with %s: %s", (value, code, why) => {
  expect(() => parseDeviceList(value)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(why) }),
  );
});

test("void asks for nothing, beside a wish too; none is the driver alone, however it is claimed", () => {
  expect(parseDeviceList("any:2,void")).toMatchObject({ wants: "nothing", wish: undefined });
  expect(parseDeviceList("none,optional")).toMatchObject({ wants: "driver", devices: [] });
});

test.each([
  ["0x0", "neither an index nor a UUID"],
  ["-1", "neither an index nor a UUID"],
  ["+1", "neither an index nor a UUID"],
  ["1e3", "neither an index nor a UUID"],
  ["1.0", "neither an index nor a UUID"],
  ["٣", "neither an index nor a UUID"],
  ["0 1", "neither an index nor a UUID"],
  ["65536", "no index is above 65535"],
  ["99999999999999999999", "no index is above 65535"],
  ["0:999", "no MIG device has a number above 255"],
  ["x", "neither an index nor a UUID"],
  ["gpu0", 'did you mean "0"?'],
  ["al", 'did you mean "all"?'],
  ["All", 'did you mean "all"?'],
  ["NONE", 'did you mean "none"?'],
  ["GPU-", "no UUID, nor the beginning of one"],
  ["GPU-1111111-", "no UUID, nor the beginning of one"],
  ["GPU-xyz", "no UUID, nor the beginning of one"],
  [`${UUID}0`, "no UUID, nor the beginning of one"],
  ["0a:00.0", "a PCI address has the form 0000:1b:00.0"],
  [`MIG-${UUID}/1`, "no UUID, nor the beginning of one"],
])("%j is refused as a device id: %s", (value, why) => {
  expect(() => parseDeviceList(value)).toThrow(
    expect.objectContaining({
      code: "BERTH-R002",
      message: expect.stringContaining(why),
      remedy: expect.stringContaining("index"),
    }),
  );
});

test.each(["nvidia.com/gpu=mig0", "nvidia.com/gpu=gpu0:1"])(
  "%j mixes up GPUs and MIG devices, and is refused",
  (value) => {
    expect(() => parseDeviceList(value)).toThrow(expect.objectContaining({ code: "BERTH-R002" }));
  },
);

test("a list that no process could be started with is refused at once", () => {
  expect(() => parseDeviceList("0,".repeat(100_000))).toThrow("more than 131072 characters");
});

test.each([
  ["nvidia.com/gpus=0", [], ["nvidia.com/gpus=0"]],
  ["acme.example/fpga=1,2", [2], ["acme.example/fpga=1"]],
  [
    "0,management.nvidia.com/gpu=all,acme.example/fpga=1",
    [0],
    ["management.nvidia.com/gpu=all", "acme.example/fpga=1"],
  ],
])("of %j the devices of other kinds are left to CDI files", (value, numbers, cdiDevices) => {
  const list = parseDeviceList(value);
  expect(list.cdiDevices).toEqual(cdiDevices);
  expect(list.devices).toEqual(numbers.map(index));
  expect(list.wants).toBe(numbers.length === 0 ? "nothing" : "devices");
});

test("a list of ids, however often repeated and however spelled, asks for each of them once", () => {
  const spelled = fc.nat(20).chain((id) => fc.constantFrom(`${id}`, `0${id}`, ` ${id}`, `nvidia.com/gpu=${id}`));
  fc.assert(
    fc.property(fc.array(spelled, { minLength: 1 }), (ids) => {
      const { wants, devices } = parseDeviceList(ids.join(","));
      expect(wants).toBe("devices");
      const asked = ids.map((id) => Number(id.replace("nvidia.com/gpu=", "")));
      expect(devices.map((device) => (device.kind === "index" ? device.index : -1))).toEqual([...new Set(asked)]);
    }),
  );
});

test("whatever text stands there, it is read or refused with a code, and never taken for nothing unless it says so", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const ids = text.split(",").map((id) => id.trim());
      const isEmpty = ids.every((id) => id === "");
      try {
        expect(parseDeviceList(text).wants === "nothing").toBe(isEmpty || ids.includes("void"));
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^BERTH-(?:R00[24]|A001)$/) });
      }
    }),
  );
});

test("an id of a megabyte is quoted only in part", () => {
  expect(() => parseDeviceList("x".repeat(1_000_000))).toThrow(/^.{1,300}$/);
});
