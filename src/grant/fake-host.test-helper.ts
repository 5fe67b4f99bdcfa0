import type { Capability, DeviceNode, DriverLibrary, Gpu, Host } from "../host/index.ts";

/** A device node of a test host. */
export function fakeNode(path: string, major: number, minor: number): DeviceNode {
  return { path, hostPath: path, major, minor, mode: 0o666, uid: 0, gid: 0 };
}

/** GPU `index` with a minor that differs from it and, for every third one, MIG with two devices. */
export function fakeGpu(index: number, overrides: Partial<Gpu> = {}): Gpu {
  const minor = index ^ 1;
  const caps = (gi: number) =>
    [gi, gi + 1].map((cap) => fakeNode(`/dev/nvidia-caps/nvidia-cap${100 * index + cap}`, 234, 100 * index + cap));
  const migDevices = [10, 20].map((gi) => ({
    gpuInstance: gi,
    computeInstance: 0,
    uuid: undefined,
    index: undefined,
    profile: undefined,
    nodes: caps(gi),
  }));
  const isMigEnabled = index % 3 === 2;
  return {
    index,
    minor,
    uuid: `GPU-00000000-0000-0000-0000-00000000000${index}`,
    bus: `0000:0${index}:00.0`,
    model: "Test GPU",
    computeCapability: "9.0",
    brand: "nvidia",
    node: fakeNode(`/dev/nvidia${minor}`, 195, minor),
    drmNodes: [
      fakeNode(`/dev/dri/card${index}`, 226, index),
      fakeNode(`/dev/dri/renderD${128 + index}`, 226, 128 + index),
    ],
    drmLinks: [
      { path: `/dev/dri/by-path/pci-0000:0${index}:00.0-card`, target: `../card${index}` },
      { path: `/dev/dri/by-path/pci-0000:0${index}:00.0-render`, target: `../renderD${128 + index}` },
    ],
    isMigEnabled,
    migDevices: isMigEnabled ? migDevices : [],
    ...overrides,
  };
}

function fakeLibrary(
  stem: string,
  capabilities: readonly Capability[],
  overrides: Partial<DriverLibrary> = {},
): DriverLibrary {
  const path = `/usr/lib/x86_64-linux-gnu/${stem}.so.570.1`;
  return {
    path,
    hostPath: path,
    soname: `${stem}.so.1`,
    architecture: "x86-64",
    capabilities,
    links: [`${stem}.so.1`, `${stem}.so`],
    isExplicit: false,
    ...overrides,
  };
}

/** A host with `count` GPUs and one library for each kind of need. */
export function fakeHost(count: number, overrides: Partial<Host> = {}): Host {
  const path32 = "/usr/lib/i386-linux-gnu/libcuda.so.570.1";
  return {
    root: "/",
    absence: undefined,
    driver: {
      version: "570.1",
      cuda: { version: "12.8", isExact: true },
      libraryFolders: ["/usr/lib/x86_64-linux-gnu"],
    },
    gpus: Array.from({ length: count }, (_, index) => fakeGpu(index)),
    controlNodes: [
      fakeNode("/dev/nvidiactl", 195, 255),
      fakeNode("/dev/nvidia-uvm", 511, 0),
      fakeNode("/dev/nvidia-uvm-tools", 511, 1),
      fakeNode("/dev/nvidia-modeset", 195, 254),
    ],
    unit: undefined,
    migControl: {
      config: fakeNode("/dev/nvidia-caps/nvidia-cap1", 234, 1),
      monitor: fakeNode("/dev/nvidia-caps/nvidia-cap2", 234, 2),
    },
    imexChannels: [],
    features: {
      gds: { nodes: [], files: [] },
      gdrcopy: { nodes: [], files: [] },
      mofed: { nodes: [], files: [] },
      nvswitch: { nodes: [], files: [] },
    },
    libraries: [
      fakeLibrary("libcuda", ["compute", "video"]),
      fakeLibrary("libcuda", ["compute", "video"], { path: path32, hostPath: path32, architecture: "i386" }),
      fakeLibrary("libnvidia-ml", ["utility"]),
      fakeLibrary("libGLX_nvidia", ["graphics", "display"]),
    ],
    missing: [],
    files: [
      { kind: "binary", path: "/usr/bin/nvidia-smi", hostPath: "/usr/bin/nvidia-smi", capabilities: ["utility"] },
      {
        kind: "firmware",
        path: "/lib/firmware/nvidia/570.1/gsp.bin",
        hostPath: "/lib/firmware/nvidia/570.1/gsp.bin",
        capabilities: [],
      },
      {
        kind: "socket",
        path: "/run/nvidia-persistenced/socket",
        hostPath: "/run/nvidia-persistenced/socket",
        capabilities: ["utility"],
      },
    ],
    links: [],
    warnings: [],
    ...overrides,
  };
}

/** The MIG devices of a GPU as they are once the driver has told of them: UUIDs end in GPU and number. */
export function learnt(gpu: Gpu): Gpu {
  const migDevices = gpu.migDevices.map((device, index) => ({
    ...device,
    index,
    uuid: `MIG-00000000-0000-5000-8000-0000000000${gpu.index}${index}`,
    profile: "1g.10gb",
  }));
  return { ...gpu, migDevices };
}
