import type { KnownError } from "../known-error.ts";
import { lookAtLoaded, lookAtVersions } from "../looks/driver.ts";
import { lookAtPermissions } from "../looks/nodes.ts";

const PAGE = "docs/host.md";

/** The driver: not there, of two versions, not for everybody, or in trouble. */
export const DRIVER: readonly KnownError[] = [
  {
    id: "driver-library-mismatch",
    row: 4,
    patterns: [/driver\/library version mismatch/, /NVML_ERROR_LIB_RM_VERSION_MISMATCH/],
    title: "the loaded kernel module and the driver's libraries are of two versions",
    speaker: "NVML",
    cause:
      "an update replaced the libraries while the old kernel module stays loaded, or the image brings a driver's libraries of its own",
    remedy: "restart the machine",
    here: lookAtVersions,
    page: PAGE,
  },
  {
    id: "kernel-api-mismatch",
    row: 4,
    patterns: [
      /api mismatch: the (?:client|nvidia driver)[\w ,.]{0,40}has the version/,
      /api mismatch: this is (?:a )?version/,
    ],
    title: "a program's driver libraries are of another version than the kernel module",
    speaker: "the kernel's NVIDIA driver",
    cause:
      "an update replaced the libraries while the old kernel module stays loaded, or the image brings a driver's libraries of its own",
    remedy: "restart the machine",
    here: lookAtVersions,
    page: PAGE,
  },
  {
    id: "driver-not-loaded",
    row: 6,
    patterns: [
      /nvml error: driver not loaded/,
      /failed to initialize nvml: driver not loaded/,
      /nvidia-smi has failed because it couldn't communicate with the nvidia driver/,
      /NVML_ERROR_DRIVER_NOT_LOADED/,
    ],
    title: "the NVIDIA driver is not loaded",
    speaker: "NVML",
    cause:
      "the kernel module is not there (a new kernel without it, Secure Boot), the GPU is bound to another driver, or there is no GPU",
    remedy: "modprobe nvidia",
    here: lookAtLoaded,
    page: PAGE,
  },
  {
    id: "no-nvml-library",
    row: 6,
    patterns: [/load library failed: libnvidia-ml\.so/, /nvidia-smi couldn't find libnvidia-ml\.so/],
    title: "the driver's library libnvidia-ml.so.1 is not there",
    speaker: "nvidia-container-cli",
    cause:
      "no driver is installed, only its 32-bit libraries are, or the program looks in the wrong place (a snap, a driver root)",
    remedy: "install the NVIDIA driver",
    here: lookAtLoaded,
    page: PAGE,
  },
  {
    id: "nvml-no-permission",
    row: 8,
    patterns: [
      /nvml error: insufficient permissions/,
      /failed to initialize nvml: insufficient permissions/,
      /NVML_ERROR_NO_PERMISSION/,
    ],
    title: "whoever asked may not use the device nodes",
    speaker: "NVML",
    cause:
      "the nodes belong to a group (SUSE, VirtualGL), SELinux forbids it, or a user namespace has taken the group away",
    remedy: "ls -lZ /dev/nvidia*",
    here: lookAtPermissions,
    page: "docs/requests.md",
  },
];
