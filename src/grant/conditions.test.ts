import { expect, test } from "bun:test";
import type { Gpu, Host } from "../host/index.ts";
import { readRequest, type CompatLibraries } from "../request/index.ts";
import { makeSource } from "../request/source.test-helper.ts";
import { fakeGpu, fakeHost } from "./fake-host.test-helper.ts";
import { decide, type Decision, type Policy } from "./index.ts";
import { POLICY } from "./policy.test-helper.ts";

const H100: Partial<Gpu> = { model: "NVIDIA H100", brand: "nvidia", computeCapability: "9.0" };
const RTX4090: Partial<Gpu> = { model: "NVIDIA GeForce RTX 4090", brand: "geforce", computeCapability: "8.9" };

function hostWith(gpu: Partial<Gpu>, driver: Partial<NonNullable<Host["driver"]>> = {}): Host {
  const before = { version: "570.133.20", cuda: { version: "12.8", isExact: true }, libraryFolders: [] };
  return fakeHost(0, { gpus: [fakeGpu(0, gpu)], driver: { ...before, ...driver } });
}

const COMPAT: CompatLibraries = {
  folder: "/usr/local/cuda-13.0/compat",
  version: "580.65.06",
  libraries: [
    { path: "/usr/local/cuda-13.0/compat/libcuda.so.580.65.06", soname: "libcuda.so.1", architecture: "x86-64" },
  ],
  note: { cuda: "13.0", branches: [535, 550, 570, 580], brands: [1, 2, 14] },
};

interface Case {
  readonly env: readonly string[];
  readonly host?: Host;
  readonly policy?: Partial<Policy>;
  readonly compat?: CompatLibraries;
}

function ask({ env, host = hostWith(H100), policy = {}, compat }: Case): Decision {
  const request = readRequest(makeSource({ env: ["NVIDIA_VISIBLE_DEVICES=0", ...env] }));
  return decide({ ...request, compat }, host, { ...POLICY, ...policy });
}

const problemOf = (decision: Decision) => (decision.kind === "refused" ? decision.problem : undefined);

test("a condition that holds lets the container start, in every mode alike", () => {
  expect(ask({ env: ["NVIDIA_REQUIRE_CUDA=cuda>=12.8 brand=tesla,driver>=470,driver<471"] }).kind).toBe("granted");
});

test("all variables have to be met, not only NVIDIA_REQUIRE_CUDA", () => {
  expect(problemOf(ask({ env: ["NVIDIA_REQUIRE_CUDA=cuda>=12", "NVIDIA_REQUIRE_ARCH=arch>=10"] }))?.code).toBe(
    "BERTH-R007",
  );
});

test("a refusal names the image's condition, what this host has, the smallest driver that would do, and forward compatibility", () => {
  expect(problemOf(ask({ env: ["NVIDIA_REQUIRE_CUDA=cuda>=13.0"] }))).toEqual({
    code: "BERTH-R007",
    message:
      "Cannot start this container: its image demands NVIDIA_REQUIRE_CUDA=cuda>=13.0, but the driver 570.133.20 supports CUDA 12.8; " +
      "forward compatibility might do: the image has no cuda-compat package",
    remedy: expect.stringMatching(
      /^install driver 580\S* or newer, or use an image for an older CUDA, or start it all the same with NVIDIA_DISABLE_REQUIRE=1$/,
    ),
  });
});

test.each([
  [
    "of a long condition, the term that matters",
    "cuda>=13.0 brand=tesla,driver>=535,driver<536 brand=nvidia,driver>=535,driver<536",
    H100,
    "cuda>=13.0 of NVIDIA_REQUIRE_CUDA=",
  ],
  ["a compute capability", "arch>=10.0", H100, "but GPU 0 is NVIDIA H100, compute capability 9.0"],
  ["a brand", "brand=tesla", RTX4090, "but GPU 0 is NVIDIA GeForce RTX 4090, brand geforce"],
  ["a driver", "driver>=999", H100, "but the driver is 570.133.20"],
  [
    "that forward compatibility does not work on a GeForce",
    "cuda>=13.0",
    RTX4090,
    "forward compatibility would not help",
  ],
])("a refusal names %s", (_, text, gpu, expected) => {
  // prettier-ignore
  expect(problemOf(ask({ env: [`NVIDIA_REQUIRE_CUDA=${text}`], host: hostWith(gpu) }))?.message).toContain(expected);
});

test("the image's newer CUDA libraries meet the condition that the driver does not, where they can be used", () => {
  const env = ["NVIDIA_REQUIRE_CUDA=cuda>=13.0"];
  expect(ask({ env, compat: COMPAT }).kind).toBe("granted");
  expect(problemOf(ask({ env, compat: COMPAT, host: hostWith(RTX4090) }))?.message).toContain(
    "is not used: it does not work on GPU 0 (NVIDIA GeForce RTX 4090)",
  );
});

test.each([
  ["the container", { env: ["NVIDIA_REQUIRE_CUDA=cuda>=99", "NVIDIA_DISABLE_REQUIRE=true"] }],
  ["config.toml", { env: ["NVIDIA_REQUIRE_CUDA=cuda>=99"], policy: { waivesConditions: true } }],
  [
    "the container, for one that cannot even be read",
    { env: ["NVIDIA_REQUIRE_CUDA=nonsense", "NVIDIA_DISABLE_REQUIRE=1"] },
  ],
] as const)("conditions do not count where %s waives them", (_, what) => {
  expect(ask(what).kind).toBe("granted");
});

test("a condition that cannot be read is refused, also behind one that holds", () => {
  expect(problemOf(ask({ env: ["NVIDIA_REQUIRE_CUDA=cuda>=1 cudo>=12"] }))).toMatchObject({
    code: "BERTH-R006",
    message: expect.stringContaining('"cudo>=12"'),
  });
});

test("a legacy image demands the CUDA version that it was made with", () => {
  expect(problemOf(ask({ env: ["CUDA_VERSION=13.1"] }))?.message).toContain("CUDA_VERSION=cuda>=13.1");
  expect(ask({ env: ["CUDA_VERSION=12.4.1"] }).kind).toBe("granted");
});

test("what this host cannot say is a warning and no refusal: a driver or GPU that is newer than berth", () => {
  const newer = hostWith(H100, { version: "999.1", cuda: { version: "13.0", isExact: false } });
  const decision = ask({ env: ["NVIDIA_REQUIRE_CUDA=cuda>=14.0"], host: newer });
  expect(decision).toMatchObject({
    kind: "granted",
    grant: { warnings: ["not checked, as this host does not say enough: NVIDIA_REQUIRE_CUDA=cuda>=14.0"] },
  });
});

test("a condition on GPUs holds for a container that asks for none", () => {
  const request = readRequest(makeSource({ env: ["NVIDIA_VISIBLE_DEVICES=none", "NVIDIA_REQUIRE_X=arch>=99"] }));
  expect(decide(request, hostWith(H100), POLICY).kind).toBe("granted");
});

test("text of the image cannot break the line of a refusal", () => {
  const message = problemOf(ask({ env: ["NVIDIA_REQUIRE_X\n=cuda>=99"] }))?.message ?? "";
  expect(message).not.toBe("");
  expect(message).not.toContain("\n");
});
