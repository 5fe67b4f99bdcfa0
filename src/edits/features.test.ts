import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { fakeGpu, fakeHost, fakeNode, learnt } from "../grant/fake-host.test-helper.ts";
import { decide, type Policy } from "../grant/index.ts";
import { POLICY } from "../grant/policy.test-helper.ts";
import { FEATURES, type DeviceNode, type Gpu, type GpuUnit, type Host } from "../host/index.ts";
import { readRequest, type CompatLibraries } from "../request/index.ts";
import { makeSource } from "../request/source.test-helper.ts";
import { libcudaFolders, spellOut, type Edits } from "./index.ts";

const PRIVILEGED = ["CAP_SYS_ADMIN"];
const feature = (path: string) => ({ nodes: [fakeNode(path, 240, 0)], files: [] });

/** Four GPUs, of which 2 is split; everything that a host can have beside them. */
const host: Host = fakeHost(4, {
  gpus: fakeHost(4).gpus.map(learnt),
  imexChannels: [0, 1].map((channel) => fakeNode(`/dev/nvidia-caps-imex-channels/channel${channel}`, 239, channel)),
  features: {
    gds: {
      nodes: [fakeNode("/dev/nvidia-fs0", 240, 0), fakeNode("/dev/nvidia-fs1", 240, 1)],
      files: [
        { path: "/run/udev", hostPath: "/run/udev" },
        { path: "/etc/cufile.json", hostPath: "/etc/cufile.json" },
      ],
    },
    gdrcopy: feature("/dev/gdrdrv"),
    mofed: feature("/dev/infiniband/uverbs0"),
    nvswitch: feature("/dev/nvidia-nvswitchctl"),
  },
  links: [
    {
      path: "/usr/lib/x86_64-linux-gnu/gbm/nvidia-drm_gbm.so",
      target: "../libnvidia-allocator.so.1",
      capabilities: ["graphics", "display"],
    },
  ],
});

interface Setting {
  readonly capabilities?: string;
  readonly env?: readonly string[];
  readonly on?: Host;
  readonly policy?: Partial<Policy>;
  readonly compat?: CompatLibraries;
}

function editsFor(
  devices: string,
  { capabilities = "", env = [], on = host, policy = {}, compat }: Setting = {},
): Edits {
  const words = [`NVIDIA_VISIBLE_DEVICES=${devices}`, `NVIDIA_DRIVER_CAPABILITIES=${capabilities}`, ...env];
  const request = { ...readRequest(makeSource({ env: words, bounding: PRIVILEGED })), compat };
  const decision = decide(request, on, { ...POLICY, ...policy });
  if (decision.kind !== "granted") throw new Error(JSON.stringify(decision));
  return spellOut(decision.grant, on);
}

const nodes = (edits: Edits) => edits.devices.map(({ node }) => node.path);
const links = (edits: Edits) => edits.links.map(({ path, target }) => `${path} -> ${target}`);

test.each([
  ["NVIDIA_GDS", ["/dev/nvidia-fs0", "/dev/nvidia-fs1"], ["/run/udev", "/etc/cufile.json"]],
  ["NVIDIA_GDRCOPY", ["/dev/gdrdrv"], []],
  ["NVIDIA_MOFED", ["/dev/infiniband/uverbs0"], []],
  ["NVIDIA_NVSWITCH", ["/dev/nvidia-nvswitchctl"], []],
] as const)("%s=enabled adds the nodes %j and the files %j, and takes nothing away", (variable, added, files) => {
  const plain = editsFor("0");
  const edits = editsFor("0", { env: [`${variable}=enabled`] });
  expect(nodes(edits)).toEqual([...nodes(plain), ...added]);
  const paths = (each: Edits) => each.mounts.map(({ containerPath }) => containerPath);
  expect(paths(edits)).toEqual([...paths(plain), ...files]);
  expect(edits.env).toEqual(plain.env);
});

test("IMEX channels and MIG control are their nodes", () => {
  expect(nodes(editsFor("0", { env: ["NVIDIA_IMEX_CHANNELS=1"] })).slice(-1)).toEqual([
    "/dev/nvidia-caps-imex-channels/channel1",
  ]);
  const env = ["NVIDIA_MIG_CONFIG_DEVICES=all", "NVIDIA_MIG_MONITOR_DEVICES=all"];
  expect(nodes(editsFor("0", { env })).slice(-2)).toEqual([
    "/dev/nvidia-caps/nvidia-cap1",
    "/dev/nvidia-caps/nvidia-cap2",
  ]);
});

