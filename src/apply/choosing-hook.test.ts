import { expect, test } from "bun:test";
import { fakeGpu, fakeHost } from "../grant/fake-host.test-helper.ts";
import { anyDevices } from "./any-devices.ts";
import { takeChoosingHooks } from "./choosing-hook.ts";

const HOOK = "/usr/bin/nvidia-cdi-hook";

test("a CDI file has a device for each number of whole GPUs, and one hook is all that belongs to it", () => {
  // One of four is split by MIG.
  const devices = anyDevices(fakeHost(4), HOOK);
  expect(devices.map(({ name }) => name)).toEqual([
    "any",
    "any:1",
    "any:2",
    "any:3",
    "auto",
    "auto:1",
    "auto:2",
    "auto:3",
  ]);
  const [, , two] = devices;
  expect(two?.containerEdits).toMatchObject({
    deviceNodes: [],
    mounts: [],
    hooks: [{ hookName: "createRuntime", path: HOOK, args: ["nvidia-cdi-hook", "choose-gpus", "--wish", "any:2"] }],
  });
  expect(two?.containerEdits.hooks[0]?.env.length).toBeGreaterThan(0);
  expect(anyDevices({ ...fakeHost(4), gpus: [fakeGpu(2)] }, HOOK)).toEqual([]);
  expect(anyDevices(fakeHost(4), "/usr/bin/nvidia-ctk")).toEqual([]);
});

test("the wish of such hooks is read from a spec, and they are taken out of it", () => {
  const [device] = anyDevices(fakeHost(4), HOOK);
  const { hookName, ...ours } = device?.containerEdits.hooks[0] ?? { hookName: "poststop" };
  const other = { path: "/bin/other", args: ["other", "update", "--wish"] };
  const spec = { hooks: { createRuntime: [other, { ...ours }], prestart: [other] }, x: 1 };
  expect(hookName).toBe("createRuntime");
  expect(takeChoosingHooks(JSON.parse(JSON.stringify(spec)))).toEqual({
    asked: { list: "any", text: "the CDI device any" },
    spec: { hooks: { createRuntime: [other], prestart: [other] }, x: 1 },
  });
  expect(takeChoosingHooks({ hooks: { createRuntime: [other] } })).toBeUndefined();
  expect(takeChoosingHooks({})).toBeUndefined();
});
