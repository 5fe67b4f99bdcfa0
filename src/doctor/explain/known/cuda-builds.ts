import type { KnownError } from "../known-error.ts";
import { lookAtGpus } from "../looks/driver.ts";

/** Programs that are made for another driver or GPU. */
export const CUDA_BUILDS: readonly KnownError[] = [
  {
    id: "cuda-insufficient-driver",
    row: 11,
    patterns: [
      /cuda driver version is insufficient for cuda runtime version/,
      /cudaErrorInsufficientDriver/,
      /the nvidia driver on your system is too old/,
    ],
    title: "the program's CUDA is newer than the driver",
    speaker: "CUDA, inside the container",
    cause:
      "no condition of the image said so at the start, or it was waived; the program needs a driver of its CUDA's major version at least",
    remedy: "berth preflight IMAGE names the smallest driver that would do",
    here: lookAtGpus,
    page: "docs/preflight.md",
  },
  {
    id: "ptx-too-new",
    row: 11,
    patterns: [/the provided ptx was compiled with an unsupported toolchain/, /CUDA_ERROR_UNSUPPORTED_PTX_VERSION/],
    title: "the driver cannot compile the program's code, which is made for a newer CUDA",
    speaker: "CUDA, inside the container",
    cause:
      "minor version compatibility runs what is compiled for the GPU already, and not what the driver has to compile (PTX)",
    remedy: "berth preflight IMAGE names the smallest driver that would do",
    here: lookAtGpus,
    page: "docs/preflight.md",
  },
  {
    id: "no-kernel-image",
    row: 11,
    patterns: [
      /no kernel image is available for execution on the device/,
      /CUDA_ERROR_NO_BINARY_FOR_GPU/,
      /cudaErrorNoKernelImageForDevice/,
    ],
    title: "the program is not compiled for this GPU",
    speaker: "CUDA, inside the container",
    cause:
      "it was built for other compute capabilities than the GPU has, and without code that the driver could compile",
    remedy: "use a build of the program for this GPU; berth preflight IMAGE says what an image is compiled for",
    here: lookAtGpus,
    page: "docs/preflight.md",
  },
  {
    id: "torch-without-cuda",
    row: 11,
    patterns: [/torch not compiled with cuda enabled/],
    title: "the image's PyTorch is a build without CUDA",
    speaker: "PyTorch, inside the container",
    cause: "whatever GPU the container has, this build cannot use it: pip has installed the one for CPUs alone",
    remedy: "install a CUDA build of PyTorch in the image; that the GPU is there: berth selftest --image IMAGE",
    page: "docs/preflight.md",
  },
];