test("a GPU for graphics has its DRM nodes under their names by PCI address, too, without the host's root before them", () => {
  const edits = editsFor("1", { capabilities: "graphics" });
  expect(links(edits).filter((link) => link.includes("by-path"))).toEqual([
    "/dev/dri/by-path/pci-0000:01:00.0-card -> ../card1",
    "/dev/dri/by-path/pci-0000:01:00.0-render -> ../renderD129",
  ]);
  expect(links(edits)).toContain("/usr/lib/x86_64-linux-gnu/gbm/nvidia-drm_gbm.so -> ../libnvidia-allocator.so.1");
  expect(links(editsFor("1")).filter((link) => /by-path|gbm/.test(link))).toEqual([]);
});

test("a MIG device has DRM nodes only where its profile draws", () => {
  const split = learnt(fakeGpu(2));
  const drawing = { ...split, migDevices: split.migDevices.map((device) => ({ ...device, profile: "1g.24gb+gfx" })) };
  const dri = (gpu: Gpu) => {
    const on = fakeHost(0, { gpus: [fakeGpu(0), fakeGpu(1), gpu] });
    return nodes(editsFor("2:0", { capabilities: "graphics", on })).filter((path) => path.startsWith("/dev/dri"));
  };
  expect(dri(split)).toEqual([]);
  expect(dri(drawing)).toEqual(["/dev/dri/card2", "/dev/dri/renderD130"]);
});

const closed = (node: DeviceNode, mode: number, gid: number): DeviceNode => ({ ...node, mode, gid });

test("the groups of nodes that are not open to everybody become the process's, each once, and never group 0", () => {
  const gpu = fakeGpu(0);
  const on = fakeHost(0, {
    gpus: [
      {
        ...gpu,
        node: gpu.node && closed(gpu.node, 0o660, 44),
        drmNodes: gpu.drmNodes.map((node, index) => closed(node, 0o660, [44, 105][index] ?? 0)),
      },
    ],
    controlNodes: fakeHost(1).controlNodes.map((node) => closed(node, 0o660, 0)),
  });
  const gids = (setting: Setting) => editsFor("0", { on, ...setting }).groups.map(({ gid }) => gid);
  expect(gids({ capabilities: "graphics" })).toEqual([44, 105]);
  expect(gids({ capabilities: "utility" })).toEqual([44]);
  expect(gids({ policy: { extras: { ...POLICY.extras, hasGroups: false } } })).toEqual([]);
  expect(editsFor("0").groups).toEqual([]);
});

test("the application profile has a bit for the minor of each visible GPU, for what draws alone", () => {
  const files = (devices: string, setting: Setting = {}) =>
    editsFor(devices, { capabilities: "graphics", ...setting }).files;
  // GPU 0 has minor 1, GPU 3 has minor 2.
  expect(files("0,3")).toMatchObject([
    {
      path: "/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf",
      content:
        '{"profiles":[{"name":"_container_","settings":["EGLVisibleDGPUDevices",0x6]}],"rules":[{"pattern":[],"profile":"_container_"}]}\n',
    },
  ]);
  expect(files("0", { capabilities: "compute" })).toEqual([]);
  expect(files("none")).toEqual([]);
  expect(files("0", { policy: { extras: { ...POLICY.extras, hasApplicationProfile: false } } })).toEqual([]);
  const many = fakeHost(0, { gpus: [fakeGpu(0, { minor: 63 }), fakeGpu(1, { minor: 64 })] });
  expect(files("all", { on: many })[0]?.content).toContain("0x8000000000000000]");
});

const COMPAT: CompatLibraries = {
  folder: "/usr/local/cuda-13.0/compat",
  version: "580.65.06",
  libraries: [
    { path: "/usr/local/cuda-13.0/compat/libcuda.so.580.65.06", soname: "libcuda.so.1", architecture: "x86-64" },
  ],
  note: undefined,
};

test("the image's newer CUDA libraries stand before the driver's in the loader's list, and nothing of them is mounted", () => {
  const edits = editsFor("0", { compat: COMPAT });
  const found = edits.loaderEntries.filter(({ soname }) => soname === "libcuda.so.1");
  expect(found.map(({ path, isOfImage }) => [path, isOfImage])).toEqual([
    ["/usr/local/cuda-13.0/compat/libcuda.so.580.65.06", true],
    ["/usr/lib/x86_64-linux-gnu/libcuda.so.570.1", false],
    ["/usr/lib/i386-linux-gnu/libcuda.so.570.1", false],
  ].slice(0, found.length)); // prettier-ignore
  expect(edits.mounts.some(({ hostPath }) => hostPath.includes("compat"))).toBe(false);
});

test("NVIDIA_CTK_LIBCUDA_DIR names the folders of the driver's libcuda, not the image's; none where there is none", () => {
  const value = (setting: Setting) => libcudaFolders(editsFor("0", setting).loaderEntries).map((edit) => edit.value);
  expect(value({ compat: COMPAT })).toEqual(["/usr/lib/x86_64-linux-gnu"]);
  expect(value({ capabilities: "utility" })).toEqual([]);
});

