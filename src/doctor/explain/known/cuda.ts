import type { KnownError } from "../known-error.ts";
import { lookAtNode, lookAtSystemd } from "../looks/nodes.ts";

const REQUESTS = "docs/requests.md";

/** What CUDA and NVML say inside a container. */
export const CUDA: readonly KnownError[] = [
  {
    id: "nvml-unknown-error",
    row: 3,
    patterns: [/failed to initialize nvml: unknown error/, /NVML_ERROR_UNKNOWN/],
    unless: [/detection error: nvml error/],
    title: "the container has lost the permission to use its GPUs",
    speaker: "NVML, inside the container",
    cause:
      "systemd writes the device permissions of its units anew at every daemon-reload, and those that a hook gave behind its back are gone",
    remedy: "berth attach --restore; for good: berth nodes --links",
    here: lookAtSystemd,
    page: "docs/attach.md",
  },
  {
    id: "cuinit-unknown-error",
    row: 12,
    patterns: [
      /CUDA_ERROR_UNKNOWN/,
      /cudaErrorUnknown/,
      /cuinit[^]{0,40}?(?:returned|failed|error)[^]{0,24}?999/,
      /cuda (?:driver )?unknown error - this may be due to an incorrectly set up environment/,
      /error 999: unknown error/,
    ],
    title: "CUDA cannot be initialised",
    speaker: "CUDA, inside the container",
    cause:
      "mostly /dev/nvidia-uvm: it is missing in the container, or has the device number that it had before the module was loaded anew; nvidia-smi does not need it",
    remedy: "start the container again; where a CDI file is in use: berth cdi refresh",
    here: lookAtNode,
    page: "docs/cdi.md",
  },
  {
    id: "uvm-module",
    row: 13,
    patterns: [/could not load uvm kernel module/, /failed to (?:load|insert)[^]{0,24}?nvidia[-_]uvm/],
    title: "the kernel module nvidia-uvm cannot be loaded",
    speaker: "nvidia-container-cli",
    cause: "nobody has loaded it since the boot, and here it could not be loaded",
    remedy: "berth nodes --load-modules",
    here: lookAtNode,
    page: "docs/nodes.md",
  },
  {
    id: "no-devices-found",
    row: 13,
    patterns: [
      /no devices were found/,
      /no cuda-capable device is detected/,
      /CUDA_ERROR_NO_DEVICE/,
      /cuda error: no (?:cuda-capable )?device/,
      /no cuda gpus are available/,
    ],
    title: "driver and libraries are there, and no GPU",
    speaker: "NVML or CUDA",
    cause:
      "the container has no GPU node, CUDA_VISIBLE_DEVICES names none that is there, or the nodes are not made yet",
    remedy: "berth nodes; then start the container again",
    here: (machine) => lookAtNode(machine, ["/dev/nvidia0"]),
    page: REQUESTS,
  },
];
