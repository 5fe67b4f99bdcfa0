import { expect, test } from "bun:test";
import { fakeHost } from "../grant/fake-host.test-helper.ts";
import { formatInfo, isComplete } from "./cli-info.ts";

const host = fakeHost(1);

/** The value of a label where the host's one GPU is like `change`. */
function valueOf(label: string, change: object): string | undefined {
  const text = formatInfo({ ...host, gpus: host.gpus.map((gpu) => ({ ...gpu, ...change })) }, false);
  return new RegExp(`^${label}: +(.*)$`, "m").exec(text)?.[1];
}

test.each([
  ["nvidia", "Nvidia"],
  ["tesla", "Tesla"],
  ["geforce", "GeForce"],
  ["quadro", "Quadro"],
  ["quadrortx", "QuadroRTX"],
  ["nvidiartx", "NvidiaRTX"],
  ["titan", "TITAN"],
  ["nvs", "NVS"],
  ["grid", "GRID"],
  ["unknown", "Unknown"],
  ["something newer", "Unknown"],
])("the brand %s is spelt %s", (brand, text) => {
  expect(valueOf("Brand", { brand })).toBe(text);
});

test.each([
  ["0000:1b:00.0", "00000000:1b:00.0"],
  ["10001:0f:00.0", "00010001:0f:00.0"],
])("the PCI address %s has a domain of eight digits: %s", (bus, text) => {
  expect(valueOf("Bus Location", { bus })).toBe(text);
});

test("what is not known is printed as C prints a missing text", () => {
  expect(valueOf("GPU UUID", { uuid: undefined })).toBe("(null)");
  expect(valueOf("Architecture", { computeCapability: undefined })).toBe("(null)");
});

test("a host without a GPU has the driver's block alone", () => {
  const none = { ...host, gpus: [] };
  expect(formatInfo(none, false)).toMatch(/^NVRM version: {3}[0-9.]+\nCUDA version: {3}[0-9.]+\n$/);
  expect(formatInfo(none, true)).toEndWith(
    "\n\nDevice Index,Device Minor,Model,Brand,GPU UUID,Bus Location,Architecture\n",
  );
});

test("a CUDA version that is a lower bound is not all that is to be known", () => {
  const { driver } = host;
  if (driver?.cuda === undefined) throw new Error("the host has no driver");
  expect(isComplete(host)).toBe(true);
  expect(isComplete({ ...host, driver: { ...driver, cuda: { ...driver.cuda, isExact: false } } })).toBe(false);
  expect(isComplete({ ...host, driver: { ...driver, cuda: undefined } })).toBe(false);
});
