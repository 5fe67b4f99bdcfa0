import { expect, test } from "bun:test";
import type { JsonObject } from "../base/index.ts";
import { loadConfig } from "../config/index.ts";
import type { Bundle } from "../oci/index.ts";
import { editAnnotation } from "./edit-spec.ts";
import { isAlreadyGranted, wishOf } from "./hook-wish.ts";

const CONFIG = loadConfig({ get: () => undefined }, "/nonexistent/config.toml");

function bundleOf(env: readonly string[], changes: JsonObject = {}): Bundle {
  const spec = { process: { env: [...env], cwd: "/" }, mounts: [], ...changes };
  return { dir: "/b", configPath: "/b/config.json", bytes: new Uint8Array(), spec };
}

test("isAlreadyGranted: whatever the runtime has edited says so in its annotation, and nothing else does", () => {
  const { spec } = bundleOf(["NVIDIA_VISIBLE_DEVICES=0"], { annotations: { "com.example": "x" } });
  expect([isAlreadyGranted(spec), isAlreadyGranted(editAnnotation(spec, "GPU 0"))]).toEqual([false, true]);
});

test("wishOf: what a container's variables ask for", () => {
  const wish = wishOf(bundleOf(["NVIDIA_VISIBLE_DEVICES=0,1", "NVIDIA_DRIVER_CAPABILITIES=compute"]), CONFIG);
  expect(wish).toMatchObject({
    kind: "wish",
    request: { wants: "devices", capabilities: ["compute"], cdiDevices: [] },
  });
});

test('wishOf: nothing, and why, where nothing is asked for or "void" is', () => {
  for (const env of [[], ["NVIDIA_VISIBLE_DEVICES="], ["NVIDIA_VISIBLE_DEVICES=void"]]) {
    const wish = wishOf(bundleOf(env), CONFIG);
    expect(wish).toMatchObject({ kind: "nothing", ignored: [] });
    expect(wish.kind === "nothing" ? wish.reason : "").not.toBe("");
  }
});

test("wishOf: what a container is not allowed to ask for is left out, and said", () => {
  const config = { ...CONFIG, acceptEnvWhenUnprivileged: false };
  const wish = wishOf(bundleOf(["NVIDIA_VISIBLE_DEVICES=all"]), config);
  expect(wish).toMatchObject({ kind: "nothing", ignored: [expect.stringContaining("NVIDIA_VISIBLE_DEVICES")] });
});

test("wishOf refuses a device of a CDI file, which can only be given before the container exists", () => {
  const ask = (): unknown => wishOf(bundleOf(["NVIDIA_VISIBLE_DEVICES=example.com/gpu=0"]), CONFIG);
  expect(ask).toThrow(
    expect.objectContaining({
      code: "BERTH-R004",
      message: expect.stringContaining('the CDI device "example.com/gpu=0"'),
    }),
  );
});
