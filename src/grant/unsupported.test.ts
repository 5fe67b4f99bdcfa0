import { expect, test } from "bun:test";
import { loadConfig, type Config } from "../config/index.ts";
import { refuseUnsupported, unsupportedSigns } from "./unsupported.ts";

const DEFAULTS = loadConfig({ get: () => undefined }, "/nonexistent/config.toml");
const bytes = (text: string): Uint8Array => Buffer.from(text);
const C002 = expect.objectContaining({ code: "BERTH-C002" });

test.each<[Partial<Config>, string]>([
  [{ acceptDevicesAsVolumeMounts: true }, '{"destination":"/var/run/nvidia-container-devices/0"}'],
  [{ mode: "cdi" }, '{"annotations":{"cdi.k8s.io/x":"nvidia.com/gpu=0"}}'],
  [{ mode: "cdi" }, '"NVIDIA_VISIBLE_DEVICES=0"'],
  [{ mode: "csv" }, '"NVIDIA_VISIBLE_DEVICES=0"'],
])("with %j a container that holds %s is refused, and the launcher brings it here", (change, spec) => {
  const config = { ...DEFAULTS, ...change };
  expect(() => refuseUnsupported(config, bytes(spec))).toThrow(C002);
  expect(unsupportedSigns(config).some((sign) => spec.includes(sign))).toBe(true);
  expect(() => refuseUnsupported(config, bytes("{}"))).not.toThrow();
});

test("with the defaults, and in the modes that end in one pipeline, nothing is refused", () => {
  for (const mode of ["auto", "jit-cdi", "legacy"] as const) {
    const config = { ...DEFAULTS, mode };
    expect(unsupportedSigns(config)).toEqual([]);
    expect(() => refuseUnsupported(config, bytes("cdi.k8s.io/ nvidia-container-devices"))).not.toThrow();
  }
});
