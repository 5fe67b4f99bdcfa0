import { expect, test } from "bun:test";
import { join } from "node:path";
import { loadConfig, type Config } from "../config/index.ts";
import type { Host } from "../host/index.ts";
import { readBundle } from "../oci/index.ts";
import { DEBIAN, LIBRARIES, makeContainer, makeMachine, readTree, workFolder } from "./container.test-helper.ts";
import { formatPlan } from "./format-plan.ts";
import { isAlreadyGranted } from "./hook-wish.ts";
import { planContainer, type ContainerInput, type ContainerPlan } from "./plan-container.ts";
import type { Request } from "../request/index.ts";

const CONFIG: Config = {
  ...loadConfig({ get: () => undefined }, "/nonexistent/config.toml"),
  supportedDriverCapabilities: ["compute", "utility"],
};

function hostWith(folder: string, file: string): Host {
  const { host } = makeMachine(folder, { names: ["cuda"] });
  const library = {
    path: `${LIBRARIES}/libcuda.so.570.1`,
    hostPath: join(folder, file),
    soname: "libcuda.so.1",
    architecture: "x86-64",
    capabilities: ["compute"],
    links: ["libcuda.so.1"],
    isExplicit: false,
  } as const;
  return { ...host, libraries: [library] };
}

function never(): never {
  throw new TypeError("the host was looked at");
}

/** Plans one container for a host given by call: first, then refreshed. */
function plan(
  dir: string,
  loadHost: (isRefresh: boolean) => Host,
  config = CONFIG,
  settled?: ContainerInput["settled"],
): ContainerPlan {
  const result = planContainer({
    bundle: readBundle(dir),
    containerId: "c",
    stateDir: "/s",
    config,
    settled,
    loadHost,
  });
  if (result.kind === "planned") result.rootfs.close();
  return result;
}

test.each(["NVIDIA_VISIBLE_DEVICES=void", "NVIDIA_VISIBLE_DEVICES=", "A=1"])(
  "a container that asks for nothing (%s) costs no look at the host",
  (entry) => {
    using work = workFolder();
    const { dir } = makeContainer(work.path, DEBIAN, { process: { env: [entry] } });
    expect(plan(dir, never).kind).toBe("nothing");
  },
);

test("a wish is handed back before anything is looked at, and goes on with the devices that it was settled with", () => {
  using work = workFolder();
  const { dir } = makeContainer(work.path, DEBIAN, { process: { env: ["NVIDIA_VISIBLE_DEVICES=any:1,mem>=1G"] } });
  const wished = plan(dir, never);
  if (wished.kind !== "wish") throw new TypeError(wished.kind);
  expect(wished.wish).toMatchObject({ count: 1, memoryBytes: 1e9 });
  const host = () => hostWith(join(work.path, "driver"), "libcuda.so.570.1");
  const request: Request = { ...wished.request, wish: undefined, devices: [{ kind: "index", index: 0 }] };
  const planned = plan(dir, host, CONFIG, { request, why: "" });
  expect(planned.kind === "planned" && planned.grant.gpus.map(({ gpu }) => gpu.index)).toEqual([0]);
});

test("who can do without a GPU and gets none starts, with a spec that tells hooks and programs so", () => {
  using work = workFolder();
  const host = (): Host => ({ ...hostWith(join(work.path, "driver"), "libcuda.so.570.1"), gpus: [] });
  const hooks = { prestart: [{ path: "/usr/bin/nvidia-container-runtime-hook" }] };
  const env = ["A=1", "NVIDIA_VISIBLE_DEVICES=all,optional"];
  const { dir } = makeContainer(work.path, DEBIAN, { process: { env }, hooks });
  const result = plan(dir, host);
  expect(result).toMatchObject({ kind: "without", reason: expect.stringContaining("any GPU") });
  if (result.kind !== "without") return;
  expect(result.spec).toMatchObject({
    process: { env: ["A=1", "NVIDIA_VISIBLE_DEVICES=void"] },
    hooks: { prestart: [] },
  });
  expect(isAlreadyGranted(result.spec)).toBe(true);
  const wish = makeContainer(join(work.path, "other"), DEBIAN, {
    process: { env: ["NVIDIA_VISIBLE_DEVICES=optional"] },
  });
  const wished = plan(wish.dir, never);
  if (wished.kind !== "wish") throw new TypeError(wished.kind);
  const request: Request = { ...wished.request, wish: undefined, wants: "nothing" };
  expect(plan(wish.dir, never, CONFIG, { request, why: "none is free" })).toMatchObject({
    kind: "without",
    reason: "none is free",
  });
});

