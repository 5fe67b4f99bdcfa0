import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { CAPABILITIES, type Gpu, type Host, type MigDevice } from "../host/index.ts";
import { readRequest } from "../request/index.ts";
import { makeSource } from "../request/source.test-helper.ts";
import { fakeGpu, fakeHost, fakeNode, learnt } from "./fake-host.test-helper.ts";
import { decide, goesWithout, type Grant, type Policy } from "./index.ts";
import { POLICY } from "./policy.test-helper.ts";

const MIG: MigDevice = fakeGpu(2).migDevices[0] ?? never();

function never(): never {
  throw new TypeError("the fake host has no MIG device");
}

function without(path: string): Host {
  return fakeHost(1, { controlNodes: fakeHost(1).controlNodes.filter((node) => node.path !== path) });
}

function decideFor(devices: string, host: Host = fakeHost(4), capabilities = "", policy: Policy = POLICY) {
  const env = [`NVIDIA_VISIBLE_DEVICES=${devices}`, `NVIDIA_DRIVER_CAPABILITIES=${capabilities}`];
  return decide(readRequest(makeSource({ env })), host, policy);
}

function granted(...args: Parameters<typeof decideFor>): Grant {
  const decision = decideFor(...args);
  if (decision.kind !== "granted") throw new Error(JSON.stringify(decision));
  return decision.grant;
}

const indices = (grant: Grant) => grant.gpus.map(({ gpu }) => gpu.index);

test("indices and UUIDs give those GPUs, each once and by index", () => {
  expect(indices(granted("1,0"))).toEqual([0, 1]);
  expect(indices(granted("GPU-00000000-0000-0000-0000-000000000001,1"))).toEqual([1]);
});

test("all gives every whole GPU, and the MIG devices of the split ones", () => {
  const grant = granted("all");
  expect(indices(grant)).toEqual([0, 1, 3]);
  expect(grant.migDevices.map(({ parent, device }) => [parent.index, device.gpuInstance])).toEqual([[2, 10], [2, 20]]); // prettier-ignore
});

test("the index of a split GPU gives the GPU and none of its parts", () => {
  const grant = granted("2");
  expect(indices(grant)).toEqual([2]);
  expect(grant.migDevices).toEqual([]);
});

test.each(["any", "auto:2,mem>=20G", "optional", "nvidia.com/gpu=any:2"])(
  "what leaves open which GPU (%s) is refused where nobody has chosen one: it is neither nothing nor all",
  (devices) => {
    for (const host of [fakeHost(4), fakeHost(0)]) {
      expect(decideFor(devices, host)).toMatchObject({ kind: "refused", problem: { code: "BERTH-R010" } });
    }
  },
);

test("only that a GPU is not here is no fault for who can do without", () => {
  const optional = readRequest(makeSource({ env: ["NVIDIA_VISIBLE_DEVICES=all,optional"] }));
  const named = readRequest(makeSource({ env: ["NVIDIA_VISIBLE_DEVICES=all"] }));
  expect(goesWithout(optional, { code: "BERTH-R001" })).toBe(true);
  expect(goesWithout(optional, { code: "BERTH-D001" })).toBe(true);
  expect(goesWithout(optional, { code: "BERTH-R007" })).toBe(false);
  expect(goesWithout(named, { code: "BERTH-R001" })).toBe(false);
});

test("none gives the driver and no GPU", () => {
  expect(indices(granted("none"))).toEqual([]);
});

test("capabilities: the default, all, and a list; each with its reason", () => {
  const names = (capabilities: string) => granted("0", fakeHost(1), capabilities).capabilities.map(({ name }) => name);
  expect(names("")).toEqual(["compute", "utility"]);
  expect(names("utility")).toEqual(["utility"]);
  expect(names("all")).toEqual([...CAPABILITIES]);
  expect(granted("0", fakeHost(1), "utility").capabilities[0]?.reason).toBe("NVIDIA_DRIVER_CAPABILITIES=utility");
});

