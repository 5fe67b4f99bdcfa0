import { expect, test } from "bun:test";
import { LAYER_IDS, NO_ANSWER, type LayerId, type Probe } from "../cuda/index.ts";
import type { TrialChoice } from "../engines/index.ts";
import { findLayerProblem, findTrialProblem } from "./selftest-problem.ts";

const DOCKER: TrialChoice = { engine: "docker", how: { kind: "runtime", name: "nvidia" }, devices: "all" };
const CDI: TrialChoice = { engine: "podman", how: { kind: "cdi", device: "nvidia.com/gpu=all" }, devices: "all" };

/** A probe that failed at a layer, or one that is good. */
function probe(failed?: LayerId, code?: string, detail = "why"): Probe {
  const count = failed === undefined ? LAYER_IDS.length : LAYER_IDS.indexOf(failed) + 1;
  const layers = LAYER_IDS.slice(0, count).map((id) => {
    return id === failed
      ? ({ id, state: "failed", detail, code } as const)
      : ({ id, state: "good", detail: "", code: undefined } as const);
  });
  return { layers, cuda: "12.8", gpus: [{ index: 0, name: "X", uuid: "GPU-1" }], libc: undefined };
}

test("a good probe is no problem", () => {
  expect(findLayerProblem(probe(), { kind: "host" })).toBeUndefined();
  expect(findTrialProblem({ kind: "ran", probe: probe(), libc: "own", warnings: [] }, DOCKER, probe())).toBeUndefined();
});

test.each([
  ["library", undefined, "BERTH-V001", "install the driver"],
  ["init", "CUDA_ERROR_SYSTEM_NOT_READY (802)", "BERTH-V002", "nvidia-fabricmanager"],
  ["init", "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)", "BERTH-V002", "reboot"],
  ["init", "CUDA_ERROR_STUB_LIBRARY (34)", "BERTH-V002", "LD_LIBRARY_PATH"],
  ["init", "CUDA_ERROR_UNKNOWN (999)", "BERTH-V002", "dmesg"],
  ["devices", undefined, "BERTH-V003", "berth host"],
  ["context", "CUDA_ERROR_OUT_OF_MEMORY (2)", "BERTH-V004", "nvidia-smi"],
  ["memory", undefined, "BERTH-V004", "dmesg"],
  ["runtime", "cudaErrorInsufficientDriver (35)", "BERTH-V005", "12.8"],
  ["context", NO_ANSWER, "BERTH-V008", "dmesg"],
] as const)("%s failed with %s: %s, and a remedy with %s", (id, answered, code, remedy) => {
  const problem = findLayerProblem(probe(id, answered), { kind: "host" });
  expect(problem).toMatchObject({ code, message: "Cannot use CUDA on this machine: why" });
  expect(problem?.remedy).toContain(remedy);
});

test("the node for memory is mended where it comes from: on the machine, or in the CDI file", () => {
  const failed = probe("init", "CUDA_ERROR_UNKNOWN (999)", '"/dev/nvidia-uvm" is not there');
  const remedyFor = (choice: TrialChoice) => findLayerProblem(failed, { kind: "container", choice })?.remedy;
  expect(remedyFor(DOCKER)).toContain("nvidia-modprobe -u");
  expect(remedyFor(CDI)).toContain("berth cdi refresh");
});

test("a container that counts fewer GPUs than the machine is a problem only where it was to get all", () => {
  const trial = { kind: "ran", probe: { ...probe(), gpus: [] }, libc: "own", warnings: [] } as const;
  expect(findTrialProblem(trial, DOCKER, undefined)).toBeUndefined();
  expect(findTrialProblem(trial, DOCKER, probe())?.message).toContain("counts 0 there, and 1 on this machine");
});

test("a refusal of our own runtime keeps its remedy, whatever the engine puts around it", () => {
  const refusal = "nvidia-container-runtime: BERTH-R001: Cannot find GPU 9: this host has 8";
  const why = `OCI runtime create failed: ${refusal}; remedy: list them with "berth host": unknown`;
  expect(findTrialProblem({ kind: "not-started", why, warnings: [] }, DOCKER, undefined)).toEqual({
    code: "BERTH-V006",
    message: `Cannot start a container of docker: OCI runtime create failed: ${refusal}`,
    remedy: 'list them with "berth host"',
  });
});
