import { seen, type KnownError } from "../known-error.ts";
import { lookAtLoaded } from "../looks/driver.ts";

const HOST = "docs/host.md";

/** WSL, and containerd under Kubernetes. */
export const MACHINES: readonly KnownError[] = [
  {
    id: "wsl-no-adapter",
    row: 33,
    patterns: [/wsl environment detected but no adapters were found/],
    title: "Windows shows no NVIDIA GPU to WSL",
    speaker: "nvidia-container-cli",
    cause: "there is no NVIDIA card, its driver for Windows is too old, or WSL is of version 1",
    remedy: "install NVIDIA's driver in Windows, then: wsl --update; wsl --shutdown",
    here: lookAtLoaded,
    page: HOST,
  },
  {
    id: "wsl-dxcore",
    row: 33,
    patterns: [/dxcore initiali[sz]ation failed/],
    unless: [/no adapters were found/],
    title: "the library by which WSL reaches Windows' GPU does not work",
    speaker: "nvidia-container-cli",
    cause: "WSL is too old. On a machine that is no WSL it means nothing: the words before or after it are the error",
    remedy: "wsl --update; wsl --shutdown",
    here: ({ stat }) => {
      const node = stat("/dev/dxg");
      if (!node.isKnown) return undefined;
      return node.value === undefined
        ? seen('there is no "/dev/dxg": this machine is no WSL, and the notice means nothing', "berth doctor")
        : seen('"/dev/dxg" is there: this is WSL');
    },
    page: HOST,
  },
  {
    id: "containerd-no-runtime",
    row: 44,
    patterns: [/no runtime for "?([\w.-]{1,64})"? is configured/],
    title: "containerd knows no runtime of this name",
    speaker: "containerd",
    cause: "the pod's runtime class names one that the configuration of the running containerd does not have",
    remedy: "berth setup containerd",
    here: ({ engine }) => {
      const found = engine("containerd");
      if (!found.isKnown) return undefined;
      if (found.value !== undefined) return undefined;
      return seen(
        "no containerd of its own is installed here: k3s and microk8s have one with another configuration",
        "look for config.toml.tmpl (k3s) or containerd-template.toml (microk8s)",
      );
    },
    page: "docs/setup.md",
  },
  {
    id: "containerd-runtime-name",
    row: 44,
    patterns: [/container\.runtime\.name must be set/],
    title: "containerd was given a container without a runtime",
    speaker: "containerd",
    cause: "default_runtime_name in its configuration names a runtime that has no runtime_type",
    remedy: `set runtime_type = "io.containerd.runc.v2" for that runtime, then: systemctl restart containerd`,
    page: "docs/cdi.md",
  },
  {
    id: "kubernetes-no-free-gpu",
    row: 44,
    patterns: [/insufficient nvidia\.com\/[\w.-]{1,64}/],
    title: "no node of the cluster has such a GPU that is free",
    speaker: "Kubernetes' scheduler",
    cause:
      "no device plugin tells Kubernetes of the GPUs (of a node without them, or with a fault), or pods have them all",
    remedy:
      "kubectl describe nodes shows under Allocatable how many there are; where that is 0, on the node: berth doctor",
    page: "docs/doctor.md",
  },
];
