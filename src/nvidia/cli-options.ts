import type { ArgpOption } from "./argp.ts";
import type { ArgpCommand } from "./argp-help.ts";

/*
 * Every option of libnvidia-container's program (peer-behaviour 1.13). Those that do nothing here, and why:
 *
 *   --load-kmods, --no-create-imex-channels   no module is loaded and no node is made: that is the host's matter
 *   --user                                    the driver is not run, so no identity is needed to run it
 *   --no-pivot, --ldconfig                    no ldconfig is started: the loader's cache is written
 *   --ldcache                                 libraries are found in folders, and the host's own cache is read beside them
 *   --no-cntlibs                              the program that is replaced ignores it, too
 */

const GLOBAL: readonly ArgpOption[] = [
  { name: "debug", key: "d", arg: "FILE", usage: "Append a log to this file" },
  { name: "load-kmods", key: "k", usage: "Accepted; kernel modules are never loaded" },
  { name: "no-pivot", key: "n", usage: "Accepted; no ldconfig is started" },
  { name: "user", key: "u", arg: "UID[:GID]", isOptional: true, usage: "Accepted; the driver is not run" },
  { name: "root", key: "r", arg: "PATH", usage: "Where the driver is installed" },
  { name: "ldcache", key: "l", arg: "FILE", usage: "Accepted; the host's own cache is read" },
  { name: "no-create-imex-channels", usage: "Accepted; no device node is made" },
];

const MIG: readonly ArgpOption[] = [
  { name: "mig-config", arg: "ID", usage: "The right to configure MIG: all" },
  { name: "mig-monitor", arg: "ID", usage: "The right to watch MIG: all" },
  { name: "imex-channel", arg: "CHANNEL", usage: "IMEX channels by number" },
  { name: "no-persistenced", usage: "Without the socket of nvidia-persistenced" },
  { name: "no-fabricmanager", usage: "Without the socket of nvidia-fabricmanager" },
];

/** The options that are a driver capability of the same name. */
export const CAPABILITY_OPTIONS: readonly ArgpOption[] = [
  { name: "compute", key: "c", usage: "CUDA and OpenCL" },
  { name: "utility", key: "u", usage: "nvidia-smi and NVML" },
  { name: "video", key: "v", usage: "Video coding" },
  { name: "graphics", key: "g", usage: "OpenGL and Vulkan" },
  { name: "display", key: "D", usage: "X11 displays" },
  { name: "ngx", key: "n", usage: "NGX" },
  { name: "compat32", usage: "The 32-bit libraries, too" },
];

export const PROGRAM: ArgpCommand & { readonly commands: readonly (readonly [string, string])[] } = {
  name: "nvidia-container-cli",
  words: "COMMAND [ARG...]",
  summary: "GPUs for containers, as libnvidia-container's program gives them.",
  options: GLOBAL,
  commands: [
    ["info", "Print the driver and the GPUs"],
    ["list", "Print the files and nodes of the driver"],
    ["configure", "Give a container its GPUs"],
  ],
};

export const INFO: ArgpCommand = {
  name: "nvidia-container-cli info",
  words: "",
  summary: "Print the driver and the GPUs of this machine.",
  options: [{ name: "csv", usage: "As comma-separated values" }],
};

export const LIST: ArgpCommand = {
  name: "nvidia-container-cli list",
  words: "",
  summary: "Print what a container needs of the driver, one path a line. Without a selection: everything.",
  options: [
    { name: "device", key: "d", arg: "ID", usage: "The nodes of these GPUs: UUIDs, indices, all" },
    { name: "libraries", key: "l", usage: "Libraries" },
    { name: "binaries", key: "b", usage: "Programs" },
    { name: "ipcs", key: "i", usage: "Sockets" },
    { name: "firmwares", key: "f", usage: "Firmware" },
    { name: "compat32", usage: "32-bit libraries, too" },
    ...MIG,
  ],
};

export const CONFIGURE: ArgpCommand = {
  name: "nvidia-container-cli configure",
  words: "ROOTFS",
  summary: "Give a container that is made and not yet started its GPUs. ROOTFS is where its root file system is.",
  options: [
    { name: "pid", key: "p", arg: "PID", usage: "A process of the container; without it the caller" },
    { name: "device", key: "d", arg: "ID", usage: "The GPUs: UUIDs, indices, all" },
    { name: "require", key: "r", arg: "EXPR", usage: "A condition of the image, such as cuda>=12.8" },
    { name: "ldconfig", key: "l", arg: "PATH", usage: "Accepted; no ldconfig is started" },
    ...CAPABILITY_OPTIONS,
    ...MIG,
    { name: "cuda-compat-mode", arg: "MODE", usage: "Whose CUDA libraries count: disabled, ldconfig, mount" },
    { name: "no-cgroups", usage: "Leave the device cgroup as it is" },
    { name: "no-devbind", usage: "Without the device nodes" },
    { name: "no-gsp-firmware", usage: "Without the firmware" },
    { name: "no-cntlibs", usage: "Accepted" },
  ],
};