test.each([
  [
    "a host without a driver",
    "0",
    fakeHost(0, { driver: undefined, absence: { why: "the module is asleep", remedy: "wake it" } }),
    "",
    "BERTH-D001",
    "Cannot give the container a GPU: the module is asleep",
  ],
  ["an index beyond the last GPU", "0,9", fakeHost(8), "", "BERTH-R001", "this host has 8 GPUs, 0 to 7"],
  ["a GPU on a host without any", "0", fakeHost(0), "", "BERTH-R001", "this host has no GPU"],
  [
    "a UUID that is almost right",
    "GPU-00000000-0000-0000-0000-000000000009",
    fakeHost(2),
    "",
    "BERTH-R001",
    "did you mean GPU-00000000-0000-0000-0000-000000000000 (GPU 0)?",
  ],
  [
    "a UUID of another host",
    "GPU-12345678-1234-1234-1234-123456789012",
    fakeHost(2),
    "",
    "BERTH-R001",
    "no GPU of this host has this UUID",
  ],
  [
    "a UUID while the driver does not know them",
    "GPU-12345678-1234-1234-1234-123456789012",
    fakeHost(0, { gpus: [fakeGpu(0, { uuid: undefined })] }),
    "",
    "BERTH-R001",
    "not yet told the UUIDs of GPU 0",
  ],
  [
    "a GPU without its node",
    "0",
    fakeHost(0, { gpus: [fakeGpu(0, { node: undefined })] }),
    "",
    "BERTH-D003",
    '"/dev/nvidia1" is missing',
  ],
  ["all GPUs of a host without any", "all", fakeHost(0), "", "BERTH-R001", "this host has no GPU"],
  [
    "all GPUs where MIG is on and nothing was made",
    "all",
    fakeHost(0, { gpus: [fakeGpu(0, { isMigEnabled: true, migDevices: [] })] }),
    "",
    "BERTH-R001",
    "no MIG device was made",
  ],
  [
    "a MIG device without one of its two nodes",
    "all",
    fakeHost(0, { gpus: [fakeGpu(2, { migDevices: [{ ...MIG, nodes: MIG.nodes.slice(1) }] })] }),
    "",
    "BERTH-D003",
    "MIG device 10/0 of GPU 2",
  ],
  ["a GPU without nvidiactl", "0", without("/dev/nvidiactl"), "utility", "BERTH-D003", '"/dev/nvidiactl" is missing'],
  ["an unknown capability", "0", fakeHost(1), "utility,cuda", "BERTH-R003", 'capability "cuda"'],
])("%s is refused with code, cause and remedy", (_, devices, host, capabilities, code, cause) => {
  const decision = decideFor(devices, host, capabilities);
  expect(decision).toMatchObject({ kind: "refused", problem: { code, message: expect.stringContaining(cause) } });
  if (decision.kind === "refused") expect(decision.problem.remedy).not.toBe("");
});

test("a capability that the administrator does not allow is refused, and the refusal lists what is allowed", () => {
  const decision = decideFor("0", fakeHost(1), "graphics", {
    ...POLICY,
    supportedCapabilities: ["compute", "utility"],
  });
  expect(decision).toMatchObject({
    kind: "refused",
    problem: {
      code: "BERTH-R003",
      remedy:
        "ask for some of compute, utility, or for all; or add graphics to supported-driver-capabilities in config.toml",
    },
  });
});

test("text of the container cannot break a refusal's line", () => {
  const decision = decideFor("0", fakeHost(1), "a\nb");
  expect(decision.kind === "refused" && decision.problem.message.includes("\n")).toBe(false);
});

test("a node that nothing granted needs may be missing", () => {
  expect(decideFor("0", without("/dev/nvidia-modeset")).kind).toBe("granted");
  expect(decideFor("none", fakeHost(0, { controlNodes: [] })).kind).toBe("granted");
});

test("a megabyte in a variable makes no megabyte of reason or refusal", () => {
  const decision = decideFor("0", fakeHost(1), "x".repeat(1_000_000));
  expect(decision.kind === "refused" && decision.problem.message.length).toBeLessThan(500);
});

test("a library that was lost is refused to the containers that need it, and only to them", () => {
  const host = fakeHost(1, {
    missing: [{ hostPath: "/usr/lib64/libcuda.so.570.1", capabilities: ["compute", "video"] }],
  });
  expect(decideFor("0", host)).toMatchObject({
    kind: "refused",
    problem: { code: "BERTH-D002", message: expect.stringContaining("/usr/lib64/libcuda.so.570.1") },
  });
  expect(decideFor("0", host, "utility").kind).toBe("granted");
});

