import { describe, expect, test } from "bun:test";
import type { Image } from "../../engines/index.ts";
import { loadConfig } from "../../config/index.ts";
import { fakeGpu, fakeHost } from "../../grant/fake-host.test-helper.ts";
import type { Gpu, Host } from "../../host/index.ts";
import { judgeImage, type Preflight } from "./judge-image.ts";

const H100: Partial<Gpu> = { model: "NVIDIA H100", brand: "nvidia", computeCapability: "9.0" };
const RTX4090: Partial<Gpu> = { model: "NVIDIA GeForce RTX 4090", brand: "geforce", computeCapability: "8.9" };

function hostWith(gpu: Partial<Gpu>, version: string, cuda: string): Host {
  const driver = { version, cuda: { version: cuda, isExact: true }, libraryFolders: [] };
  return fakeHost(0, { gpus: [fakeGpu(0, gpu)], driver });
}

interface Case {
  readonly env?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly architecture?: string;
  readonly host?: Host;
  readonly gpus?: string;
}

function judge({
  env = [],
  labels = {},
  architecture = "amd64",
  host = hostWith(H100, "550.54.14", "12.4"),
  gpus,
}: Case): Preflight {
  const image: Image = {
    source: "docker",
    name: "it",
    architecture,
    os: "linux",
    env,
    labels: new Map(Object.entries(labels)),
  };
  return judgeImage({
    image,
    host,
    config: loadConfig({ get: () => undefined }, "/nonexistent/config.toml"),
    gpus,
    architecture: "amd64",
  });
}

describe("an image that this machine can run", () => {
  test("starts, and its GPUs are named", () => {
    const { verdict, problem, gpus, notes } = judge({ env: ["CUDA_VERSION=12.4.1", "NVIDIA_REQUIRE_CUDA=cuda>=12.4"] });
    expect({ verdict, problem, gpus: gpus.map(({ index }) => index), notes }).toEqual({
      verdict: "starts",
      problem: undefined,
      gpus: [0],
      notes: [],
    });
  });

  test("starts by an alternative of its condition, as the driver's branch is named there", () => {
    const env = [
      "CUDA_VERSION=12.8.0",
      "NVIDIA_REQUIRE_CUDA=cuda>=12.8 brand=tesla,driver>=470,driver<471 brand=nvidia,driver>=550,driver<551",
    ];
    expect(judge({ env }).verdict).toBe("starts");
  });

  test("starts without any word of CUDA", () => {
    expect(judge({ env: ["PATH=/bin"] })).toMatchObject({ verdict: "starts", facts: { cuda: undefined } });
  });

  test("starts when it waives its conditions, and what does not run then is said", () => {
    const { verdict, notes } = judge({
      env: ["CUDA_VERSION=12.8.1", "NVIDIA_REQUIRE_CUDA=cuda>=12.8", "NVIDIA_DISABLE_REQUIRE=1"],
    });
    expect(verdict).toBe("starts");
    expect(notes.join()).toContain(
      "CUDA 12.8 on a driver for 12.4: programs run by minor version compatibility, but for what the driver has to compile (PTX)",
    );
  });
});

