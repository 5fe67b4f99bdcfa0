import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { describeHost } from "./describe.ts";
import { makeRoot as makeFakeRoot, put, putLink, putNode } from "./fake-root.test-helper.ts";
import type { DeviceNode, FeatureName } from "./host.ts";

const roots: string[] = [];
afterAll(() => roots.forEach((root) => rmSync(root, { recursive: true })));

const DEVICES = [
  "Character devices:",
  " 10 misc",
  "195 nvidia",
  "231 infiniband_verbs",
  "234 nvidia-caps",
  "235 nvidia-nvswitch",
  "236 nvidia-caps-imex-channels",
  "237 nvidia-fs",
  "238 gdrdrv",
  "239 infiniband_verbs",
  "511 nvidia-uvm",
  "",
  "Block devices:",
  "  7 gdrdrv",
];

function makeRoot(): string {
  const root = makeFakeRoot([]);
  roots.push(root);
  put(root, "/proc/devices", `${DEVICES.join("\n")}\n`);
  return root;
}

function spell(nodes: readonly DeviceNode[]): readonly string[] {
  return nodes.map(({ path, major, minor }) => `${path} ${major}:${minor}`);
}

describe("features", () => {
  test.each<readonly [FeatureName, readonly (readonly [string, number, number])[]]>([
    ["gds", [["/dev/nvidia-fs", 237, 0], ["/dev/nvidia-fs2", 237, 2], ["/dev/nvidia-fs10", 237, 10]]],
    ["gdrcopy", [["/dev/gdrdrv", 238, 0]]],
    ["mofed", [["/dev/infiniband/rdma_cm", 10, 58], ["/dev/infiniband/uverbs0", 231, 192], ["/dev/infiniband/uverbs32", 239, 0]]],
    ["nvswitch", [["/dev/nvidia-nvswitch0", 235, 0], ["/dev/nvidia-nvswitch1", 235, 1], ["/dev/nvidia-nvswitchctl", 235, 255]]],
  ])("%s: the nodes that exist, by number", (name, nodes) => {
    const root = makeRoot();
    for (const [path, ...numbers] of nodes.toReversed()) putNode(root, path, numbers);
    putNode(root, "/dev/nvidia-fsx", [237, 9]);
    putNode(root, "/dev/infiniband/umad0", [231, 0]);
    putNode(root, "/dev/nvidia-nvlink", [240, 0]);
    const host = describeHost(root);
    expect(spell(host.features[name].nodes)).toEqual(nodes.map(([path, major, minor]) => `${path} ${major}:${minor}`));
    expect(host.warnings).toEqual([]);
  }); // prettier-ignore

  test.each([
    ["/dev/nvidia-fs0", [238, 0], "is the device 238:0, not 237:any"],
    ["/dev/gdrdrv", [8, 0], "is the device 8:0, not 238:any"],
    ["/dev/infiniband/uverbs0", [8, 0], "is the device 8:0, not 231 or 239:any"],
    ["/dev/infiniband/rdma_cm", [8, 0], "is the device 8:0, not 10:any"],
    ["/dev/nvidia-nvswitch0", [8, 0], "is the device 8:0, not 235:any"],
  ] as const)("%s of another driver is left out with a warning", (path, numbers, warning) => {
    const root = makeRoot();
    putNode(root, path, numbers);
    const host = describeHost(root);
    expect(Object.values(host.features).flatMap(({ nodes }) => nodes)).toEqual([]);
    expect(host.warnings).toEqual([`"${root}${path}" ${warning}`]);
  });

  test("a plain file or a link at a node's path is no node", () => {
    const root = makeRoot();
    put(root, "/dev/gdrdrv", "");
    putNode(root, "/dev/other", [235, 0]);
    putLink(root, "/dev/nvidia-nvswitch0", "other");
    const host = describeHost(root);
    expect(Object.values(host.features).flatMap(({ nodes }) => nodes)).toEqual([]);
    expect(host.warnings).toHaveLength(2);
  });

  test("GPUDirect Storage has udev's folder and its own configuration beside the nodes", () => {
    const root = makeRoot();
    expect(describeHost(root).features.gds.files).toEqual([]);
    mkdirSync(`${root}/run/udev`, { recursive: true });
    put(root, "/usr/local/cuda/gds/cufile.json", "{}");
    putLink(root, "/etc/cufile.json", "/usr/local/cuda/gds/cufile.json");
    expect(describeHost(root).features.gds.files).toEqual([
      { path: "/run/udev", hostPath: `${root}/run/udev` },
      { path: "/etc/cufile.json", hostPath: `${root}/usr/local/cuda/gds/cufile.json` },
    ]);
  });

  test("where the driver has a root of its own, its configuration comes first", () => {
    const root = makeRoot();
    mkdirSync(`${root}/run/udev`, { recursive: true });
    put(root, "/etc/cufile.json", "{}");
    put(root, "/run/nvidia/driver/etc/cufile.json", "{}");
    expect(describeHost(root, { driverRoot: "/run/nvidia/driver" }).features.gds.files).toEqual([
      { path: "/run/udev", hostPath: `${root}/run/udev` },
      { path: "/etc/cufile.json", hostPath: `${root}/run/nvidia/driver/etc/cufile.json` },
    ]);
  });
});