/** Eight GPUs; 2 and 5 are split, and the driver has told of their parts. */
const WHOLE = fakeHost(8, { gpus: fakeHost(8).gpus.map(learnt) });
const parts = (grant: Grant) => grant.migDevices.map(({ parent, device }) => `${parent.index}:${device.index}`);

test.each([
  ["0", [0], []],
  ["7,0", [0, 7], []],
  ["2", [2], []],
  ["GPU-00000000-0000-0000-0000-000000000003", [3], []],
  ["0000:04:00.0", [4], []],
  ["4,0000:04:00.0,GPU-00000000-0000-0000-0000-000000000004", [4], []],
  ["2:1", [], ["2:1"]],
  ["2:1,2:0,2:1", [], ["2:0", "2:1"]],
  ["5:0,1", [1], ["5:0"]],
  ["MIG-00000000-0000-5000-8000-000000000051", [], ["5:1"]],
  ["MIG-00000000-0000-5000-8000-00000000005", [], "is the beginning of 2 UUIDs"],
  ["MIG-GPU-00000000-0000-0000-0000-000000000002/20/0", [], ["2:1"]],
  ["MIG-GPU-00000000-0000-0000-0000-000000000002/21/0", [], "GPU 2 has no compute instance 0 in a GPU instance 21"],
  ["GPU-0", [], "is the beginning of 8 UUIDs"],
  ["0:0", [], "MIG is off on GPU 0"],
  ["2:2", [], "GPU 2 has 2 MIG devices, 2:0 to 2:1"],
  ["9:0", [], "this host has 8 GPUs, 0 to 7"],
  ["0000:0f:00.0", [], "this host has 8 GPUs, 0 to 7, at 0000:00:00.0"],
  ["MIG-00000000-0000-5000-8000-000000000099", [], "did you mean MIG-"],
  ["MIG-ffffffff-0000-5000-8000-ffffffffffff", [], "no MIG device of this host has this UUID"],
] as const)("%s gives the GPUs %j and the MIG devices %j", (devices, gpus, migDevices) => {
  const decision = decideFor(devices, WHOLE);
  if (typeof migDevices === "string") {
    expect(decision).toMatchObject({
      kind: "refused",
      problem: { code: "BERTH-R001", message: expect.stringContaining(migDevices) },
    });
    return;
  }
  expect(indices(granted(devices, WHOLE))).toEqual([...gpus]);
  expect(parts(granted(devices, WHOLE))).toEqual([...migDevices]);
});

test("a MIG device by number or UUID is refused until the driver has told of them, and the refusal says how to learn it", () => {
  for (const device of ["2:0", "MIG-00000000-0000-5000-8000-000000000020"]) {
    expect(decideFor(device, fakeHost(8))).toMatchObject({
      kind: "refused",
      problem: {
        code: "BERTH-R001",
        message: expect.stringContaining("not known yet"),
        remedy: expect.stringContaining("berth host"),
      },
    });
  }
});

test("the beginning of a UUID is refused while one of them is not known: it may begin so, too", () => {
  const gpus = [fakeGpu(0), fakeGpu(1, { uuid: undefined })];
  expect(decideFor("GPU-0000", fakeHost(0, { gpus })).kind).toBe("refused");
  expect(decideFor(gpus[0]?.uuid ?? "", fakeHost(0, { gpus })).kind).toBe("granted");
});

