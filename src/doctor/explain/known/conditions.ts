import { BY_RUNTIME, type KnownError } from "../known-error.ts";
import { lookAtCuda, lookAtGpus, lookAtVersions } from "../looks/driver.ts";
import { lookAtNode } from "../looks/nodes.ts";

const REQUESTS = "docs/requests.md";

/** An image's conditions, forward compatibility, and channels of IMEX. */
export const CONDITIONS: readonly KnownError[] = [
  {
    id: "unsatisfied-cuda",
    row: 11,
    patterns: [/unsatisfied condition: cuda ?[<>=!]{1,2} ?(\d{1,3}\.\d{1,3})/],
    title: "the image demands a newer CUDA than the driver supports",
    speaker: "nvidia-container-cli",
    cause: "NVIDIA_REQUIRE_CUDA of the image, or its CUDA_VERSION, is held against the driver before a start",
    remedy: "install a newer driver, use an older image, or start it all the same with -e NVIDIA_DISABLE_REQUIRE=1",
    here: lookAtCuda,
    page: "docs/preflight.md",
  },
  {
    id: "unsatisfied-condition",
    row: 11,
    patterns: [/unsatisfied condition: (\w{1,20} ?[<>=!]{1,2} ?[\w.]{1,40})/],
    unless: [/unsatisfied condition: cuda/],
    title: "the image demands something of driver or GPU that is not so",
    speaker: "nvidia-container-cli",
    cause: "a NVIDIA_REQUIRE_… of the image is held against driver and GPUs before a start",
    remedy: "berth preflight IMAGE says what would do; -e NVIDIA_DISABLE_REQUIRE=1 starts it all the same",
    here: lookAtGpus,
    page: "docs/preflight.md",
  },
  {
    id: "compat-unsupported-gpu",
    row: 22,
    patterns: [
      /forward compatibility was attempted on non[- ]supported hw/,
      /error 804/,
      /CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE/,
      /cudaErrorCompatNotSupportedOnDevice/,
    ],
    title: "the image's own CUDA libraries are used on a GPU on which they cannot work",
    speaker: "CUDA, inside the container",
    cause: "forward compatibility (/usr/local/cuda/compat in the image) works on data-centre GPUs only",
    remedy: `install a newer driver; or ${BY_RUNTIME} (berth leaves those libraries out there)`,
    here: lookAtGpus,
    page: REQUESTS,
  },
  {
    id: "compat-older-than-driver",
    row: 22,
    patterns: [
      /error 803/,
      /unsupported display driver ?\/ ?cuda driver combination/,
      /CUDA_ERROR_SYSTEM_DRIVER_MISMATCH/,
      /cudaErrorSystemDriverMismatch/,
    ],
    title: "libcuda and the kernel module are of versions that do not go together",
    speaker: "CUDA, inside the container",
    cause:
      "the image's libraries for forward compatibility are older than the driver and go before it, or the driver was updated and not loaded anew",
    remedy: `${BY_RUNTIME} (berth uses the image's only where they are newer); without it: take /usr/local/cuda/compat out of LD_LIBRARY_PATH`,
    here: lookAtVersions,
    page: REQUESTS,
  },
  {
    id: "imex-not-permitted",
    row: 50,
    patterns: [/CUDA_ERROR_NOT_PERMITTED/, /cudaErrorNotPermitted/],
    title: "memory of another node may not be used",
    speaker: "CUDA, inside the container",
    cause: "the container has no IMEX channel, or the IMEX daemon does not run",
    remedy: "-e NVIDIA_IMEX_CHANNELS=0; ls /dev/nvidia-caps-imex-channels shows the channels of this machine",
    here: (machine) => lookAtNode(machine, ["/dev/nvidia-caps-imex-channels/channel0"]),
    page: REQUESTS,
  },
  {
    id: "imex-channels-value",
    row: 50,
    patterns: [/(?:invalid|failed|error|cannot)[^]{0,80}?(?:NVIDIA_IMEX_CHANNELS|imex channel)/],
    unless: [/BERTH-R005/],
    title: "an IMEX channel cannot be read or does not exist",
    speaker: "the NVIDIA container stack",
    cause: "NVIDIA_IMEX_CHANNELS takes numbers from 0 to 2047, and a node of that number has to be there",
    remedy: "ls /dev/nvidia-caps-imex-channels",
    here: (machine) => lookAtNode(machine, ["/dev/nvidia-caps-imex-channels/channel0"]),
    page: REQUESTS,
  },
];
