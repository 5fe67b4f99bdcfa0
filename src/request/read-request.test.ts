import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { readRequest, REQUEST_SIGNS } from "./index.ts";

const wants = (...env: string[]) => readRequest({ env, boundingCapabilities: [] }).wants;
const capabilities = (...env: string[]) => readRequest({ env, boundingCapabilities: [] }).capabilities;

test("a container without the variable asks for nothing", () => {
  expect(wants("PATH=/bin")).toBe("nothing");
});

test("the last entry of a repeated variable counts, and case matters", () => {
  expect(wants("NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_VISIBLE_DEVICES=void")).toBe("nothing");
  expect(wants("NVIDIA_VISIBLE_DEVICES=void", "NVIDIA_VISIBLE_DEVICES=0")).toBe("devices");
  expect(wants("nvidia_visible_devices=all")).toBe("nothing");
});

test("a legacy CUDA image asks for everything, unless it says otherwise", () => {
  expect(wants("CUDA_VERSION=9.0")).toBe("devices");
  expect(capabilities("CUDA_VERSION=9.0")).toBe("all");
  expect(wants("CUDA_VERSION=9.0", "NVIDIA_VISIBLE_DEVICES=")).toBe("nothing");
  expect(wants("CUDA_VERSION=12.0", "NVIDIA_REQUIRE_CUDA=cuda>=12")).toBe("nothing");
});

test("a swarm resource that exists stands in place of the variable, even empty; several count together", () => {
  const ask = (...env: string[]) => readRequest({ env, boundingCapabilities: [], swarmResources: ["A", "B"] });
  expect(ask("NVIDIA_VISIBLE_DEVICES=all", "A=0", "B=1,0").devices).toEqual([
    { kind: "index", index: 0 },
    { kind: "index", index: 1 },
  ]);
  expect(ask("NVIDIA_VISIBLE_DEVICES=all", "A=").wants).toBe("nothing");
  expect(ask("NVIDIA_VISIBLE_DEVICES=3").devices).toEqual([{ kind: "index", index: 3 }]);
  expect(ask("B=2").devicesOrigin).toEqual({ source: "env", text: "B=2" });
});

test("capabilities are read as asked: unset and empty are the default, all is all, each name counts once", () => {
  expect(capabilities("X=1")).toBeUndefined();
  expect(capabilities("NVIDIA_DRIVER_CAPABILITIES=")).toBeUndefined();
  expect(capabilities("NVIDIA_DRIVER_CAPABILITIES=compute,all")).toBe("all");
  expect(capabilities("NVIDIA_DRIVER_CAPABILITIES= utility, compute,utility,")).toEqual(["utility", "compute"]);
});

test("a request says where it was asked", () => {
  expect(readRequest({ env: ["NVIDIA_VISIBLE_DEVICES=0,1"], boundingCapabilities: [] }).devicesOrigin).toEqual({
    source: "env",
    text: "NVIDIA_VISIBLE_DEVICES=0,1",
  });
  expect(readRequest({ env: [], boundingCapabilities: [] }).devicesOrigin).toEqual({
    source: "default",
    text: "NVIDIA_VISIBLE_DEVICES is not set",
  });
});

test("a spec that holds none of the signs asks for nothing, however its variables are spelled", () => {
  const names = [
    "NVIDIA_VISIBLE_DEVICES",
    "CUDA_VERSION",
    "NVIDIA_DRIVER_CAPABILITIES",
    "PATH",
    "nvidia_visible_devices",
  ];
  const entry = fc.tuple(fc.constantFrom(...names), fc.string()).map(([name, value]) => `${name}=${value}`);
  const spelled = (text: string, escaped: boolean): string => {
    return escaped
      ? `"${text.replace(/./gsu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)}"`
      : JSON.stringify(text);
  };
  fc.assert(
    fc.property(fc.array(fc.tuple(entry, fc.boolean())), (entries) => {
      const json = `{"process":{"env":[${entries.map(([text, escaped]) => spelled(text, escaped)).join()}]}}`;
      const spec: { process: { env: string[] } } = JSON.parse(json);
      const hasSign = REQUEST_SIGNS.some((sign) => json.includes(sign));
      let asks = true;
      try {
        asks = wants(...spec.process.env) !== "nothing";
      } catch {
        // A device id that cannot be read is a request, too.
      }
      expect(asks && !hasSign).toBe(false);
    }),
  );
});