test("a driver file that vanished since the host was described: it is described once more", () => {
  using work = workFolder();
  const { dir } = makeContainer(work.path, DEBIAN);
  const folder = join(work.path, "driver");
  const asked: boolean[] = [];
  const result = plan(dir, (isRefresh) => {
    asked.push(isRefresh);
    return hostWith(folder, isRefresh ? "libcuda.so.570.1" : "libcuda.so.550.1");
  });
  expect([result.kind, asked]).toEqual(["planned", [false, true]]);
});

test("a driver file that is gone for good is a refusal that names it, after one more look", () => {
  using work = workFolder();
  const { dir } = makeContainer(work.path, DEBIAN);
  let looks = 0;
  const result = plan(dir, () => {
    looks++;
    return hostWith(join(work.path, "driver"), "gone.so");
  });
  expect(result).toEqual({
    kind: "refused",
    problem: expect.objectContaining({ code: "BERTH-D002", message: expect.stringContaining("gone.so") }),
  });
  expect(looks).toBe(2);
});

test("a refusal by policy is a value, and planning changes nothing in the bundle", () => {
  using work = workFolder();
  const { dir } = makeContainer(work.path, DEBIAN, { process: { env: ["NVIDIA_VISIBLE_DEVICES=9"] } });
  const before = readTree(work.path);
  const result = plan(dir, () => hostWith(join(work.path, "driver"), "libcuda.so.570.1"));
  expect(result).toEqual({ kind: "refused", problem: expect.objectContaining({ code: "BERTH-R001" }) });
  expect(readTree(dir)).toEqual(
    Object.fromEntries(
      Object.entries(before).flatMap(([path, text]) =>
        path.startsWith("/bundle/") ? [[path.slice("/bundle".length), text]] : [],
      ),
    ),
  );
});

test("an annotation asks for GPUs as the environment does, and the mode cdi is no other pipeline", () => {
  using work = workFolder();
  const host = () => hostWith(join(work.path, "driver"), "libcuda.so.570.1");
  const annotations = { "cdi.k8s.io/device": "nvidia.com/gpu=0" };
  const { dir } = makeContainer(work.path, DEBIAN, { process: { env: ["NVIDIA_VISIBLE_DEVICES=void"] }, annotations });
  for (const mode of ["auto", "cdi"] as const) expect(plan(dir, host, { ...CONFIG, mode }).kind).toBe("planned");
  expect(plan(dir, host, { ...CONFIG, mode: "jit-cdi" }).kind).toBe("nothing");
});

test("a plan for people has each reason, and what the container gets for it below", () => {
  using work = workFolder();
  const { dir } = makeContainer(work.path, DEBIAN);
  const result = plan(dir, () => hostWith(join(work.path, "driver"), "libcuda.so.570.1"));
  const text = result.kind === "planned" ? formatPlan(result) : "";
  for (const each of [
    "\nGPU 0: NVIDIA_VISIBLE_DEVICES=0\n  device  /dev/nvidia0 (1:3)\n",
    `link    ${LIBRARIES}/libcuda.so.1 -> libcuda.so.570.1`,
    "cache   libcuda.so.1 =>",
  ]) {
    expect(text).toContain(each);
  }
});
