/** What one machine has, as plain JSON. Every path is absolute. */
export interface Host {
  /** The root that was described: "/" or the folder of a simulated host. */
  readonly root: string;
  /** Undefined when the kernel module is not loaded (WSL, Tegra: when the driver's files are not there). */
  readonly driver: Driver | undefined;
  /** Why there is no driver, and what brings one; undefined where there is one. */
  readonly absence: Absence | undefined;
  /** By index: the order of PCI addresses. Empty where `unit` is there. */
  readonly gpus: readonly Gpu[];
  /** WSL and Tegra: the GPU with all that belongs to it as one thing, which cannot be told apart further. */
  readonly unit: GpuUnit | undefined;
  /** nvidiactl, nvidia-uvm, nvidia-uvm-tools, nvidia-modeset: those that exist. */
  readonly controlNodes: readonly DeviceNode[];
  /** The nodes by which MIG is configured and watched; only those that exist. */
  readonly migControl: Readonly<Partial<Record<MigControl, DeviceNode>>>;
  /** /dev/nvidia-caps-imex-channels/channelN that exist, by N, which is the node's minor. */
  readonly imexChannels: readonly DeviceNode[];
  /** What an image switches on by a variable of its own (NVIDIA_GDS=enabled); only what exists. */
  readonly features: Readonly<Record<FeatureName, FeatureFiles>>;
  readonly libraries: readonly DriverLibrary[];
  /** Libraries of the driver that are gone while a link beside them still leads there. */
  readonly missing: readonly MissingLibrary[];
  /** Binaries, firmware, sockets, configuration files and modules of the X server that are the driver's. */
  readonly files: readonly DriverFile[];
  /** Names of the driver that are not beside their library: gbm/nvidia-drm_gbm.so, libglxserver_nvidia.so. */
  readonly links: readonly DriverLink[];
  /** One sentence for each thing that looks wrong and was left out: a node that is another device, an unreadable library. */
  readonly warnings: readonly string[];
}

export interface Driver {
  /** "570.133.20", from /proc/driver/nvidia/version; undefined where no file says it (WSL, some Tegra). */
  readonly version: string | undefined;
  /** The newest CUDA it supports; undefined for a driver that is older than any we know. */
  readonly cuda: SupportedCuda | undefined;
  /** Folders, as a container sees them, that hold 64-bit libraries of this version; the first is the main one. */
  readonly libraryFolders: readonly string[];
}

export interface Absence {
  readonly why: string;
  readonly remedy: string;
}

export interface SupportedCuda {
  /** "12.8" */
  readonly version: string;
  /** False: the driver is newer than any we know, and supports this version at least. */
  readonly isExact: boolean;
}

export interface Gpu {
  readonly index: number;
  /** N of /dev/nvidiaN; not the index. */
  readonly minor: number;
  /** "GPU-…"; undefined while the driver does not know it (an uninitialised GPU says `GPU-????????-…`). */
  readonly uuid: string | undefined;
  /** "0000:1b:00.0", lower case. */
  readonly bus: string;
  readonly model: string;
  /** "9.0", by the PCI device id or learnt from the driver; undefined: not known yet. */
  readonly computeCapability: string | undefined;
  /** As `NVIDIA_REQUIRE_*` names it: "tesla", "nvidia", "geforce", "quadrortx"; "unknown" is a name, too. */
  readonly brand: string;
  /** Undefined when the node does not exist. */
  readonly node: DeviceNode | undefined;
  /** /dev/dri/cardN and renderDN. */
  readonly drmNodes: readonly DeviceNode[];
  /** The names by PCI address of those nodes, as udev makes them. */
  readonly drmLinks: readonly HostLink[];
  readonly isMigEnabled: boolean;
  readonly migDevices: readonly MigDevice[];
}

