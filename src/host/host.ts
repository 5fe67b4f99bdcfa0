/** What one machine has, as plain JSON. Every path is absolute. */
export interface Host {
  /** The root that was described: "/" or the folder of a simulated host. */
  readonly root: string;
  /** Undefined when the kernel module is not loaded. */
  readonly driver: Driver | undefined;
  /** By index: the order of PCI addresses. */
  readonly gpus: readonly Gpu[];
  /** nvidiactl, nvidia-uvm, nvidia-uvm-tools, nvidia-modeset: those that exist. */
  readonly controlNodes: readonly DeviceNode[];
  readonly libraries: readonly DriverLibrary[];
  /** Libraries of the driver that are gone while a link beside them still leads there. */
  readonly missing: readonly MissingLibrary[];
  /** Binaries, firmware, sockets and configuration files of the driver. */
  readonly files: readonly DriverFile[];
  /** One sentence for each thing that looks wrong and was left out: a node that is another device, an unreadable library. */
  readonly warnings: readonly string[];
}

export interface Driver {
  /** "570.133.20", from /proc/driver/nvidia/version. */
  readonly version: string;
  /** Folders, as a container sees them, that hold 64-bit libraries of this version; the first is the main one. */
  readonly libraryFolders: readonly string[];
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
  /** Undefined when the node does not exist. */
  readonly node: DeviceNode | undefined;
  /** /dev/dri/cardN and renderDN. */
  readonly drmNodes: readonly DeviceNode[];
  readonly isMigEnabled: boolean;
  readonly migDevices: readonly MigDevice[];
}

export interface MigDevice {
  readonly gpuInstance: number;
  readonly computeInstance: number;
  /** "MIG-…"; undefined until it was learnt. */
  readonly uuid: string | undefined;
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
}

export interface MissingLibrary {
  /** Where it should be on this machine. */
  readonly hostPath: string;
  readonly capabilities: readonly Capability[];
}

export interface DriverFile {
  readonly kind: "binary" | "firmware" | "socket" | "config";
  readonly path: string;
  readonly hostPath: string;
  /** The capabilities that need it; empty: every container with the driver. */
  readonly capabilities: readonly Capability[];
}
