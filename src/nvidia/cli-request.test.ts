import { describe, expect, test } from "bun:test";
import { fakeHost } from "../grant/fake-host.test-helper.ts";
import type { Grant } from "../grant/index.ts";
import { POLICY } from "../grant/policy.test-helper.ts";
import type { Host } from "../host/index.ts";
import { cliGrant, cliRequest, type Wish } from "./cli-request.ts";
import { formatPeerError } from "./peer-error.ts";

const NOTHING: Wish = {
  devices: [],
  capabilities: [],
  requirements: [],
  migConfig: [],
  migMonitor: [],
  imexChannels: [],
};

function grant(wish: Partial<Wish>, host: Host = fakeHost(8)): Grant {
  const whole = { ...NOTHING, ...wish };
  return cliGrant(whole, cliRequest(whole), { host, policy: POLICY });
}

function errorOf(work: () => unknown, requirements: readonly string[] = []): string {
  try {
    work();
  } catch (error) {
    return formatPeerError("cli", error, requirements);
  }
  throw new Error("nothing was thrown");
}

const indices = ({ gpus }: Grant): readonly number[] => gpus.map(({ gpu }) => gpu.index);
const names = ({ capabilities }: Grant): readonly string[] => capabilities.map(({ name }) => name);

describe("cliRequest", () => {
  test("asks for the driver alone where no device is named, and for no capability where none is", () => {
    const request = cliRequest(NOTHING);
    expect(request).toMatchObject({ wants: "driver", devices: [], capabilities: [], isPrivileged: true });
    expect(names(grant({ devices: ["0"] }))).toEqual([]);
  });

  test("asks for devices, capabilities, conditions, channels and MIG rights as the variables would", () => {
    const request = cliRequest({
      devices: ["0", "GPU-1fa2"],
      capabilities: ["utility"],
      requirements: ["cuda>=12.0", "arch>=8.0"],
      migConfig: ["all"],
      migMonitor: ["ALL"],
      imexChannels: ["0", "3"],
    });
    expect(request.devices).toEqual([
      { kind: "index", index: 0 },
      { kind: "gpu-uuid", prefix: "GPU-1fa2" },
    ]);
    expect(request.capabilities).toEqual(["utility"]);
    expect(request.conditions).toEqual([
      { variable: "NVIDIA_REQUIRE_0", text: "cuda>=12.0" },
      { variable: "NVIDIA_REQUIRE_1", text: "arch>=8.0" },
    ]);
    expect(request.imexChannels.map(({ channel }) => channel)).toEqual([0, 3]);
    expect(request.migControl.map(({ what }) => what)).toEqual(["config", "monitor"]);
    expect([request.devicesOrigin.text, request.capabilitiesOrigin.text]).toEqual(["--device=0,GPU-1fa2", "--utility"]);
  });

  test("takes what a Tegra image demands for a choice of lists, not for a condition", () => {
    const request = cliRequest({ ...NOTHING, requirements: ["csv-mounts=all", "base-only", "driver>=1"] });
    expect(request.wantsAllCsvFiles).toBe(true);
    expect(request.conditions).toEqual([{ variable: "NVIDIA_REQUIRE_2", text: "driver>=1" }]);
  });

  test.each([
    ["void", "cli: device error: void: unknown device\ncli: BERTH-R002: "],
    ["acme.example/thing=1", "cli: device error: acme.example/thing=1: unknown device\ncli: BERTH-R002: "],
    ["zero", "cli: device error: zero: unknown device\ncli: BERTH-R002: "],
    ["GPU-xyz", "cli: device error: GPU-xyz: unknown device\ncli: BERTH-R002: "],
  ])("names the id that cannot be read: %s", (id, start) => {
    expect(errorOf(() => cliRequest({ ...NOTHING, devices: ["0", id, "1"] }))).toStartWith(start);
  });

  test.each([
    ["migConfig", "mig-config"],
    ["migMonitor", "mig-monitor"],
  ] as const)("has MIG rights of all GPUs or of none: %s", (field, phase) => {
    expect(errorOf(() => cliRequest({ ...NOTHING, [field]: ["0"] }))).toStartWith(
      `cli: ${phase} error: 0: only 'all' devices are currently supported\ncli: BERTH-R002: `,
    );
  });
});

describe("cliGrant", () => {
  test("gives what is asked, all in any case", () => {
    expect(indices(grant({ devices: ["2", "0"], capabilities: ["compute"] }))).toEqual([0, 2]);
    expect(indices(grant({ devices: ["ALL"] }))).toEqual(indices(grant({ devices: ["all"] })));
  });

  test("names the device that is not there", () => {
    expect(errorOf(() => grant({ devices: ["0", "99"] }))).toBe(
      'cli: device error: 99: unknown device\ncli: BERTH-R001: Cannot find GPU 99: this host has 8 GPUs, 0 to 7; remedy: list the devices with "berth host"\n',
    );
    expect(errorOf(() => grant({ devices: ["all"] }, fakeHost(0)))).toStartWith(
      "cli: device error: all: unknown device\n",
    );
  });

  test("refuses a condition that is not met, and one that cannot be read, in the known words", () => {
    const refusal = (text: string): string =>
      errorOf(() => grant({ devices: ["0"], requirements: ["driver>=1", text] }), ["driver>=1", text]);
    expect(refusal("cuda>=99.0")).toStartWith(
      "cli: requirement error: unsatisfied condition: cuda>=99.0, please update your driver to a newer version, or use an earlier cuda container\ncli: BERTH-R007: ",
    );
    expect(refusal("brand=grid,driver>=1 arch>=99")).toStartWith(
      "cli: requirement error: unsatisfied condition: brand=grid,driver>=1\ncli: BERTH-R007: ",
    );
    expect(refusal("cuda==12")).toStartWith("cli: requirement error: invalid expression\ncli: BERTH-R006: ");
  });

  test("says that NVML is missing where the driver has no library at all", () => {
    expect(errorOf(() => grant({ devices: ["0"] }, { ...fakeHost(1), libraries: [] }))).toStartWith(
      "cli: initialization error: load library failed: libnvidia-ml.so.1: cannot open shared object file: no such file or directory\ncli: BERTH-D002: ",
    );
  });
});
