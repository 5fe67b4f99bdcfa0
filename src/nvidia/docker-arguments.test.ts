import { expect, test } from "bun:test";
import { insertArguments, planDocker } from "./docker-arguments.ts";

const NVIDIA = "--runtime=nvidia";

test.each([
  [["run", "-it", "img"], undefined, ["run", NVIDIA, "-it", "img"]],
  [["create", "img"], undefined, ["create", NVIDIA, "img"]],
  [["container", "run", "img"], undefined, ["container", "run", NVIDIA, "img"]],
  [["run", "img"], "0,2", ["run", NVIDIA, "-e", "NVIDIA_VISIBLE_DEVICES=0,2", "img"]],
  [["run", "img"], "0 GPU-1 ", ["run", NVIDIA, "-e", "NVIDIA_VISIBLE_DEVICES=0,GPU-1", "img"]],
  [["run", "img"], " ", ["run", NVIDIA, "img"]],
  [["run", "img"], "any:2", ["run", NVIDIA, "-e", "NVIDIA_VISIBLE_DEVICES=any:2", "img"]],
  [
    ["run", "img"],
    " any, model~H100 80GB ",
    ["run", NVIDIA, "-e", "NVIDIA_VISIBLE_DEVICES=any, model~H100 80GB", "img"],
  ],
  [["run", "img"], "optional", ["run", NVIDIA, "-e", "NVIDIA_VISIBLE_DEVICES=optional", "img"]],
  [["-H", "run", "--debug", "run", "img"], undefined, ["-H", "run", "--debug", "run", NVIDIA, "img"]],
  [
    ["--host=unix:///x", "-l", "debug", "create", "img"],
    undefined,
    ["--host=unix:///x", "-l", "debug", "create", NVIDIA, "img"],
  ],
  [["-DH", "run", "run", "img"], undefined, ["-DH", "run", "run", NVIDIA, "img"]],
  [["-Hrun", "run", "img"], undefined, ["-Hrun", "run", NVIDIA, "img"]],
  [["--", "run", "img"], undefined, ["--", "run", NVIDIA, "img"]],
  [["volume", "create", "v"], "0", ["volume", "create", "v"]],
  [["run", "img", "run"], undefined, ["run", NVIDIA, "img", "run"]],
  [["build", "-t", "run", "."], "0", ["build", "-t", "run", "."]],
  [["exec", "c", "run"], "0", ["exec", "c", "run"]],
  [["compose", "run", "x"], "0", ["compose", "run", "x"]],
  [[], "0", []],
])("nvidia-docker %j with NV_GPU %j calls docker %j", (args, gpus, expected) => {
  const { at, inserted, isVersion } = planDocker(args, gpus);
  expect(insertArguments(args, at, inserted)).toEqual(expected);
  expect(isVersion).toBe(false);
});

test("nvidia-docker version says its own version first", () => {
  expect(planDocker(["version"], undefined)).toEqual({ at: 1, inserted: [], isVersion: true });
});
