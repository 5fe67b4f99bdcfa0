import { expect, test } from "bun:test";
import { hasSwarmEntries, planSwarmEntries, swarmVariable } from "./swarm-entries.ts";

const A = "GPU-8dc11111-0000-0000-0000-000000000000";
const B = "GPU-8dc22222-0000-0000-0000-000000000000";
const M = "MIG-1a400000-0000-0000-0000-000000000000";
const wish = { kind: "NVIDIA-GPU", devices: [A, B, M], runtimeConfig: "" };

test.each<readonly [string, entries: readonly string[], kept: readonly string[], added: readonly string[]]>([
  ["nothing", [], [], [`NVIDIA-GPU=${A}`, `NVIDIA-GPU=${B}`, `NVIDIA-GPU=${M}`]],
  ["all", [`NVIDIA-GPU=${B}`, `NVIDIA-GPU=${M}`, `NVIDIA-GPU=${A}`], [`NVIDIA-GPU=${B}`, `NVIDIA-GPU=${M}`, `NVIDIA-GPU=${A}`], []],
  ["beginnings", ["NVIDIA-GPU=gpu-8DC1", "NVIDIA-GPU=GPU-8dc2", "NVIDIA-GPU=MIG-"], ["NVIDIA-GPU=gpu-8DC1", "NVIDIA-GPU=GPU-8dc2", "NVIDIA-GPU=MIG-"], []],
  ["one GPU twice", [`NVIDIA-GPU=${A}`, "NVIDIA-GPU=GPU-8dc1", `NVIDIA-GPU=${B}`, `NVIDIA-GPU=${M}`], [`NVIDIA-GPU=${A}`, `NVIDIA-GPU=${B}`, `NVIDIA-GPU=${M}`], []],
  ["a beginning that two GPUs have", ["NVIDIA-GPU=GPU-8dc"], [], [`NVIDIA-GPU=${A}`, `NVIDIA-GPU=${B}`, `NVIDIA-GPU=${M}`]],
  ["a number", ["NVIDIA-GPU=3"], [], [`NVIDIA-GPU=${A}`, `NVIDIA-GPU=${B}`, `NVIDIA-GPU=${M}`]],
  ["other kinds, and what dockerd refuses", ["disks=2", "gpu=GPU-gone", "x", "a=b=c"], ["disks=2", "gpu=GPU-gone", "x", "a=b=c"], [`NVIDIA-GPU=${A}`, `NVIDIA-GPU=${B}`, `NVIDIA-GPU=${M}`]],
])("planSwarmEntries: of %s each GPU is offered once in the end, and nothing else of the kind", (_, entries, kept, added) => {
  expect(planSwarmEntries(entries, wish)).toEqual({ kept, added });
  expect(hasSwarmEntries([...kept, ...added], wish)).toBe(true);
}); // prettier-ignore

test("swarmVariable: the kind is in capitals, whatever it is", () => {
  expect(swarmVariable("gpu")).toBe("DOCKER_RESOURCE_GPU");
  expect(swarmVariable("NVIDIA-GPU")).toBe("DOCKER_RESOURCE_NVIDIA-GPU");
});
