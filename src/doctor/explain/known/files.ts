import { BY_RUNTIME, type KnownError } from "../known-error.ts";
import { lookAtLoaded } from "../looks/driver.ts";

const REQUESTS = "docs/requests.md";
const DOCKER = "docs/docker.md";

/** Libraries and programs of the driver that a container lacks, or has twice. */
export const FILES: readonly KnownError[] = [
  {
    id: "no-libcuda",
    row: 20,
    patterns: [
      /libcuda\.so(?:\.1)?: cannot open shared object file/,
      /could not (?:find|load)[^]{0,40}?libcuda\.so/,
      /could not load dynamic library 'libcuda\.so/,
    ],
    unless: [/load library failed: libcuda/],
    title: "a program needs libcuda, and its container has none",
    speaker: "the program's loader",
    cause:
      "the container was started without a GPU or without the capability compute, or it is an image that is being built",
    remedy:
      "docker run --gpus all … (or --runtime=nvidia -e NVIDIA_VISIBLE_DEVICES=all); berth inspect --bundle DIR says what a container would get",
    here: lookAtLoaded,
    page: REQUESTS,
  },
  {
    id: "no-nvidia-smi",
    row: 21,
    patterns: [
      /exec: "?nvidia-smi"?: executable file not found/,
      /executable file ["'`]?nvidia-smi["'`]? not found/,
      /nvidia-smi: (?:command )?not found/,
    ],
    title: "the container was started without a GPU, or without the capability utility",
    speaker: "the low-level runtime or a shell",
    cause:
      "nothing of the driver was put into it: no --gpus, no --runtime=nvidia and no CDI device, or an engine that takes no notice of it",
    remedy:
      "docker run --gpus all … (podman: --device nvidia.com/gpu=all), with NVIDIA_DRIVER_CAPABILITIES=compute,utility",
    here: lookAtLoaded,
    page: REQUESTS,
  },
  {
    id: "driver-file-in-image",
    row: 25,
    patterns: [/mount error: file creation failed: ([\w./+-]{1,300}): file exists/],
    title: "the image holds files of a driver",
    speaker: "nvidia-container-cli",
    cause: "a package in the image brought them, or it was committed from a container that had a GPU",
    remedy: `${BY_RUNTIME} (berth mounts over them); or take the driver's packages out of the image`,
    page: DOCKER,
  },
  {
    id: "read-only-root",
    row: 26,
    patterns: [/(?:mount error|nvidia-container-cli|ldcache error)[^]{0,300}?read-only file system/],
    title: "NVIDIA's hook cannot write into a root file system that is read-only",
    speaker: "nvidia-container-cli",
    cause: "it makes files and links in the container's root",
    remedy: `${BY_RUNTIME} (what such a root cannot take goes on mounts of its own)`,
    page: DOCKER,
  },
  {
    id: "jetson-driver-service",
    row: 34,
    patterns: [
      /could not start driver service[^]{0,24}?load library failed: libcuda\.so/,
      /load library failed: libcuda\.so/,
    ],
    title: "nvidia-container-cli finds no libcuda on this machine",
    speaker: "nvidia-container-cli",
    cause:
      "on a Jetson the libraries are those of L4T, which that program does not know; elsewhere the driver is not installed whole",
    remedy: "on a Jetson use the runtime: --runtime=nvidia in place of --gpus",
    here: lookAtLoaded,
    page: "docs/host.md",
  },
  {
    id: "no-driver-in-container",
    row: 21,
    patterns: [/the nvidia driver was not detected/, /found no nvidia driver on your system/],
    title: "the container was started without a GPU",
    speaker: "the image's own program",
    cause:
      "nothing of the driver was put into it: no --gpus, no --runtime=nvidia and no CDI device, or an engine that takes no notice of it",
    remedy: "docker run --gpus all … (podman: --device nvidia.com/gpu=all)",
    here: lookAtLoaded,
    page: REQUESTS,
  },
];
