import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseDeviceList } from "./index.ts";

const UUID = "GPU-11111111-2222-3333-4444-555555555555";

test.each([
  ["", "nothing", []],
  [" ", "nothing", []],
  [",", "nothing", []],
  ["void", "nothing", []],
  ["0,void", "nothing", []],
  ["all,void", "nothing", []],
  ["none", "driver", []],
  ["0,none", "driver", []],
  ["none,all", "driver", []],
  ["all", "devices", [{ kind: "all" }]],
  ["0,all", "devices", [{ kind: "all" }]],
  ["all,none", "devices", [{ kind: "all" }]],
  ["0", "devices", [{ kind: "index", index: 0 }]],
  ["00", "devices", [{ kind: "index", index: 0 }]],
  ["007", "devices", [{ kind: "index", index: 7 }]],
  [
    " 1 , 0 ,",
    "devices",
    [
      { kind: "index", index: 1 },
      { kind: "index", index: 0 },
    ],
  ],
  ["0,0", "devices", [{ kind: "index", index: 0 }]],
  [UUID, "devices", [{ kind: "uuid", uuid: UUID }]],
  [`${UUID},${UUID.toLowerCase().replace("gpu", "GPU")}`, "devices", [{ kind: "uuid", uuid: UUID }]],
] as const)("NVIDIA_VISIBLE_DEVICES=%j wants %s: %j", (value, wants, devices) => {
  expect(parseDeviceList(value)).toEqual({ wants, devices: [...devices] });
});

test.each([
  "0x0",
  "-1",
  "+1",
  "1e3",
  "1.0",
  "٣",
  "0 1",
  "65536",
  "99999999999999999999",
  "gpu0",
  "x",
  "GPU-1",
  "GPU-",
  "0:1",
  "MIG-1",
  "nvidia.com/gpu=0",
  "All",
])("%j is refused as a device id with code, cause and remedy", (value) => {
  expect(() => parseDeviceList(value)).toThrow(
    expect.objectContaining({ code: "BERTH-R002", remedy: expect.stringContaining("index") }),
  );
});

test("a list of indices, however often repeated, asks for each of them once", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1 }), (indices) => {
      const { wants, devices } = parseDeviceList(indices.join(","));
      expect(wants).toBe("devices");
      expect(devices.map((device) => (device.kind === "index" ? device.index : -1))).toEqual([...new Set(indices)]);
    }),
  );
});

test.each([
  ["99999", "no index is above 65535"],
  ["0:1", "single MIG devices"],
  ["0000:0a:00.0", "PCI addresses"],
  ["nvidia.com/gpu=0", "CDI names"],
  ["GPU-1234", "not a full GPU UUID"],
])("the refusal of %j says what is wrong with it: %s", (value, why) => {
  expect(() => parseDeviceList(value)).toThrow(why);
});

test("an id of a megabyte is quoted only in part", () => {
  expect(() => parseDeviceList("x".repeat(1_000_000))).toThrow(/^.{1,300}$/);
});
