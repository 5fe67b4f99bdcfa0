import { expect, test } from "bun:test";
import { readRunOptions } from "./read-run-options.ts";
import { refuseRivals } from "./refuse-rivals.ts";

const refuse = (line: string) => () => refuseRivals(readRunOptions(line.split(" ")));

test.each([
  "--gpus all img",
  "--gpus=1 img",
  "-e NVIDIA_VISIBLE_DEVICES=0 img",
  "-itenvNVIDIA --env NVIDIA_VISIBLE_DEVICES img",
  "--device nvidia.com/gpu=0 img",
  "--device=management.nvidia.com/gpu=all img",
  "--label berth.gpus=any:2 img",
  "--annotation berth.gpus=any:2 img",
])("what asks for GPUs beside -g is refused: %s", (line) => {
  expect(refuse(line)).toThrow(expect.objectContaining({ code: "BERTH-A044" }));
});

test.each([
  "--rm img --gpus all",
  "-e NVIDIA_VISIBLE_DEVICES_X=0 -e NVIDIA_DRIVER_CAPABILITIES=all img",
  "--device /dev/fuse --device vendor.com/nic=0 img",
  "--label gpus=1 --runtime nvidia img",
])("what does not is the engine's own: %s", (line) => {
  expect(refuse(line)).not.toThrow();
});