describe("an image whose CUDA is newer than the driver's", () => {
  const env = ["CUDA_VERSION=12.8.1", "NVIDIA_REQUIRE_CUDA=cuda>=12.8"];

  test("is refused on a GPU without forward compatibility; the smallest driver and the newest CUDA are named", () => {
    const found = judge({ env, host: hostWith(RTX4090, "550.54.14", "12.4") });
    expect(found).toMatchObject({
      verdict: "refused",
      problem: { code: "BERTH-R007" },
      smallestDriver: "570.26",
      newestCuda: "12.4",
    });
    expect(found.problem?.message).toContain("it does not work on this GPU");
  });

  test("is unsure on one with it: the image's files decide, and no file was looked at", () => {
    const found = judge({ env: [...env, "NV_CUDA_COMPAT_PACKAGE=cuda-compat-12-8=570.124.06-0ubuntu1"] });
    expect(found).toMatchObject({ verdict: "unsure", smallestDriver: "570.26" });
    expect(found.problem?.message).toContain("whether the image has CUDA libraries for it is not known");
    expect(found.notes.join()).toContain("its configuration names cuda-compat-12-8");
  });

  test("of another major version runs nothing without it", () => {
    const found = judge({ env: ["CUDA_VERSION=13.0.0"], host: hostWith(RTX4090, "550.54.14", "12.4") });
    expect(found).toMatchObject({ verdict: "refused", smallestDriver: "580.65.06" });
    expect(found.notes.join()).toContain(
      "programs do not run without forward compatibility; CUDA 13 begins with driver 580.65.06",
    );
  });

  test("takes the smallest driver of an alternative that is made for it", () => {
    const alternative = "NVIDIA_REQUIRE_CUDA=cuda>=13.0 brand=geforce,driver>=570,driver<571";
    expect(judge({ env: [alternative], host: hostWith(RTX4090, "550.54.14", "12.4") }).smallestDriver).toBe("570.26");
  });

  test("on a machine without a driver names the smallest for it", () => {
    const host = fakeHost(0, { gpus: [], driver: undefined });
    expect(judge({ env, host })).toMatchObject({
      verdict: "refused",
      problem: { code: "BERTH-D001" },
      smallestDriver: "570.26",
    });
  });
});

describe("an image is refused", () => {
  test("that is made for another architecture", () => {
    expect(judge({ architecture: "arm64" })).toMatchObject({ verdict: "refused", problem: { code: "BERTH-Q004" } });
  });

  test("for a GPU that does not exist", () => {
    expect(judge({ gpus: "7" })).toMatchObject({
      verdict: "refused",
      problem: { code: "BERTH-R001" },
      smallestDriver: undefined,
    });
  });

  test("whose condition on the GPU no driver meets", () => {
    const found = judge({ env: ["NVIDIA_REQUIRE_ARCH=arch>=10.0"] });
    expect(found).toMatchObject({ verdict: "refused", problem: { code: "BERTH-R007" }, smallestDriver: undefined });
  });
});

describe("what its programs are compiled for", () => {
  const rows: readonly (readonly [string, Partial<Gpu>, doubt: string | undefined])[] = [
    ["TORCH_CUDA_ARCH_LIST=7.0 7.5 8.0 8.6 9.0+PTX", H100, undefined],
    ["TORCH_CUDA_ARCH_LIST=8.0 8.6", RTX4090, undefined],
    ["TORCH_CUDA_ARCH_LIST=7.0;7.5", H100, "compiled for others"],
    ["TORCH_CUDA_ARCH_LIST=9.0", RTX4090, "compiled for others"],
    ["TORCH_CUDA_ARCH_LIST=7.5+PTX", H100, undefined],
    ["CUDAARCHS=70;80", H100, undefined],
    ["CUDAARCHS=70-real;80-real", H100, "compiled for others"],
    ["CUDAARCHS=90a", H100, undefined],
    [
      "CUDA_VERSION=11.4.0",
      H100,
      "CUDA 11.4 does not know NVIDIA H100 (compute capability 9.0, known since CUDA 11.8)",
    ],
    ["CUDA_VERSION=12.4.0", { ...H100, computeCapability: "3.7" }, "do not know NVIDIA H100 any more"],
  ];
  test.each(rows)("%s", (variable, gpu, doubt) => {
    const { verdict, notes } = judge({ env: [variable], host: hostWith(gpu, "550.54.14", "12.4") });
    expect(verdict).toBe("starts");
    if (doubt === undefined) expect(notes).toEqual([]);
    else expect(notes.join()).toContain(doubt);
  });
});

test("labels of an older time are read", () => {
  const { facts, notes } = judge({
    labels: { "com.nvidia.cudnn.version": "7.6.5.32", "com.nvidia.volumes.needed": "nvidia_driver" },
  });
  expect(facts).toMatchObject({ cudnn: "7.6.5.32", needsVolumes: true });
  expect(notes.join()).toContain("first nvidia-docker");
});
