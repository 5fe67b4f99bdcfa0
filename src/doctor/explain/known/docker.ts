import type { KnownError } from "../known-error.ts";
import { lookAtDockerCdi, lookForAnswer, lookForGpuDriver, lookForRuntime } from "../looks/docker.ts";

const PAGE = "docs/docker.md";
const RESTART = "systemctl restart docker";

/** What dockerd and its clients say themselves. */
export const DOCKER: readonly KnownError[] = [
  {
    id: "docker-no-gpu-driver",
    row: 2,
    patterns: [
      /could not select device driver "" with capabilities/,
      /could not select device driver with capabilities/,
    ],
    title: "dockerd has no GPU driver for --gpus",
    speaker: "dockerd",
    cause: "dockerd has one only when it finds the program nvidia-container-runtime-hook in its PATH as it starts",
    remedy: `berth install; ${RESTART} (or use --runtime=nvidia or --device nvidia.com/gpu=all, which need no such driver)`,
    here: lookForGpuDriver,
    page: PAGE,
  },
  {
    id: "docker-no-nvidia-driver",
    row: 2,
    patterns: [/could not select device driver "nvidia" with capabilities/],
    title: "dockerd has no GPU driver of the name nvidia",
    speaker: "dockerd",
    cause:
      "compose files and --gpus driver=nvidia ask for it by name, and dockerd has it only when it finds nvidia-container-runtime-hook in its PATH as it starts",
    remedy: `berth install; ${RESTART}`,
    here: lookForGpuDriver,
    page: PAGE,
  },
  {
    id: "docker-no-cdi-driver",
    row: 2,
    patterns: [
      /could not select device driver "cdi" with capabilities/,
      /cdi device injection (?:is )?not (?:enabled|supported)/,
    ],
    title: "CDI is off in dockerd",
    speaker: "dockerd",
    cause: "--device nvidia.com/gpu=… needs CDI, which dockerd knows since 25.0 and has on by itself since 28.2",
    remedy: "berth setup docker --cdi",
    here: lookAtDockerCdi,
    page: "docs/setup.md",
  },
  {
    id: "docker-no-gpu-vendor",
    row: 2,
    patterns: [/no known gpu vendor found/],
    title: "no CDI file tells the engine whose GPUs --gpus means",
    speaker: "dockerd 29, nerdctl",
    cause: "there --gpus stands for names of CDI, and no file in the engine's CDI folders has the kind nvidia.com/gpu",
    remedy: "berth cdi refresh",
    page: "docs/cdi.md",
  },
  {
    id: "docker-unknown-runtime",
    row: 7,
    patterns: [
      /unknown or invalid runtime name: "?([\w.-]{0,40}nvidia[\w.-]{0,40})/,
      /unknown runtime specified "?([\w.-]{0,40}nvidia[\w.-]{0,40})/,
    ],
    title: "dockerd knows no runtime of this name",
    speaker: "dockerd",
    cause: "its daemon.json names none, was not read again since, or is that of another daemon",
    remedy: "berth setup docker",
    here: lookForRuntime,
    page: "docs/setup.md",
  },
  {
    id: "gpu-count-and-ids",
    row: 41,
    patterns: [
      /cannot set both count and deviceids on device request/,
      /"?count"? and "?device_ids"? attributes are exclusive/,
    ],
    title: "a number of GPUs and their ids were asked for at once",
    speaker: "the docker client",
    cause:
      "the value of --gpus is a list separated by commas, and a shell takes the quotes around device=0,2 away; compose takes either count or device_ids",
    remedy: `docker run --gpus '"device=0,2"' …`,
    page: PAGE,
  },
  {
    id: "hook-not-supported",
    row: 34,
    patterns: [/invoking the nvidia container runtime hook directly/],
    title: "NVIDIA's hook refuses --gpus in this mode",
    speaker: "nvidia-container-runtime-hook",
    cause: "config.toml, or a Jetson, says that GPUs come by the runtime or by CDI",
    remedy: "--runtime=nvidia -e NVIDIA_VISIBLE_DEVICES=all in place of --gpus all",
    page: PAGE,
  },
  {
    id: "docker-no-daemon",
    row: 37,
    patterns: [/cannot connect to the docker daemon at [^?]{1,200}is the docker daemon running/],
    title: "no dockerd answers where Docker's client asks",
    speaker: "the docker client",
    cause: "dockerd does not run, has not started because of a fault in its daemon.json, or listens elsewhere",
    remedy: "systemctl start docker; where that fails: journalctl --unit docker --lines 20 | berth explain",
    here: lookForAnswer,
    page: "docs/doctor.md",
  },
  {
    id: "docker-no-permission",
    row: 37,
    patterns: [/permission denied while trying to connect to the docker (?:daemon socket|api)/],
    title: "this user may not speak to dockerd",
    speaker: "the docker client",
    cause: "the socket belongs to root and the group docker",
    remedy:
      'sudo docker …; or, for good: sudo usermod --append --groups docker "$USER", then log in again (that group is as good as root)',
    page: PAGE,
  },
];
