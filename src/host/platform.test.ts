import { afterAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { describeHost } from "./describe.ts";
import { makeEmptyRoot, makeRoot, put, putElf, putGpu, putNode } from "./fake-root.test-helper.ts";
import type { SceneOptions } from "./scene.ts";

const roots: string[] = [];
afterAll(() => roots.forEach((root) => rmSync(root, { recursive: true })));

const RELEASE = "/etc/nv_tegra_release";
const FAMILY = "/sys/devices/soc0/family";
const CSV = "/etc/nvidia-container-runtime/host-files-for-container.d/devices.csv";

interface Machine {
  readonly files?: Readonly<Record<string, string>>;
  /** The models in the driver's procfs; undefined: no driver's. */
  readonly models?: readonly string[];
  readonly isWsl?: boolean;
  readonly options?: SceneOptions;
}

function kindOf({ files = {}, models, isWsl = false, options = {} }: Machine): string {
  const root = models === undefined ? makeEmptyRoot() : makeRoot([]);
  roots.push(root);
  put(root, CSV, "dev, /dev/nvmap\n");
  putNode(root, "/dev/nvmap", [10, 1]);
  for (const [path, text] of Object.entries(files)) put(root, path, text);
  for (const [minor, model] of (models ?? []).entries()) {
    const bus = `0000:0${minor}:00.0`;
    putGpu(root, { bus, minor });
    const text = `Model: \t ${model}\nBus Location: \t ${bus}\nDevice Minor: \t ${minor}\n`;
    put(root, `/proc/driver/nvidia/gpus/${bus}/information`, text);
  }
  if (isWsl) putWsl(root);
  const { unit, gpus, driver } = describeHost(root, options);
  if (unit !== undefined) return unit.kind;
  return driver === undefined ? "nothing" : `${gpus.length} GPUs`;
}

function putWsl(root: string): void {
  putNode(root, "/dev/dxg", [10, 63]);
  putElf(root, "/usr/lib/wsl/lib/libdxcore.so", "libdxcore.so");
  putElf(root, "/usr/lib/wsl/drivers/nv.inf_amd64_1/libcuda.so.1.1", "libcuda.so.1");
}

test.each<readonly [string, Machine, string]>([
  ["a machine with the usual driver", { models: ["NVIDIA L4", "NVIDIA L4"] }, "2 GPUs"],
  ["a machine without a driver, whatever CSV files it has", {}, "nothing"],
  ["a Tegra by its release file", { files: { [RELEASE]: "# R36" } }, "csv"],
  ["a Tegra by its family", { files: { [FAMILY]: "Tegra\n" } }, "csv"],
  ["a Tegra by its family in other letters", { files: { [FAMILY]: "TEGRA234\n" } }, "csv"],
  ["another family", { files: { [FAMILY]: "Not Tegra\n" } }, "nothing"],
  ["a Tegra whose driver shows no GPU", { files: { [RELEASE]: "" }, models: [] }, "csv"],
  ["a Tegra whose driver shows the built-in GPU", { files: { [RELEASE]: "" }, models: ["Orin (nvgpu)"] }, "csv"],
  ["a Tegra whose driver shows Thor's GPU", { files: { [RELEASE]: "" }, models: ["NVIDIA Thor"] }, "csv"],
  ["a Tegra with Thor's GPU and another", { files: { [RELEASE]: "" }, models: ["NVIDIA L4", "NVIDIA Thor"] }, "csv"],
  ["a Tegra with other GPUs only", { files: { [RELEASE]: "" }, models: ["NVIDIA L4"] }, "1 GPUs"],
  ["a model that only looks like it", { files: { [RELEASE]: "" }, models: ["NVIDIA Thor 2"] }, "1 GPUs"],
  ["Thor without a Tegra's marks", { models: ["NVIDIA Thor"] }, "1 GPUs"],
  ["WSL", { isWsl: true }, "wsl"],
  ["WSL, whatever marks there are", { isWsl: true, files: { [RELEASE]: "" } }, "wsl"],
  ["mode csv on any machine", { models: ["NVIDIA L4"], options: { platform: "csv" } }, "csv"],
  ["mode csv under WSL", { isWsl: true, options: { platform: "csv" } }, "csv"],
  ["mode csv with a folder that is not there", { options: { platform: "csv", csvFolder: "/none" } }, "nothing"],
])("%s", (_, machine, kind) => {
  expect(kindOf(machine)).toBe(kind);
});

test.each([
  ["/dev/dxg is no device", "/dev/dxg"],
  ["libdxcore is not there", "/usr/lib/wsl/lib/libdxcore.so"],
])("%s: not WSL", (_, path) => {
  const root = makeEmptyRoot();
  roots.push(root);
  putWsl(root);
  rmSync(root + path);
  if (path.startsWith("/dev")) put(root, path, "");
  expect(describeHost(root).unit).toBeUndefined();
});
