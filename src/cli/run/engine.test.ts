import { expect, test } from "bun:test";
import { runWords } from "./engine.ts";

const VARIABLE = ["--env", "NVIDIA_VISIBLE_DEVICES"];

test("docker is told the runtime after run, and not where the user's own words name it", () => {
  const docker = { name: "docker", runtime: "nvidia" } as const;
  expect(runWords(docker, false)).toEqual(["run", "--runtime", "nvidia", ...VARIABLE]);
  expect(runWords(docker, true)).toEqual(["run", ...VARIABLE]);
});

test("podman is told the runtime before run, by name or by path", () => {
  const podman = { name: "podman", runtime: "/opt/berth/bin/nvidia-container-runtime" } as const;
  expect(runWords(podman, false)).toEqual(["--runtime", podman.runtime, "run", ...VARIABLE]);
});
