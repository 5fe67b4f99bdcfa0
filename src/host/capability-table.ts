import type { Capability, DriverFile } from "./host.ts";

/*
 * What belongs to which driver capability: nvc_info.c of libnvidia-container for libraries and programs, the file lists of
 * nvidia-container-toolkit for graphics. Data only.
 */

const COMPUTE: readonly Capability[] = ["compute", "video"];
const GRAPHICS: readonly Capability[] = ["display", "graphics"];
const NGX: readonly Capability[] = ["ngx"];
const UTILITY: readonly Capability[] = ["utility"];
const VIDEO: readonly Capability[] = ["video"];
const COMPUTE_AND_GRAPHICS: readonly Capability[] = ["compute", "display", "graphics", "video"];

/** The name before ".so" → who needs it. The video libraries need all of compute; files end in the driver's version. */
export const LIBRARY_CAPABILITIES: Readonly<Record<string, readonly Capability[]>> = {
  "libnvidia-cfg": UTILITY,
  "libnvidia-ml": UTILITY,
  "libnvidia-nscq": UTILITY,
  "libnvidia-sandboxutils": UTILITY,

  libcuda: COMPUTE,
  libcudadebugger: COMPUTE,
  "libnvidia-compiler": COMPUTE,
  "libnvidia-fatbinaryloader": COMPUTE,
  "libnvidia-nvvm": COMPUTE,
  "libnvidia-opencl": COMPUTE,
  "libnvidia-pkcs11": COMPUTE,
  "libnvidia-pkcs11-openssl3": COMPUTE,
  "libnvidia-ptxjitcompiler": COMPUTE,
  "libnvidia-tileiras": COMPUTE,

  // libnvidia-glcore links to the one, EGL's GBM platform to the other.
  "libnvidia-allocator": COMPUTE_AND_GRAPHICS,
  "libnvidia-gpucomp": COMPUTE_AND_GRAPHICS,

  libnvcuvid: VIDEO,
  "libnvidia-encode": VIDEO,
  "libnvidia-opticalflow": VIDEO,
  libvdpau_nvidia: VIDEO,

  libEGL: GRAPHICS,
  libEGL_nvidia: GRAPHICS,
  libGL: GRAPHICS,
  libGLESv1_CM: GRAPHICS,
  libGLESv1_CM_nvidia: GRAPHICS,
  libGLESv2: GRAPHICS,
  libGLESv2_nvidia: GRAPHICS,
  libGLX_nvidia: GRAPHICS,
  "libnvidia-cbl": GRAPHICS,
  "libnvidia-eglcore": GRAPHICS,
  "libnvidia-fbc": GRAPHICS,
  "libnvidia-glcore": GRAPHICS,
  "libnvidia-glsi": GRAPHICS,
  "libnvidia-glvkspirv": GRAPHICS,
  "libnvidia-gtk2": GRAPHICS,
  "libnvidia-gtk3": GRAPHICS,
  "libnvidia-ifr": GRAPHICS,
  "libnvidia-rtcore": GRAPHICS,
  "libnvidia-tls": GRAPHICS,
  "libnvidia-vksc-core": GRAPHICS,
  "libnvidia-vulkan-producer": GRAPHICS,
  "libnvidia-wayland-client": GRAPHICS,
  libnvoptix: GRAPHICS,

  "libnvidia-ngx": NGX,
};

/** For a library of the driver's version that is newer than this table: a missing one breaks more than one too many. */
export const UNKNOWN_LIBRARY: readonly Capability[] = COMPUTE_AND_GRAPHICS;

/** Libraries of the driver that carry a version of their own. */
export const OWN_VERSION_LIBRARIES: Readonly<Record<string, readonly Capability[]>> = {
  "libnvidia-nvvm70": COMPUTE,
  "libnvidia-egl-gbm": GRAPHICS,
  "libnvidia-egl-wayland": GRAPHICS,
  "libnvidia-egl-wayland2": GRAPHICS,
  "libnvidia-egl-xcb": GRAPHICS,
  "libnvidia-egl-xlib": GRAPHICS,
};

/** Links that do not begin as their library does. */
export const FOREIGN_LINKS: Readonly<Record<string, readonly string[]>> = {
  libGLX_nvidia: ["libGLX_indirect.so.0"],
};

const MULTIARCH_FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];
const OLD_MULTIARCH_FOLDERS = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu"];

/** Where the libraries can lie, in the order of preference. The last three are for 32-bit; the ELF class decides. */
export const LIBRARY_FOLDERS: readonly string[] = [
  "/usr/lib64",
  ...MULTIARCH_FOLDERS.flatMap((folder) => [folder, `${folder}/nvidia/current`]),
  "/lib64",
  ...OLD_MULTIARCH_FOLDERS.flatMap((folder) => [folder, `${folder}/nvidia/current`]),
  "/usr/lib/i386-linux-gnu",
  "/usr/lib/i386-linux-gnu/nvidia/current",
  "/usr/lib32",
  "/usr/lib",
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
  /** The names it can have, the best first; `<arch>` is "x86_64" or "aarch64". Only the first that exists is taken. */
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

/** Programs, sockets and configuration files. */
export const FILE_RULES: Readonly<Record<Exclude<DriverFile["kind"], "firmware">, readonly FileRule[]>> = {
  binary: [
    binary("nvidia-smi", UTILITY),
    binary("nvidia-debugdump", UTILITY),
    binary("nvidia-persistenced", UTILITY),
    binary("nvidia-cuda-mps-control", ["compute"]),
    binary("nvidia-cuda-mps-server", ["compute"]),
  ],
  xorg: [],
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
    config("/etc", "vulkan/icd.d", ["nvidia_icd.<arch>.json", "nvidia_icd.json"]),
    config("/etc", "vulkan/icd.d", ["nvidia_layers.json"]),
    config("/etc", "vulkan/implicit_layer.d", ["nvidia_layers.json"]),
  ],
};