describe("IMEX channels", () => {
  const channel = (name: string): string => `/dev/nvidia-caps-imex-channels/${name}`;

  test("they are in order of their number, and what is no channel is passed over", () => {
    const root = makeRoot();
    for (const number of [10, 2, 0, 1_048_575]) putNode(root, channel(`channel${number}`), [236, number]);
    for (const name of ["channel", "channel01", "channel1048576", "channel-1", "channel1e3", "chan3", "channel 4"])
      putNode(root, channel(name), [236, 3]);
    const host = describeHost(root);
    expect(host.imexChannels.map(({ minor }) => minor)).toEqual([0, 2, 10, 1_048_575]);
    expect(host.imexChannels[0]).toMatchObject({
      path: channel("channel0"),
      hostPath: `${root}${channel("channel0")}`,
    });
    expect(host.warnings).toEqual([]);
  });

  test.each([
    ["another number", [236, 4], "236:4"],
    ["another driver", [234, 3], "234:3"],
  ] as const)("a channel with %s is left out with a warning", (_, numbers, found) => {
    const root = makeRoot();
    putNode(root, channel("channel3"), numbers);
    const host = describeHost(root);
    expect(host.imexChannels).toEqual([]);
    expect(host.warnings).toEqual([`"${root}${channel("channel3")}" is the device ${found}, not 236:3`]);
  });
});

describe("MIG control", () => {
  const MINORS = "/proc/driver/nvidia-caps/mig-minors";

  test("config and monitor are the nodes that the driver's table names", () => {
    const root = makeRoot();
    put(root, MINORS, "config 1\nmonitor 22\ngpu0/gi0/access 3\n");
    for (const minor of [1, 2, 22]) putNode(root, `/dev/nvidia-caps/nvidia-cap${minor}`, [234, minor]);
    const { config, monitor } = describeHost(root).migControl;
    expect([config?.path, monitor?.path]).toEqual(["/dev/nvidia-caps/nvidia-cap1", "/dev/nvidia-caps/nvidia-cap22"]);
  });

  test("a node that does not exist is none, without a word: hardly any machine needs them", () => {
    const root = makeRoot();
    putNode(root, "/dev/nvidia-caps/nvidia-cap2", [234, 2]);
    const host = describeHost(root);
    expect(Object.keys(host.migControl)).toEqual(["monitor"]);
    expect(host.warnings).toEqual([]);
  });

  test("a node of another driver is none, with a warning", () => {
    const root = makeRoot();
    putNode(root, "/dev/nvidia-caps/nvidia-cap1", [235, 1]);
    const host = describeHost(root);
    expect(host.migControl).toEqual({});
    expect(host.warnings).toEqual([`"${root}/dev/nvidia-caps/nvidia-cap1" is the device 235:1, not 234:1`]);
  });
});
