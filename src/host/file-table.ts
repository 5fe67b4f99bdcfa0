import { GRAPHICS, MULTIARCH_FOLDERS, UTILITY } from "./capability-table.ts";
import type { Capability, DriverFile } from "./host.ts";

/*
 * Which file of the driver that is no library belongs to which driver capability: nvc_info.c of libnvidia-container for
 * programs and sockets, the file lists of nvidia-container-toolkit for graphics. Data only.
 */

const XORG_BASES = [
  "/usr/lib/xorg/modules",
  "/usr/lib64/xorg/modules",
  ...MULTIARCH_FOLDERS.map((folder) => `${folder}/xorg/modules`),
  "/usr/X11R6/lib/modules",
  "/usr/X11R6/lib64/modules",
];
const XORG_PARTS = ["", "/drivers", "/extensions", "/updates/drivers", "/updates/extensions"];

/** Where modules of the X server can lie. */
const XORG_FOLDERS: readonly string[] = [
  ...XORG_BASES.flatMap((base) => XORG_PARTS.map((part) => `${base}${part}`)),
  ...MULTIARCH_FOLDERS.map((folder) => `${folder}/nvidia/xorg`),
  "/usr/lib/nvidia/xorg",
  "/usr/lib64/nvidia/xorg",
  "/usr/lib/nvidia/current",
  "/usr/lib/nvidia",
];

/** Where the programs can lie. */
export const BINARY_FOLDERS: readonly string[] = [
  "/usr/bin",
  "/usr/sbin",
  "/usr/local/bin",
  "/usr/local/sbin",
  "/bin",
  "/sbin",
];

/** A file of the driver that is looked for by name. */
export interface FileRule {
  /** The names it can have; the first that exists is taken. `<arch>` is "x86_64" or "aarch64", `<version>` the driver's. */
  readonly names: readonly string[];
  /** The folders it can lie in, the best first. */
  readonly folders: readonly string[];
  /** The folder in the container; undefined: the one it was found in. */
  readonly destination?: string;
  readonly capabilities: readonly Capability[];
}

const binary = (name: string, capabilities: readonly Capability[]): FileRule => ({
  names: [name],
  folders: BINARY_FOLDERS,
  capabilities,
});

const socket = (name: string): FileRule => ({ names: [name], folders: ["/run", "/var/run"], capabilities: UTILITY });

const CONFIG_FOLDERS = ["/etc", "/usr/local/share", "/usr/share"];

/** A file of one of the configuration folders; it belongs to `parent`/`folder`, wherever it was found. */
const config = (parent: "/etc" | "/usr/share", folder: string, names: readonly string[]): FileRule => ({
  names,
  folders: CONFIG_FOLDERS.map((base) => `${base}/${folder}`),
  destination: `${parent}/${folder}`,
  capabilities: GRAPHICS,
});

/** One of Vulkan's, which can lie in /vulkan as well. */
const vulkan = (folder: string, names: readonly string[]): FileRule => {
  const rule = config("/etc", `vulkan/${folder}`, names);
  return { ...rule, folders: [...rule.folders, `/vulkan/${folder}`] };
};

const xorg = (name: string): FileRule => ({ names: [name], folders: XORG_FOLDERS, capabilities: GRAPHICS });

/** Programs, sockets, configuration files and modules of the X server. */
export const FILE_RULES: Readonly<Record<Exclude<DriverFile["kind"], "firmware">, readonly FileRule[]>> = {
  binary: [
    binary("nvidia-smi", UTILITY),
    binary("nvidia-debugdump", UTILITY),
    binary("nvidia-persistenced", UTILITY),
    binary("nvidia-cuda-mps-control", ["compute"]),
    binary("nvidia-cuda-mps-server", ["compute"]),
    binary("nvidia-imex", ["compute"]),
    binary("nvidia-imex-ctl", ["compute"]),
    binary("nv-fabricmanager", UTILITY),
    binary("nvidia-xconfig", GRAPHICS),
  ],
  xorg: [xorg("nvidia_drv.so"), xorg("libglxserver_nvidia.so.<version>")],
  socket: [socket("nvidia-persistenced/socket"), socket("nvidia-fabricmanager/socket")],
  config: [
    config("/usr/share", "glvnd/egl_vendor.d", ["10_nvidia.json"]),
    config("/usr/share", "egl/egl_external_platform.d", ["15_nvidia_gbm.json"]),
    config("/usr/share", "egl/egl_external_platform.d", ["10_nvidia_wayland.json"]),
    config("/usr/share", "egl/egl_external_platform.d", ["09_nvidia_wayland2.json"]),
    config("/usr/share", "egl/egl_external_platform.d", ["20_nvidia_xcb.json"]),
    config("/usr/share", "egl/egl_external_platform.d", ["20_nvidia_xlib.json"]),
    config("/usr/share", "nvidia", ["nvoptix.bin"]),
    config("/usr/share", "X11/xorg.conf.d", ["10-nvidia.conf"]),
    config("/usr/share", "X11/xorg.conf.d", ["nvidia-drm-outputclass.conf"]),
    config("/etc", "OpenCL/vendors", ["nvidia.icd"]),
    vulkan("icd.d", ["nvidia_icd.<arch>.json", "nvidia_icd.json"]),
    vulkan("icd.d", ["nvidia_layers.json"]),
    vulkan("implicit_layer.d", ["nvidia_layers.json"]),
  ],
};
