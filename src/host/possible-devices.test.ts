import { afterAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { makeRoot, put } from "./fake-root.test-helper.ts";
import { listPossibleDevices } from "./index.ts";

const roots: string[] = [];
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

function machine(): string {
  const root = makeRoot([]);
  roots.push(root);
  for (const bus of ["0000:1b:00.0", "0000:1c:00.0", "0000:03:00.0", "0000:04:00.0"]) {
    put(root, `/sys/bus/pci/devices/${bus}/vendor`, bus.startsWith("0000:03") ? "0x1a03\n" : "0x10de\n");
    put(root, `/sys/bus/pci/devices/${bus}/class`, bus.startsWith("0000:04") ? "0x068000\n" : "0x030200\n");
  }
  return root;
}

function list(root: string): readonly string[] {
  return listPossibleDevices(root).devices.map(({ path, major, minor }) => `${path} ${major}:${minor}`);
}

const CONTROL = [
  "/dev/nvidia-modeset 195:254",
  "/dev/nvidiactl 195:255",
  "/dev/nvidia-uvm 511:0",
  "/dev/nvidia-uvm-tools 511:1",
  "/dev/nvidia0 195:0",
  "/dev/nvidia1 195:1",
];

test("as many GPUs as PCI shows, and MIG instances up to the first that the table does not name", () => {
  const root = machine();
  const names = ["config", "monitor", "gpu0/gi0/access", "gpu0/gi0/ci0/access", "gpu0/gi0/ci2/access"];
  const more = ["gpu0/gi1/access", "gpu0/gi3/access", "gpu1/gi0/access", "gpu2/gi0/access"];
  const lines = [...names, ...more].map((name, index) => `${name} ${index + 1}\n`);
  put(root, "/proc/driver/nvidia-caps/mig-minors", lines.join(""));
  const caps = [1, 2, 3, 4, 6, 8].map((minor) => `/dev/nvidia-caps/nvidia-cap${minor} 234:${minor}`);
  expect(list(root)).toEqual([...CONTROL, ...caps]);
});

test("what /proc/devices does not name is said; the capabilities' driver only where there is a table", () => {
  const root = machine();
  put(root, "/proc/devices", "Character devices:\n195 nvidia\n\nBlock devices:\n");
  expect(listPossibleDevices(root)).toEqual({ devices: [], missing: ["nvidia-uvm", "nvidia-caps"] });
  rmSync(`${root}/proc/driver/nvidia-caps`, { recursive: true });
  put(root, "/proc/devices", "Character devices:\n195 nvidia-frontend\n511 nvidia-uvm\n\nBlock devices:\n");
  expect(list(root)).toEqual(CONTROL);
});
