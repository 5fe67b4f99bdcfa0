import type { SimProfile } from "./profile.ts";

/** One library of a driver package, as the 570 drivers for data-centre and desktop GPUs ship it. */
export interface SimLibrary {
  /** "libcuda". */
  readonly name: string;
  /** What follows ".so." in the soname; undefined: the soname is the file's own name. */
  readonly major: string | undefined;
  /** What follows ".so." in the file's name; undefined: the driver's version. */
  readonly version?: string;
  /** Below the library folder. */
  readonly folder?: string;
  /** Whether there is a name without a number for linking, too. */
  readonly hasLinkName?: boolean;
  /** Whether the driver has it for 32-bit programs, too. */
  readonly has32Bit?: boolean;
}

/** Every 64-bit library that a container may need, but for the X server's modules. */
export const DRIVER_LIBRARIES: readonly SimLibrary[] = [
  { name: "libcuda", major: "1", hasLinkName: true, has32Bit: true },
  { name: "libcudadebugger", major: "1" },
  { name: "libEGL_nvidia", major: "0", has32Bit: true },
  { name: "libGLESv1_CM_nvidia", major: "1", has32Bit: true },
  { name: "libGLESv2_nvidia", major: "2", has32Bit: true },
  { name: "libGLX_nvidia", major: "0", has32Bit: true },
  { name: "libnvcuvid", major: "1", hasLinkName: true, has32Bit: true },
  { name: "libnvidia-allocator", major: "1", hasLinkName: true, has32Bit: true },
  { name: "libnvidia-cfg", major: "1", hasLinkName: true },
  { name: "libnvidia-egl-gbm", major: "1", version: "1.1.2" },
  { name: "libnvidia-egl-wayland", major: "1", version: "1.1.17" },
  { name: "libnvidia-egl-xcb", major: "1", version: "1.0.1" },
  { name: "libnvidia-egl-xlib", major: "1", version: "1.0.1" },
  { name: "libnvidia-eglcore", major: undefined, has32Bit: true },
  { name: "libnvidia-encode", major: "1", hasLinkName: true, has32Bit: true },
  { name: "libnvidia-fbc", major: "1", hasLinkName: true, has32Bit: true },
  { name: "libnvidia-glcore", major: undefined, has32Bit: true },
  { name: "libnvidia-glsi", major: undefined, has32Bit: true },
  { name: "libnvidia-glvkspirv", major: undefined, has32Bit: true },
  { name: "libnvidia-gpucomp", major: undefined, has32Bit: true },
  { name: "libnvidia-gtk3", major: undefined },
  { name: "libnvidia-ml", major: "1", hasLinkName: true, has32Bit: true },
  { name: "libnvidia-ngx", major: "1" },
  { name: "libnvidia-nvvm", major: "4", hasLinkName: true, has32Bit: true },
  { name: "libnvidia-opencl", major: "1", has32Bit: true },
  { name: "libnvidia-opticalflow", major: "1", hasLinkName: true, has32Bit: true },
  { name: "libnvidia-pkcs11-openssl3", major: undefined },
  { name: "libnvidia-pkcs11", major: undefined },
  { name: "libnvidia-ptxjitcompiler", major: "1", hasLinkName: true, has32Bit: true },
  { name: "libnvidia-rtcore", major: undefined },
  { name: "libnvidia-sandboxutils", major: "1", hasLinkName: true },
  { name: "libnvidia-tls", major: undefined, has32Bit: true },
  { name: "libnvidia-vksc-core", major: "1" },
  { name: "libnvidia-wayland-client", major: undefined },
  { name: "libnvoptix", major: "1" },
  { name: "libvdpau_nvidia", major: "1", folder: "vdpau", has32Bit: true },
];

/** What the drivers for workstations have besides. */
const WORKSTATION_LIBRARIES: readonly SimLibrary[] = [
  { name: "libnvidia-vulkan-producer", major: undefined, hasLinkName: true },
];

/** What a machine with NVSwitch has besides. */
const SWITCH_LIBRARIES: readonly SimLibrary[] = [{ name: "libnvidia-nscq", major: "2" }];

/** Libraries that are not the driver's and must never reach a container. */
export const OTHER_LIBRARIES: readonly SimLibrary[] = [
  { name: "libz", major: "1", version: "1.2.13" },
  { name: "libEGL", major: "1", version: "1.1.0" },
  { name: "libOpenCL", major: "1", version: "1.0.0" },
  { name: "libgbm", major: "1", version: "1.0.0" },
];

/** All of the driver that this machine has as 64-bit libraries; none without a driver. */
export function driverLibraries(profile: SimProfile): readonly SimLibrary[] {
  if (profile.driver === undefined) return [];
  return [
    ...DRIVER_LIBRARIES,
    ...(profile.workstation === undefined ? [] : WORKSTATION_LIBRARIES),
    ...(profile.gpuDirect === undefined ? [] : SWITCH_LIBRARIES),
  ];
}

/** The names of one library under a driver version. */
export function libraryNames(library: SimLibrary, driverVersion: string) {
  const file = `${library.name}.so.${library.version ?? driverVersion}`;
  const soname = library.major === undefined ? file : `${library.name}.so.${library.major}`;
  return { file, soname, linkName: library.hasLinkName === true ? `${library.name}.so` : undefined };
}