export interface MigDevice {
  readonly gpuInstance: number;
  readonly computeInstance: number;
  /** "MIG-…"; undefined until it was learnt. */
  readonly uuid: string | undefined;
  /** NVML's number within the GPU, the `j` of "i:j"; undefined until it was learnt. */
  readonly index: number | undefined;
  /** "1g.10gb", "1g.24gb+gfx"; undefined until it was learnt. */
  readonly profile: string | undefined;
  /** The two capability nodes: GPU instance, then compute instance. Fewer when one is missing (see `warnings`). */
  readonly nodes: readonly DeviceNode[];
}

/** A character device. */
export interface DeviceNode {
  /** As a container sees it: "/dev/nvidia0". */
  readonly path: string;
  /** On this machine: the root and the path. */
  readonly hostPath: string;
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A symbolic link as a container is to have it: "/dev/dri/by-path/pci-0000:1b:00.0-card" -> "../card1". */
export interface HostLink {
  readonly path: string;
  readonly target: string;
}

export type MigControl = "config" | "monitor";

/** GPUDirect Storage, Mellanox OFED, GDRCopy, NVSwitch. */
export const FEATURES = ["gds", "gdrcopy", "mofed", "nvswitch"] as const;
export type FeatureName = (typeof FEATURES)[number];

export interface FeatureFiles {
  readonly nodes: readonly DeviceNode[];
  /** Files and folders beside them: /run/udev, /etc/cufile.json. */
  readonly files: readonly HostFile[];
}

/** A file or folder that a container gets at `path`. */
export interface HostFile {
  readonly path: string;
  readonly hostPath: string;
}

/** The whole of a WSL or Tegra GPU. */
export interface GpuUnit {
  readonly kind: "wsl" | "csv";
  /** "NVIDIA GPU (WSL)", "NVIDIA Jetson". */
  readonly model: string;
  readonly items: readonly UnitItem[];
}

/** One thing that belongs to it. `isOptional`: of a CSV file that only `NVIDIA_REQUIRE_JETPACK=csv-mounts=all` asks for. */
export type UnitItem = { readonly isOptional: boolean } & (
  | { readonly kind: "node"; readonly node: DeviceNode }
  | ({ readonly kind: "library"; readonly soname: string | undefined; readonly architecture: Architecture } & HostFile)
  | ({ readonly kind: "binary" | "file" | "folder" } & HostFile)
  | ({ readonly kind: "link" } & HostLink)
);

/** The driver's own split, as `NVIDIA_DRIVER_CAPABILITIES` names it. */
export const CAPABILITIES = ["compat32", "compute", "display", "graphics", "ngx", "utility", "video"] as const;
export type Capability = (typeof CAPABILITIES)[number];

export const ARCHITECTURES = ["x86-64", "i386", "aarch64"] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

export interface DriverLibrary {
  /** As a container sees it: "/usr/lib/x86_64-linux-gnu/libcuda.so.570.133.20". */
  readonly path: string;
  /** The real file on this machine. */
  readonly hostPath: string;
  readonly soname: string | undefined;
  readonly architecture: Architecture;
  /** The capabilities that need it (any one is enough); one of architecture i386 needs compat32 besides. */
  readonly capabilities: readonly Capability[];
  /** Names in the same folder that lead to it, the soname first: ["libcuda.so.1", "libcuda.so"]. */
  readonly links: readonly string[];
  /** Not the driver's own (libGL, libOpenCL): for a container only where the administrator asked for such libraries. */
  readonly isExplicit: boolean;
}

export interface DriverLink extends HostLink {
  readonly capabilities: readonly Capability[];
}

export interface MissingLibrary {
  /** Where it should be on this machine. */
  readonly hostPath: string;
  readonly capabilities: readonly Capability[];
}

export interface DriverFile extends HostFile {
  readonly kind: "binary" | "firmware" | "socket" | "config" | "xorg";
  /** The capabilities that need it; empty: every container with the driver. */
  readonly capabilities: readonly Capability[];
}
