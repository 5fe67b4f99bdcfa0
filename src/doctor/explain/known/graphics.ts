import type { KnownError } from "../known-error.ts";

const PAGE = "docs/requests.md";
const GRAPHICS = "-e NVIDIA_DRIVER_CAPABILITIES=graphics,display,compute,utility";

/** Graphics, video, and what nvidia-smi shows. */
export const GRAPHICS_AND_VIDEO: readonly KnownError[] = [
  {
    id: "vulkan-no-driver",
    row: 27,
    patterns: [/ERROR_INCOMPATIBLE_DRIVER/, /vkCreateInstance failed/, /vkCreateInstance[^]{0,40}?-9/],
    title: "Vulkan finds no driver in the container",
    speaker: "the Vulkan loader",
    cause:
      "the container has no capability graphics, or the image lacks libraries that NVIDIA's needs (libXext.so.6, libxcb)",
    remedy: GRAPHICS,
    page: PAGE,
  },
  {
    id: "egl-no-device",
    row: 27,
    patterns: [
      /egl(?::|_| )[^]{0,60}?failed to create dri2 screen/,
      /(?:eglinitialize|egl)[^]{0,24}?(?:failed|no)[^]{0,24}?(?:EGL_NOT_INITIALIZED|egl devices?)/,
      /EGL_NOT_INITIALIZED/,
      /failed to (?:initialize|get) egl/,
    ],
    title: "EGL finds no device in the container",
    speaker: "EGL",
    cause: "the container has no capability graphics, or the image lacks libglvnd (libEGL.so.1)",
    remedy: GRAPHICS,
    page: PAGE,
  },
  {
    id: "optix-missing",
    row: 28,
    patterns: [
      /OPTIX_ERROR_LIBRARY_NOT_FOUND/,
      /optix[^]{0,80}?(?:7804|library_not_found)/,
      /7804[^]{0,24}?library[ _]not[ _]found/,
    ],
    title: "OptiX finds no libnvoptix in the container",
    speaker: "OptiX",
    cause: "it comes with the capability graphics, which the container does not have",
    remedy: GRAPHICS,
    page: PAGE,
  },
  {
    id: "nvenc-missing",
    row: 28,
    patterns: [
      /cannot load libnvidia-encode\.so/,
      /libnvidia-encode\.so(?:\.1)?: cannot open/,
      /cannot load libnvcuvid\.so/,
      /libnvcuvid\.so(?:\.1)?: cannot open/,
    ],
    title: "the container has no library for encoding or decoding video",
    speaker: "the program",
    cause: "libnvidia-encode and libnvcuvid come with the capability video, which is not among the usual ones",
    remedy: "-e NVIDIA_DRIVER_CAPABILITIES=compute,utility,video",
    page: PAGE,
  },
  {
    id: "no-processes-shown",
    row: 46,
    patterns: [/no running processes found/],
    title: "nvidia-smi shows no processes",
    speaker: "nvidia-smi",
    cause:
      "inside a container it cannot name processes: the driver knows them by the host's numbers. On the host it means that none uses a GPU",
    remedy: "ask nvidia-smi on the host",
    page: PAGE,
  },
];
