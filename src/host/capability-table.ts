import type { Capability } from "./host.ts";

/*
 * Which library belongs to which driver capability: nvc_info.c of libnvidia-container, the file lists of
 * nvidia-container-toolkit for graphics. Data only.
 */

const COMPUTE: readonly Capability[] = ["compute", "video"];
export const GRAPHICS: readonly Capability[] = ["display", "graphics"];
const NGX: readonly Capability[] = ["ngx"];
export const UTILITY: readonly Capability[] = ["utility"];
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
  "libnvidia-present": GRAPHICS,
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

/** Libraries that are handed out only where the administrator switched that on: GLVND's, the OpenCL loader, NVAPI. */
export const EXPLICIT_LIBRARIES: Readonly<Record<string, readonly Capability[]>> = {
  libEGL: GRAPHICS,
  libGL: GRAPHICS,
  libGLESv1_CM: GRAPHICS,
  libGLESv2: GRAPHICS,
  libGLX: GRAPHICS,
  libGLdispatch: GRAPHICS,
  libOpenCL: COMPUTE,
  libOpenGL: GRAPHICS,
  "libnvidia-api": GRAPHICS,
};

/** Links that do not begin as their library does. */
export const FOREIGN_LINKS: Readonly<Record<string, readonly string[]>> = {
  libGLX_nvidia: ["libGLX_indirect.so.0"],
};

export const MULTIARCH_FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];
const OLD_MULTIARCH_FOLDERS = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu"];

/** Links that can lie in another folder than their library: their name in a library folder, and the library. */
export const DISTANT_LINKS: readonly DistantLink[] = [
  { name: "gbm/nvidia-drm_gbm.so", stem: "libnvidia-allocator", capabilities: GRAPHICS },
  { name: "libnvidia-vulkan-producer.so", stem: "libnvidia-vulkan-producer", capabilities: GRAPHICS },
];

interface DistantLink {
  readonly name: string;
  readonly stem: string;
  readonly capabilities: readonly Capability[];
}

/** Where the libraries can lie, in the order of preference, NixOS's last. Some are for 32-bit; the ELF class decides. */
export const LIBRARY_FOLDERS: readonly string[] = [
  "/usr/lib64",
  ...MULTIARCH_FOLDERS.flatMap((folder) => [folder, `${folder}/nvidia/current`]),
  "/lib64",
  ...OLD_MULTIARCH_FOLDERS.flatMap((folder) => [folder, `${folder}/nvidia/current`]),
  "/usr/lib/i386-linux-gnu",
  "/usr/lib/i386-linux-gnu/nvidia/current",
  "/usr/lib32",
  "/usr/lib",
  "/run/opengl-driver/lib",
  "/run/opengl-driver-32/lib",
];
