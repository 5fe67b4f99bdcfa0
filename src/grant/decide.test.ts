import { expect, test } from "bun:test";
import { CAPABILITIES, type Host, type MigDevice } from "../host/index.ts";
import { readRequest } from "../request/index.ts";
import { fakeGpu, fakeHost } from "./fake-host.test-helper.ts";
import { decide, type Grant, type Policy } from "./index.ts";

const POLICY: Policy = { supportedCapabilities: CAPABILITIES, acceptEnvWhenUnprivileged: true };
const MIG: MigDevice = fakeGpu(2).migDevices[0] ?? never();

function never(): never {
  throw new TypeError("the fake host has no MIG device");
}

function without(path: string): Host {
  return fakeHost(1, { controlNodes: fakeHost(1).controlNodes.filter((node) => node.path !== path) });
}

function decideFor(devices: string, host: Host = fakeHost(4), capabilities = "", policy: Policy = POLICY) {
  const env = [`NVIDIA_VISIBLE_DEVICES=${devices}`, `NVIDIA_DRIVER_CAPABILITIES=${capabilities}`];
  return decide(readRequest({ env, boundingCapabilities: [] }), host, policy);
}

function granted(...args: Parameters<typeof decideFor>): Grant {
  const decision = decideFor(...args);
  if (decision.kind !== "granted") throw new Error(JSON.stringify(decision));
  return decision.grant;
}

const indices = (grant: Grant) => grant.gpus.map(({ gpu }) => gpu.index);

test("a container that asks for nothing is none of our business, driver or not", () => {
  expect(decideFor("void", fakeHost(4, { driver: undefined })).kind).toBe("nothing");
});

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
    "a driver that is not loaded",
    "0",
    fakeHost(0, { driver: undefined }),
    "",
    "BERTH-D001",
    '"/proc/driver/nvidia/version"',
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
    problem: { code: "BERTH-R003", remedy: "ask for some of compute, utility, or for all" },
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

test("where the administrator does not accept it, the environment of an unprivileged container gives nothing", () => {
  const policy: Policy = { ...POLICY, acceptEnvWhenUnprivileged: false };
  const ask = (...boundingCapabilities: string[]) => {
    return decide(readRequest({ env: ["NVIDIA_VISIBLE_DEVICES=all"], boundingCapabilities }), fakeHost(2), policy);
  };
  expect(ask("CAP_MKNOD")).toMatchObject({ kind: "nothing", reason: expect.stringContaining("not accepted") });
  expect(ask("CAP_SYS_ADMIN").kind).toBe("granted");
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
