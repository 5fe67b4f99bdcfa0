import { BY_RUNTIME, type KnownError } from "../known-error.ts";
import { lookAtLoaded } from "../looks/driver.ts";

const PAGE = "docs/host.md";

/** GPUs that are sick or slow. */
export const GPU_FAULTS: readonly KnownError[] = [
  {
    id: "driver-rpc-timeout",
    row: 10,
    patterns: [/(?:driver|nvcgo) rpc error: timed out/, /driver error: timed out/],
    title: "initialising the GPUs took longer than nvidia-container-cli waits",
    speaker: "nvidia-container-cli",
    cause:
      "without persistence the driver brings every GPU up anew at each start, and NVIDIA's hook waits 10 seconds for it",
    remedy: `systemctl enable --now nvidia-persistenced; or ${BY_RUNTIME} (berth asks no driver and does not wait)`,
    page: "docs/docker.md",
  },
  {
    id: "gpu-off-bus",
    row: 31,
    patterns: [
      /gpu has fallen off the bus/,
      /nvml: gpu is lost/,
      /NVML_ERROR_GPU_IS_LOST/,
      /unable to determine the device handle for gpu/,
    ],
    title: "a GPU does not answer any more",
    speaker: "the kernel's NVIDIA driver",
    cause: "the GPU has dropped off the PCI bus: power, heat, or the card itself; what uses it cannot end",
    remedy: "restart the machine; dmesg | grep -i xid says which GPU it is",
    page: PAGE,
  },
  {
    id: "gpu-xid",
    row: 31,
    patterns: [/nvrm: xid \(pci:([0-9a-f:.]{7,16})\): (\d{1,3})/],
    isGeneral: true,
    title: "the driver reports a fault of a GPU",
    speaker: "the kernel's NVIDIA driver",
    cause: "the number behind Xid says which: NVIDIA's list of Xid errors",
    remedy: "nvidia-smi -q -i that GPU",
    page: PAGE,
  },
  {
    id: "nvml-detection-unknown",
    row: 32,
    patterns: [/detection error: nvml error: unknown error/],
    title: "one sick GPU stops the look for all of them",
    speaker: "nvidia-container-cli",
    cause:
      "NVIDIA's command-line program gives up at the first GPU that does not answer; berth reads files and leaves out none",
    remedy: "dmesg | grep -i xid; then restart the machine or take the card out",
    here: lookAtLoaded,
    page: PAGE,
  },
];
