import { expect, test } from "bun:test";
import type { TrialWay } from "./trial.ts";
import { trialCommand, trialWords, whyImpossible, type TrialContainer } from "./trial-words.ts";

const RUNTIME: TrialWay = { kind: "runtime", name: "/opt/shim" };
const GPUS: TrialWay = { kind: "gpus" };
const CDI: TrialWay = { kind: "cdi", device: "nvidia.com/gpu=0" };

function container(how: TrialWay, root: "image" | "folder", devices = "all"): TrialContainer {
  return {
    name: "t1",
    how,
    devices,
    root: root === "image" ? { kind: "image", name: "debian:12" } : { kind: "folder", path: "/r" },
    mounts: [{ source: "/b", target: "/.berth-selftest/berth" }],
    command: ["/.berth-selftest/berth", "cuda-probe"],
  };
}

const ASKS = "--env NVIDIA_VISIBLE_DEVICES=all --env NVIDIA_DRIVER_CAPABILITIES=compute,utility";
const FIXED = "--rm --network none --pull never --workdir / --name t1";
const MOUNT = "--mount type=bind,source=/b,target=/.berth-selftest/berth,readonly";
const ENTRY = "--entrypoint /.berth-selftest/berth debian:12 cuda-probe";
const CTR_MOUNT = "--mount type=bind,src=/b,dst=/.berth-selftest/berth,options=rbind:ro";

test.each([
  ["docker", container(RUNTIME, "image"), `run ${FIXED} ${MOUNT} ${ASKS} --runtime /opt/shim ${ENTRY}`],
  ["docker", container(GPUS, "image"), `run ${FIXED} ${MOUNT} --gpus all --env NVIDIA_DRIVER_CAPABILITIES=compute,utility ${ENTRY}`],
  ["docker", container(GPUS, "image", "0,1"), `run ${FIXED} ${MOUNT} --gpus "device=0,1" --env NVIDIA_DRIVER_CAPABILITIES=compute,utility ${ENTRY}`],
  ["docker", container(CDI, "image"), `run ${FIXED} ${MOUNT} --device nvidia.com/gpu=0 ${ENTRY}`],
  ["podman", container(RUNTIME, "folder"), `--runtime /opt/shim run ${FIXED} ${MOUNT} ${ASKS} --rootfs /r /.berth-selftest/berth cuda-probe`],
  ["podman", container(CDI, "image"), `run ${FIXED} ${MOUNT} --device nvidia.com/gpu=0 ${ENTRY}`],
  ["containerd", container(RUNTIME, "folder"), `run --rm --runc-binary /opt/shim ${CTR_MOUNT} ${ASKS} --rootfs /r t1 /.berth-selftest/berth cuda-probe`],
  ["containerd", container(CDI, "image"), `run --rm ${CTR_MOUNT} --device nvidia.com/gpu=0 debian:12 t1 /.berth-selftest/berth cuda-probe`],
] as const)("trialWords of %s start a container that is gone when it ends", (engine, wish, expected) => {
  expect(trialWords(engine, ["client"], wish).join(" ")).toBe(`client ${expected}`);
}); // prettier-ignore

test("trialCommand starts berth by itself, or through the loader that was brought along", () => {
  const words = "/.berth-selftest/berth cuda-probe --with-toolkit --deadline-ms 5000";
  expect(trialCommand(5000, undefined).join(" ")).toBe(words);
  const loader = "/.berth-selftest/lib/ld-linux-x86-64.so.2 --library-path /.berth-selftest/lib";
  expect(trialCommand(5000, "ld-linux-x86-64.so.2").join(" ")).toBe(`${loader} ${words} --is-foreign`);
});

test("whyImpossible: runc alone has no images and no ways but a runtime; ctr has no --gpus of ours", () => {
  expect(whyImpossible("runc", RUNTIME, undefined)).toBeUndefined();
  expect(whyImpossible("runc", RUNTIME, "debian")).toContain("no images");
  expect(whyImpossible("runc", CDI, undefined)).toContain("a runtime does");
  expect(whyImpossible("containerd", GPUS, undefined)).toContain("--gpus");
  expect(whyImpossible("podman", GPUS, "debian")).toBeUndefined();
});

test("an image's name cannot be an option of the client", () => {
  for (const image of ["--privileged", "-v/:/host", "", "a b"])
    expect(whyImpossible("docker", { kind: "gpus" }, image)).toBe(`${JSON.stringify(image)} is no image's name`);
  for (const image of ["debian:12", "sha256:0123", "localhost:5000/a/b@sha256:01"])
    expect(whyImpossible("docker", { kind: "gpus" }, image)).toBeUndefined();
});
