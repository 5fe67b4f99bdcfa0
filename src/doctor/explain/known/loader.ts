import { BY_RUNTIME, type KnownError } from "../known-error.ts";

const REQUESTS = "docs/requests.md";
const DOCKER = "docs/docker.md";

/** The loader: its cache, and images with another one. */
export const LOADER: readonly KnownError[] = [
  {
    id: "ldconfig-failed",
    row: 23,
    patterns: [/ldcache error: process [\w./@-]{1,64} (?:failed with error code|terminated with signal)/],
    title: "the host's ldconfig failed inside the container",
    speaker: "ldconfig, started by nvidia-container-cli",
    cause:
      "NVIDIA's hook runs the host's ldconfig over the image, which some kernels, namespaces and images do not bear",
    remedy: `${BY_RUNTIME} (berth writes the loader's cache itself and runs nothing)`,
    page: DOCKER,
  },
  {
    id: "ldconfig-missing",
    row: 23,
    patterns: [/\/sbin\/ldconfig(?:\.real)?["']?: no such file or directory/],
    title: "NVIDIA's hook looks for an ldconfig that is not there",
    speaker: "nvidia-container-cli",
    cause: "config.toml names the ldconfig of another distribution, or the system has none",
    remedy: `${BY_RUNTIME} (berth needs none); else set ldconfig in config.toml`,
    page: "docs/configuration.md",
  },
  {
    id: "ldconfig-mmap",
    row: 23,
    patterns: [/cannot mmap file (\/[\w./+-]{1,160})/],
    title: "ldconfig cannot read a library of the image",
    speaker: "ldconfig, started by nvidia-container-cli",
    cause: "NVIDIA's hook lets ldconfig have 2 GiB of memory and 10 seconds, and the library is too large for that",
    remedy: `${BY_RUNTIME} (berth reads only the cache that the image has)`,
    page: DOCKER,
  },
  {
    id: "musl-loader",
    row: 24,
    patterns: [
      /error loading shared library lib(?:cuda|nvidia-[\w-]{1,40})\.so[\d.]{0,12}:/,
      /error relocating [\w./+-]{0,120}(?:libcuda|libnvidia|nvidia-smi)[\w.-]{0,40}:/,
    ],
    title: "the image is made with musl (Alpine), and NVIDIA's driver needs glibc",
    speaker: "musl's loader",
    cause: "the driver's libraries are there and need symbols of glibc",
    remedy: "use an image with glibc (debian, ubuntu, distroless/cc)",
    page: REQUESTS,
  },
];
