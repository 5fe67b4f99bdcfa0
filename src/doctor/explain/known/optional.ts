import { seen, type KnownError } from "../known-error.ts";
import { lookAtLoaded } from "../looks/driver.ts";

const HOST = "docs/host.md";

/** Parts of the driver that not every machine has. */
export const OPTIONAL: readonly KnownError[] = [
  {
    id: "persistenced-socket",
    row: 48,
    patterns: [/nvidia-persistenced\/socket[^]{0,40}?no such (?:device or address|file or directory)/],
    title: "the socket of nvidia-persistenced is dead",
    speaker: "nvidia-container-cli",
    cause: "the daemon ended and left its socket behind, and NVIDIA's hook mounts it all the same",
    remedy: "systemctl restart nvidia-persistenced",
    page: HOST,
  },
  {
    id: "proc-driver-gone",
    row: 48,
    patterns: [/\/proc\/driver\/nvidia\/[\w./:-]{1,120}["']?[^]{0,40}?no such file or directory/],
    title: "the driver was loaded anew since the engine started",
    speaker: "the low-level runtime",
    cause:
      "a file of the driver's in /proc that was mounted is gone with the old module, or the driver is not loaded now",
    remedy: "systemctl restart docker",
    here: lookAtLoaded,
    page: HOST,
  },
  {
    id: "mps-folder",
    row: 48,
    patterns: [/\/tmp\/nvidia-mps/, /CUDA_ERROR_MPS_\w{1,40}/],
    isGeneral: true,
    title: "CUDA speaks to an MPS daemon that is not there",
    speaker: "CUDA",
    cause: "a folder /tmp/nvidia-mps that a daemon left behind is given to every container",
    remedy: "rm -r /tmp/nvidia-mps, or start nvidia-cuda-mps-control -d",
    here: ({ stat }) => {
      const folder = stat("/tmp/nvidia-mps");
      if (!folder.isKnown) return undefined;
      return seen(`"/tmp/nvidia-mps" is ${folder.value === undefined ? "not " : ""}there`);
    },
    page: HOST,
  },
];