test("sockets come unless an administrator switched them off", () => {
  const kinds = (setting: Setting) => new Set(editsFor("0", setting).mounts.map(({ kind }) => kind));
  expect(kinds({})).toContain("socket");
  expect(kinds({ policy: { extras: { ...POLICY.extras, hasSockets: false } } })).not.toContain("socket");
});

const UNIT: GpuUnit = {
  kind: "csv",
  model: "NVIDIA Jetson",
  items: [
    { kind: "node", node: fakeNode("/dev/nvhost-gpu", 505, 1), isOptional: false },
    { kind: "library", path: "/usr/lib/tegra/libcuda.so.1.1", hostPath: "/usr/lib/tegra/libcuda.so.1.1", soname: "libcuda.so.1", architecture: "aarch64", isOptional: false },
    { kind: "link", path: "/usr/lib/libcuda.so", target: "tegra/libcuda.so.1.1", isOptional: false },
    { kind: "folder", path: "/usr/share/tegra", hostPath: "/usr/share/tegra", isOptional: false },
    { kind: "file", path: "/etc/cudnn", hostPath: "/etc/cudnn", isOptional: true },
  ],
}; // prettier-ignore

test("a Tegra or WSL GPU is all of its unit; optional parts only where all CSV files are asked for; none leaves the nodes out", () => {
  const on = fakeHost(0, { unit: UNIT, controlNodes: [], libraries: [], files: [] });
  const edits = editsFor("all", { on });
  expect(nodes(edits)).toEqual(["/dev/nvhost-gpu"]);
  expect(edits.mounts.map(({ containerPath, kind }) => [containerPath, kind])).toEqual([["/usr/lib/tegra/libcuda.so.1.1", "library"], ["/usr/share/tegra", "config"]]); // prettier-ignore
  expect(links(edits)).toEqual(["/usr/lib/libcuda.so -> tegra/libcuda.so.1.1"]);
  expect(edits.loaderEntries).toMatchObject([{ soname: "libcuda.so.1", path: "/usr/lib/tegra/libcuda.so.1.1" }]);
  expect(edits.env).toMatchObject([{ name: "NVIDIA_VISIBLE_DEVICES", value: "all" }]);
  const everything = editsFor("0", { on, env: ["NVIDIA_REQUIRE_JETPACK=csv-mounts=all"] });
  expect(everything.mounts.map(({ containerPath }) => containerPath)).toContain("/etc/cudnn");
  expect(nodes(editsFor("none", { on }))).toEqual([]);
});

test("of two libraries of one soname the loader takes the one that is named after it, as under WSL", () => {
  const store = "/usr/lib/wsl/drivers/nv";
  const library = (name: string) => {
    const path = `${store}/${name}`;
    return {
      kind: "library",
      path,
      hostPath: path,
      soname: "libcuda.so.1",
      architecture: "x86-64",
      isOptional: false,
    } as const;
  };
  const node = { kind: "node", node: fakeNode("/dev/dxg", 10, 125), isOptional: false } as const;
  const unit: GpuUnit = {
    kind: "wsl",
    model: "WSL",
    items: [node, library("libcuda_loader.so"), library("libcuda.so.1.1")],
  };
  const { loaderEntries } = editsFor("all", { on: fakeHost(0, { unit }) });
  expect(loaderEntries.map(({ path }) => path)).toEqual([`${store}/libcuda.so.1.1`, `${store}/libcuda_loader.so`]);
});

/** What a container may have because of one id, of all nodes that are some device's own. */
const OWN: ReadonlyMap<string, readonly string[]> = new Map(
  host.gpus.flatMap((gpu) => {
    const own: [string, string[]] = [`${gpu.index}`, [gpu.node?.path ?? "", ...gpu.drmNodes.map(({ path }) => path)]];
    const parts = gpu.migDevices.map((device): [string, string[]] => {
      return [`${gpu.index}:${device.index}`, [gpu.node?.path ?? "", ...device.nodes.map(({ path }) => path)]];
    });
    return [own, ...parts];
  }),
);

test("whatever devices, capabilities and features are asked for, no node of another device is in the edits", () => {
  const everyNode = new Set([...OWN.values()].flat());
  fc.assert(
    fc.property(
      fc.subarray([...OWN.keys()], { minLength: 1 }),
      fc.subarray(["compute", "utility", "graphics", "display", "video"], { minLength: 1 }),
      fc.subarray([...FEATURES]),
      (asked, capabilities, features) => {
        const env = features.map((name) => `NVIDIA_${name.toUpperCase()}=enabled`);
        const paths = nodes(editsFor(asked.join(), { capabilities: capabilities.join(), env }));
        const allowed = new Set(asked.flatMap((id) => OWN.get(id) ?? []));
        expect(paths.filter((path) => everyNode.has(path) && !allowed.has(path))).toEqual([]);
        expect(new Set(paths).size).toBe(paths.length);
      },
    ),
  );
});
