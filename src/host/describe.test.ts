import { afterAll, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { describeHost } from "./describe.ts";
import { parseDriverVersion } from "./driver-version.ts";
import {
  makeEmptyRoot,
  makeRoot as makeFakeRoot,
  put,
  putLink,
  putNode,
  uuid,
  VERSION,
  type FakeGpu,
} from "./fake-root.test-helper.ts";

const roots: string[] = [];
afterAll(() => roots.forEach((root) => rmSync(root, { recursive: true })));

function makeRoot(gpus: readonly FakeGpu[]): string {
  const root = makeFakeRoot(gpus);
  roots.push(root);
  return root;
}

describe("parseDriverVersion", () => {
  test.each([
    [
      "proprietary",
      "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.230.02  Wed Dec 11 02:17:12 UTC 2024",
      "535.230.02",
    ],
    [
      "open",
      "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.133.20  Release Build  (dvs-builder@U22-I3-B17-02-5)  Sun Mar 23",
      "570.133.20",
    ],
    ["aarch64", "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  580.65.06  Release Build", "580.65.06"],
    ["two numbers", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.57  Tue Jul 13 16:14:05 UTC 2021", "470.57"],
    ["gcc's", "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)", undefined],
    ["none", "NVRM version: NVIDIA UNIX Kernel Module", undefined],
  ])("knows the %s wording", (_, text, version) => {
    expect(parseDriverVersion(`${text}\nGCC version:  gcc version 12.2.0\n`)).toBe(version);
  });
});

describe("describeHost: the driver", () => {
  test("a driver that is not loaded is no driver and nothing else", () => {
    const root = makeEmptyRoot();
    roots.push(root);
    putNode(root, "/dev/nvidiactl", [195, 255]);
    expect(describeHost(root)).toEqual({
      root,
      absence: {
        why: `the NVIDIA driver is not loaded, there is no "${root}/proc/driver/nvidia/version"`,
        remedy: "modprobe nvidia (or install the NVIDIA driver)",
      },
      driver: undefined,
      gpus: [],
      unit: undefined,
      controlNodes: [],
      migControl: {},
      imexChannels: [],
      features: {
        gds: { nodes: [], files: [] },
        gdrcopy: { nodes: [], files: [] },
        mofed: { nodes: [], files: [] },
        nvswitch: { nodes: [], files: [] },
      },
      libraries: [],
      missing: [],
      files: [],
      links: [],
      warnings: [],
    });
  });

  test("a version file without a version is BERTH-D004", () => {
    const root = makeRoot([]);
    put(root, "/proc/driver/nvidia/version", "NVRM version: none\n");
    expect(() => describeHost(root)).toThrow(expect.objectContaining({ code: "BERTH-D004" }));
  });
});

describe("describeHost: GPUs", () => {
  test("the index is the order of PCI addresses, the minor is what the driver says", () => {
    const root = makeRoot([
      { bus: "0000:9b:00.0", minor: 0, uuid: uuid(1) },
      { bus: "10000:01:00.0", minor: 3, uuid: uuid(2) },
      { bus: "0000:1b:00.0", minor: 2, uuid: uuid(3) },
      { bus: "0000:1b:00.1", minor: 10, uuid: uuid(4) },
    ]);
    const { gpus } = describeHost(root);
    expect(gpus.map(({ index, bus, minor, uuid: id }) => [index, bus, minor, id])).toEqual([
      [0, "0000:1b:00.0", 2, uuid(3)],
      [1, "0000:1b:00.1", 10, uuid(4)],
      [2, "0000:9b:00.0", 0, uuid(1)],
      [3, "10000:01:00.0", 3, uuid(2)],
    ]);
    expect(gpus[0]?.node).toEqual({
      path: "/dev/nvidia2",
      hostPath: `${root}/dev/nvidia2`,
      major: 195,
      minor: 2,
      mode: 0o666,
      uid: 0,
      gid: 0,
    });
    expect(gpus[0]?.model).toBe("NVIDIA H100 80GB HBM3");
  });

  test("an excluded GPU is not counted", () => {
    const root = makeRoot([
      { bus: "0000:1b:00.0", minor: 0, uuid: uuid(1), isExcluded: true },
      { bus: "0000:2b:00.0", minor: 1, uuid: uuid(2) },
    ]);
    expect(describeHost(root).gpus.map(({ index, minor }) => [index, minor])).toEqual([[0, 1]]);
  });

  test("a GPU whose information has no minor is left out with a warning, and the rest stays", () => {
    const root = makeRoot([{ bus: "0000:2b:00.0", minor: 1 }]);
    put(
      root,
      "/proc/driver/nvidia/gpus/0000:1b:00.0/information",
      "Model: \t Unknown\nBus Location: \t 0000:1b:00.0\n",
    );
    const host = describeHost(root);
    expect(host.gpus.map(({ bus }) => bus)).toEqual(["0000:2b:00.0"]);
    expect(host.warnings).toEqual([expect.stringContaining("0000:1b:00.0/information")]);
  });

  test("the DRM nodes are those that sysfs names for the PCI address", () => {
    const root = makeRoot([{ bus: "0000:1b:00.0", minor: 0 }]);
    putLink(root, "/sys/bus/pci/devices/0000:1b:00.0", "/sys/devices/pci0000:00/0000:1b:00.0");
    put(root, "/sys/devices/pci0000:00/0000:1b:00.0/drm/card2/dev", "226:2\n");
    put(root, "/sys/devices/pci0000:00/0000:1b:00.0/drm/renderD129/dev", "226:129\n");
    putNode(root, "/dev/dri/card2", [226, 2]);
    putNode(root, "/dev/dri/renderD129", [226, 129]);
    putNode(root, "/dev/dri/card1", [226, 1]);
    const [gpu] = describeHost(root).gpus;
    expect(gpu?.drmNodes.map(({ path, major, minor }) => [path, major, minor])).toEqual([
      ["/dev/dri/card2", 226, 2],
      ["/dev/dri/renderD129", 226, 129],
    ]);
  });
});

describe("describeHost: device nodes", () => {
  const gpu = { bus: "0000:1b:00.0", minor: 0, uuid: uuid(1) };

  test("the control nodes that exist are listed", () => {
    const root = makeRoot([gpu]);
    rmSync(`${root}/dev/nvidia-modeset`);
    const host = describeHost(root);
    expect(host.controlNodes.map(({ path, major, minor }) => `${path} ${major}:${minor}`)).toEqual([
      "/dev/nvidiactl 195:255",
      "/dev/nvidia-uvm 511:0",
      "/dev/nvidia-uvm-tools 511:1",
    ]);
    expect(host.warnings).toEqual([]);
  });

  test.each([
    ["another minor", "berth-sim-device c 195 1\n", "is the device 195:1, not 195:0"],
    ["another major", "berth-sim-device c 8 0\n", "is the device 8:0, not 195:0"],
    ["a plain file", "", "is not a character device"],
    ["a stand-in with a strange number", "berth-sim-device c 0195 0\n", "is not a character device"],
    ["a block device", "berth-sim-device b 195 0\n", "is not a character device"],
  ])("%s at a GPU's path is no node, with a warning", (_, content, warning) => {
    const root = makeRoot([gpu]);
    put(root, "/dev/nvidia0", content);
    const host = describeHost(root);
    expect(host.gpus[0]?.node).toBeUndefined();
    expect(host.warnings).toEqual([`"${root}/dev/nvidia0" ${warning}`]);
  });

  test("a link to the right node is no node: what it leads to can change", () => {
    const root = makeRoot([gpu]);
    rmSync(`${root}/dev/nvidia0`);
    putNode(root, "/dev/other", [195, 0]);
    putLink(root, "/dev/nvidia0", "other");
    expect(describeHost(root).gpus[0]?.node).toBeUndefined();
  });

  test("a missing node is a warning", () => {
    const root = makeRoot([gpu]);
    rmSync(`${root}/dev/nvidia0`);
    expect(describeHost(root).warnings).toEqual([`"${root}/dev/nvidia0" does not exist`]);
  });

  test("plain files stand for devices only in a root that is marked as simulated", () => {
    const root = makeRoot([gpu]);
    rmSync(`${root}/.berth-sim`);
    expect(describeHost(root).gpus[0]?.node).toBeUndefined();
    expect(describeHost(root).controlNodes).toEqual([]);
  });

  test("the major of the nodes is the one in the root's own list of devices", () => {
    const root = makeRoot([gpu]);
    put(root, "/proc/devices", "Character devices:\n240 nvidia-frontend\n");
    putNode(root, "/dev/nvidia0", [240, 0]);
    expect(describeHost(root).gpus[0]?.node?.major).toBe(240);
  });

  test.skipIf(process.getuid?.() !== 0)("real nodes are read with their numbers, mode and owner (needs root)", () => {
    const root = makeRoot([gpu]);
    rmSync(`${root}/dev/nvidia0`);
    expect(Bun.spawnSync(["mknod", "-m", "0660", `${root}/dev/nvidia0`, "c", "195", "0"]).exitCode).toBe(0);
    expect(Bun.spawnSync(["chown", "7:44", `${root}/dev/nvidia0`]).exitCode).toBe(0);
    expect(describeHost(root).gpus[0]?.node).toMatchObject({ major: 195, minor: 0, mode: 0o660, uid: 7, gid: 44 });
  });
});

describe("describeHost: MIG", () => {
  const gpus = [
    { bus: "0000:1b:00.0", minor: 1, mig: { 2: [0, 1], 11: [0] } },
    { bus: "0000:2b:00.0", minor: 0 },
  ];

  test("the parts are in order of GPU instance and compute instance, each with its two capability nodes", () => {
    const root = makeRoot(gpus);
    const host = describeHost(root);
    expect(host.gpus.map(({ isMigEnabled }) => isMigEnabled)).toEqual([true, false]);
    const parts = host.gpus[0]?.migDevices.map((part) => [
      part.gpuInstance,
      part.computeInstance,
      part.nodes.map((node) => `${node.path} ${node.major}:${node.minor}`),
    ]);
    expect(parts).toEqual([
      [2, 0, ["/dev/nvidia-caps/nvidia-cap10 234:10", "/dev/nvidia-caps/nvidia-cap11 234:11"]],
      [2, 1, ["/dev/nvidia-caps/nvidia-cap10 234:10", "/dev/nvidia-caps/nvidia-cap12 234:12"]],
      [11, 0, ["/dev/nvidia-caps/nvidia-cap13 234:13", "/dev/nvidia-caps/nvidia-cap14 234:14"]],
    ]);
    expect(host.warnings).toEqual([]);
  });

  test("a part whose node the driver's table does not name lacks it, with a warning", () => {
    const root = makeRoot(gpus);
    writeFileSync(`${root}/proc/driver/nvidia-caps/mig-minors`, "gpu1/gi2/access 10\ngpu1/gi2/ci0/access 0x0b\n");
    const host = describeHost(root);
    expect(host.gpus[0]?.migDevices[0]?.nodes.map(({ minor }) => minor)).toEqual([10]);
    expect(host.warnings).toContain(`"/proc/driver/nvidia-caps/mig-minors" does not name "gpu1/gi2/ci0/access"`);
  });
});

test("describeHost: what cannot be read is BERTH-D004 and names the file", () => {
  const root = makeRoot([]);
  put(root, "/proc/devices", "x".repeat(70_000));
  expect(() => describeHost(root)).toThrow(
    expect.objectContaining({
      code: "BERTH-D004",
      message: `Cannot read "${root}/proc/devices": it holds more than 65536 bytes`,
    }),
  );
});

test("describeHost: the version of the driver is the one its libraries are looked for by", () => {
  const { driver } = describeHost(makeRoot([]));
  expect(driver).toMatchObject({ version: VERSION, libraryFolders: ["/usr/lib/x86_64-linux-gnu"] });
});