test("for any list of devices exactly those are given that a plain reading of the list names", () => {
  const spellings = (gpu: Gpu): readonly string[] => [
    `${gpu.index}`,
    `0${gpu.index}`,
    gpu.uuid ?? "",
    gpu.bus,
    `nvidia.com/gpu=${gpu.index}`,
  ];
  const wholeIds = WHOLE.gpus.flatMap((gpu) => spellings(gpu).map((id) => ({ id, gives: [`${gpu.index}`] })));
  const partIds = WHOLE.gpus.flatMap((gpu) =>
    gpu.migDevices.flatMap(({ index, uuid = "" }) =>
      [`${gpu.index}:${index}`, uuid].map((id) => ({ id, gives: [`${gpu.index}:${index}`] })),
    ),
  );
  const everything = WHOLE.gpus.flatMap((gpu) =>
    gpu.isMigEnabled ? gpu.migDevices.map(({ index }) => `${gpu.index}:${index}`) : [`${gpu.index}`],
  );
  const ids = [...wholeIds, ...partIds, { id: "all", gives: everything }];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...ids), { minLength: 1, maxLength: 12 }), (list) => {
      const grant = granted(list.map(({ id }) => id).join(), WHOLE);
      const isAll = list.some(({ id }) => id === "all");
      const expected = new Set(isAll ? everything : list.flatMap(({ gives }) => gives));
      const given = [...indices(grant).map(String), ...parts(grant)];
      expect(new Set(given)).toEqual(expected);
      expect(given).toHaveLength(expected.size);
    }),
  );
});

const UNIT: NonNullable<Host["unit"]> = {
  kind: "wsl",
  model: "NVIDIA GPU (WSL)",
  items: [{ kind: "node", node: fakeNode("/dev/dxg", 10, 125), isOptional: false }],
};

test.each([
  ["all", "granted"],
  ["0", "granted"],
  ["none", "granted"],
  ["1", "cannot be told apart"],
  ["GPU-1", "cannot be told apart"],
])("where GPUs cannot be told apart, as under WSL, %s is %s", (devices, expected) => {
  const host = fakeHost(0, { unit: UNIT, controlNodes: [] });
  const decision = decideFor(devices, host);
  if (decision.kind === "granted") expect(decision.grant.unit?.hasNodes).toBe(devices !== "none");
  expect(decision.kind === "refused" ? decision.problem.message : decision.kind).toContain(expected);
});

test("a GPU of WSL or Tegra whose nodes are all missing is refused: nothing would work in the container", () => {
  const host = fakeHost(0, { unit: { ...UNIT, items: [] }, warnings: ['"/dev/nvmap" does not exist'] });
  expect(decideFor("all", host)).toMatchObject({
    kind: "refused",
    problem: { code: "BERTH-D003", message: expect.stringContaining('"/dev/nvmap" does not exist') },
  });
  expect(decideFor("none", host).kind).toBe("granted");
});

test("the card of a DGX Station that drives the screen is not one of all", () => {
  const gpus = [fakeGpu(0), fakeGpu(1, { model: "NVIDIA DGX Display" })];
  expect(indices(granted("all", fakeHost(0, { gpus })))).toEqual([0]);
  expect(indices(granted("1", fakeHost(0, { gpus })))).toEqual([1]);
});

test("a container is not started without the libraries of what it was granted", () => {
  const cuda = fakeHost(1).libraries.filter(({ path }) => !path.includes("libcuda"));
  const nvml = fakeHost(1).libraries.filter(({ path }) => !path.includes("libnvidia-ml"));
  const problem = (message: string) => ({
    kind: "refused",
    problem: { code: "BERTH-D002", message: expect.stringContaining(message) },
  });
  expect(decideFor("0", fakeHost(1, { libraries: [] }))).toMatchObject(
    problem('none of driver 570.1 was found under "/"'),
  );
  expect(decideFor("none", fakeHost(1, { libraries: [] }))).toMatchObject(problem("none of driver"));
  expect(decideFor("0", fakeHost(1, { libraries: cuda }))).toMatchObject(problem("no libcuda.so.1"));
  expect(decideFor("0", fakeHost(1, { libraries: cuda }), "utility").kind).toBe("granted");
  expect(granted("0", fakeHost(1, { libraries: nvml })).warnings).toEqual([
    "capability utility: this host has no libnvidia-ml.so.1",
  ]);
});

test("what of the default an administrator does not allow is said", () => {
  const policy: Policy = { ...POLICY, supportedCapabilities: ["utility"] };
  expect(granted("0", fakeHost(1), "", policy).warnings).toEqual([
    "without the capability compute: config.toml does not list it in supported-driver-capabilities",
  ]);
  expect(granted("0", fakeHost(1), "utility", policy).warnings).toEqual([]);
});
