/** A machine to simulate; one readable file each in profiles/. */
export interface SimProfile {
  readonly name: string;
  readonly summary: string;
  /** `pci`: GPUs with a kernel module of their own. `wsl`, `tegra`: one GPU behind one device node. */
  readonly platform: "pci" | UnitPlatform;
  /** Where the distribution keeps libraries: /usr/lib/<multiarch> or /usr/lib64. */
  readonly layout: "debian" | "rhel" | "own-folder";
  /** Undefined: the kernel module is not loaded and nothing of a driver is installed. */
  readonly driver: SimDriver | undefined;
  /** False: the kernel module's files say `GPU-????????-…`; NVML knows the UUIDs all the same, as on real hardware. */
  readonly isUuidKnown: boolean;
  /** Undefined: the graphics nodes are open to all, and what only a workstation needs is not installed. */
  readonly workstation: SimWorkstation | undefined;
  /** Undefined: the machine has no IMEX. */
  readonly imex: SimImex | undefined;
  /** Undefined: the machine has nothing for GPUDirect. */
  readonly gpuDirect: SimGpuDirect | undefined;
  /** The name of what is wrong with it (faults.ts); undefined: nothing. */
  readonly fault?: string;
  /** In the order of PCI addresses. */
  readonly gpus: readonly SimGpu[];
}

export type UnitPlatform = "wsl" | "tegra";

export interface SimDriver {
  /** "570.133.20". */
  readonly version: string;
  /** The newest CUDA it supports: "12.8". */
  readonly cuda: string;
  /** Undefined on WSL and Tegra. */
  readonly module: SimModule | undefined;
}

export interface SimModule {
  readonly kind: "open" | "proprietary";
  readonly uvmMajor: number;
  readonly capsMajor: number;
}

/** The groups to which /dev/dri/cardN and renderDN belong, which are closed to others. */
export interface SimWorkstation {
  readonly cardGroup: number;
  readonly renderGroup: number;
}

export interface SimImex {
  readonly major: number;
  /** N of /dev/nvidia-caps-imex-channels/channelN. */
  readonly channels: readonly number[];
}

/** GPUDirect Storage, GDRCopy, the network cards' verbs, NVSwitch. */
export interface SimGpuDirect {
  readonly storageMajor: number;
  readonly gdrcopyMajor: number;
  /** N network cards make /dev/infiniband/uverbs0 to N-1. */
  readonly networkCards: number;
  readonly switchMajor: number;
  /** PCI addresses of the switches, which are NVIDIA's and no GPUs. */
  readonly switches: readonly string[];
}

export interface SimGpu {
  readonly model: string;
  /** As NVML has it. */
  readonly brand: SimBrand;
  /** "0000:1b:00.0", lower case. */
  readonly bus: string;
  /** N of /dev/nvidiaN. */
  readonly minor: number;
  /** What NVML says. */
  readonly uuid: string;
  readonly memoryMiB: number;
  /** As sysfs has it: "0x2330". */
  readonly pciDevice: string;
  /** Subsystem and its vendor in one number: "0x16c110de". */
  readonly pciSubsystem: string;
  readonly computeCapability: string;
  readonly isMigCapable: boolean;
  readonly drm: { readonly card: number; readonly render: number };
  /** Undefined: MIG is off. In NVML's order. */
  readonly mig: readonly SimMigDevice[] | undefined;
}

export const BRANDS = ["nvidia", "geforce", "tesla"] as const;
export type SimBrand = (typeof BRANDS)[number];

export interface SimMigDevice {
  readonly gpuInstance: number;
  readonly computeInstance: number;
  /** "3g.40gb", "1g.24gb+gfx"; "1c.3g.40gb" where the compute instance is a part of its GPU instance. */
  readonly profile: string;
  readonly uuid: string;
  readonly memoryMiB: number;
}

/** What a driver version looks like: "570.133.20", "550.54". */
export const DRIVER_VERSION = /^\d{1,4}\.\d{1,4}(\.\d{1,4})?$/;
