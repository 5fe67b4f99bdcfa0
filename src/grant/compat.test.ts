import { expect, test } from "bun:test";
import type { Gpu, Host } from "../host/index.ts";
import { readRequest, type CompatLibraries, type CompatNote } from "../request/index.ts";
import { makeSource } from "../request/source.test-helper.ts";
import { fakeGpu, fakeHost, fakeNode } from "./fake-host.test-helper.ts";
import { decide, type Policy } from "./index.ts";
import { decideCompat } from "./compat.ts";
import { POLICY } from "./policy.test-helper.ts";

/** The notes of two real packages: cuda-compat-12-9 and cuda-compat-13-1. */
const NOTE_575: CompatNote = {
  cuda: "12.9",
  branches: [535, 550, 560, 565, 570, 575],
  brands: [1, 2, 7, 8, 9, 10, 11, 12, 13, 14],
};
const NOTE_590: CompatNote = { ...NOTE_575, cuda: "13.1", branches: [535, 550, 570, 575, 580, 590] };

function compat(version: string, note?: CompatNote): CompatLibraries {
  const path = `/usr/local/cuda/compat/libcuda.so.${version}`;
  const libraries = [{ path, soname: "libcuda.so.1", architecture: "x86-64" }] as const;
  return { folder: "/usr/local/cuda/compat", version, libraries, note };
}

function hostWith(version: string | undefined, gpu: Partial<Gpu> = {}, cuda = "12.8"): Host {
  const driver = { version, cuda: { version: cuda, isExact: true }, libraryFolders: [] };
  return fakeHost(0, { gpus: [fakeGpu(0, { brand: "nvidia", ...gpu })], driver });
}

interface Setting {
  readonly capabilities?: string;
  readonly policy?: Partial<Policy>;
}

function decideFor(host: Host, libraries: CompatLibraries, { capabilities = "", policy = {} }: Setting = {}) {
  const env = ["NVIDIA_VISIBLE_DEVICES=0", `NVIDIA_DRIVER_CAPABILITIES=${capabilities}`];
  const request = { ...readRequest(makeSource({ env })), compat: libraries };
  const at = { host, policy: { ...POLICY, ...policy } };
  const decision = decide(request, host, at.policy);
  if (decision.kind !== "granted") throw new Error(JSON.stringify(decision));
  return { result: decideCompat(request, decision.grant, at), grant: decision.grant };
}

test.each([
  // With a note: the host's branch is in its list, and the image's driver is newer.
  ["570.133.20", compat("575.57.08", NOTE_575), "used"],
  ["535.183.01", compat("575.57.08", NOTE_575), "used"],
  ["575.51.03", compat("575.57.08", NOTE_575), "used"],
  ["575.57.08", compat("575.57.08", NOTE_575), "not older"],
  ["580.65.06", compat("575.57.08", NOTE_575), "not older"],
  ["580.126.16", compat("580.82.07", { ...NOTE_590, branches: [580] }), "not older"],
  ["525.60.13", compat("575.57.08", NOTE_575), "not made for drivers 525"],
  ["565.57.01", compat("590.44.01", NOTE_590), "not made for drivers 565"],
  // Without one: only a newer branch.
  ["570.133.20", compat("575.57.08"), "used"],
  ["575.51.03", compat("575.57.08"), "of the same branch"],
  ["580.65.06", compat("575.57.08"), "not older"],
  // A driver whose version no file says: by the CUDA version of the note.
  [undefined, compat("575.57.08", NOTE_575), "used"],
  [undefined, compat("575.57.08", { ...NOTE_575, cuda: "12.8" }), "supports CUDA 12.8 itself"],
  [undefined, compat("575.57.08"), "which CUDA the driver supports is not known"],
] as const)("on the driver %s libcuda of an image: %j is %s", (version, libraries, expected) => {
  const { result } = decideFor(hostWith(version), libraries);
  expect(result?.isUsed === true ? "used" : result?.reason).toContain(expected);
});

const BRAND_ROWS: readonly (readonly [brand: string, note: CompatNote | undefined, isUsed: boolean])[] = [
  ["nvidia", NOTE_575, true],
  ["tesla", NOTE_575, true],
  ["geforce", NOTE_575, false],
  ["geforce", undefined, false],
  ["titan", NOTE_575, false],
  ["unknown", NOTE_575, true],
  ["unknown", undefined, true],
  ["nvidiartx", NOTE_575, true],
  ["nvidiartx", { ...NOTE_575, brands: [2] }, false],
];

test.each(BRAND_ROWS)(
  "on a GPU of the brand %s with the note %j it is used: %j (else CUDA fails with error 804)",
  (brand, note, isUsed) => {
    expect(decideFor(hostWith("570.133.20", { brand }), compat("575.57.08", note)).result?.isUsed).toBe(isUsed);
  },
);

test.each([
  ["the container has no compute capability", { capabilities: "utility" }],
  ["config.toml switches forward compatibility off", { policy: { allowsForwardCompatibility: false } }],
])("it is not used where %s", (why, setting) => {
  const { result, grant } = decideFor(hostWith("570.133.20"), compat("575.57.08", NOTE_575), setting);
  expect(result).toMatchObject({ isUsed: false, reason: expect.stringContaining(why) });
  expect(grant.compat).toBeUndefined();
});

test("it is not used where libcuda is no library", () => {
  const broken = { ...compat("575.57.08", NOTE_575), libraries: [] };
  expect(decideFor(hostWith("570.133.20"), broken).result).toMatchObject({
    isUsed: false,
    reason: expect.stringContaining("not a library"),
  });
});

test("what is used is granted with its reason", () => {
  expect(decideFor(hostWith("570.133.20"), compat("575.57.08", NOTE_575)).grant.compat?.reason).toBe(
    'forward compatibility: libcuda 575.57.08 in "/usr/local/cuda/compat" of the image is newer than the driver',
  );
});

test("libraries of a Jetson, whose versions are of another kind, are held against CUDA alone", () => {
  const unit = {
    kind: "csv",
    model: "NVIDIA Jetson AGX Orin",
    items: [{ kind: "node", node: fakeNode("/dev/nvmap", 10, 1), isOptional: false }],
  } as const;
  const on = (cuda: string, isExact: boolean) =>
    fakeHost(0, { unit, driver: { version: "540.4.0", cuda: { version: cuda, isExact }, libraryFolders: [] } });
  expect(decideFor(on("12.6", true), compat("1.1", NOTE_575)).result?.isUsed).toBe(true);
  expect(decideFor(on("13.0", true), compat("1.1", NOTE_575)).result?.isUsed).toBe(false);
  expect(decideFor(on("12.2", false), compat("1.1", NOTE_575)).result).toMatchObject({
    reason: expect.stringContaining("is not known"),
  });
});

test("a note with more branches than there are is no list of branches, and makes no long refusal", () => {
  const message =
    decideFor(hostWith("525.60.13"), compat("575.57.08", { ...NOTE_575, branches: [] })).result?.reason ?? "";
  expect(message.length).toBeLessThan(300);
});
