import { BY_RUNTIME, seen, type KnownError } from "../known-error.ts";
import { lookAtCgroups } from "../looks/nodes.ts";

const DOCKER = "docs/docker.md";

/** Control groups and hooks. */
export const KERNEL: readonly KnownError[] = [
  {
    id: "rootless-device-rules",
    row: 17,
    patterns: [
      /unable to find any existing device filters attached to the cgroup/,
      /bpf_prog_query\(BPF_CGROUP_DEVICE\) failed/,
      /open failed: [\w./-]{0,24}\/sys\/fs\/cgroup\/devices\/[\w./:-]{1,200}: permission denied/,
    ],
    title: "NVIDIA's hook may not change the device permissions of a container without root",
    speaker: "nvidia-container-cli",
    cause: "an engine without root has no device permissions to change, and the hook tries all the same",
    remedy: `${BY_RUNTIME} (berth leaves the permissions to the engine); else no-cgroups = true in config.toml`,
    here: lookAtCgroups,
    page: DOCKER,
  },
  {
    id: "cgroup-no-devices",
    row: 19,
    patterns: [/cgroup subsystem devices not found/],
    title: "the hook knows only control groups of version 1",
    speaker: "nvidia-container-cli",
    cause: "the machine has version 2, for which NVIDIA's hook has to be of 2021 or newer",
    remedy: `${BY_RUNTIME} (berth knows both)`,
    here: lookAtCgroups,
    page: DOCKER,
  },
  {
    id: "bpf-load-invalid",
    row: 19,
    patterns: [/load program: invalid argument/],
    besides: [/r1=ctx|nvidia|device rules|BPF_CGROUP_DEVICE/],
    title: "the kernel does not take the hook's device program",
    speaker: "nvidia-container-cli",
    cause: "NVIDIA's hook writes a BPF program of its own for the permissions, and this kernel refuses it",
    remedy: `${BY_RUNTIME} (the low-level runtime sets the permissions then)`,
    here: lookAtCgroups,
    page: DOCKER,
  },
  {
    id: "bpf-load-denied",
    row: 19,
    patterns: [/load program: (?:permission denied|operation not permitted)/],
    title: "the hook may not load a device program",
    speaker: "nvidia-container-cli",
    cause: "it runs without CAP_BPF or CAP_SYS_ADMIN, or the limit of locked memory is too low",
    remedy: `${BY_RUNTIME} (the low-level runtime sets the permissions then)`,
    here: lookAtCgroups,
    page: DOCKER,
  },
  {
    id: "cgroup-write-denied",
    row: 40,
    patterns: [/write error: [\w./-]{0,24}\/sys\/fs\/cgroup\/[\w./:-]{1,200}: operation not permitted/],
    title: "a container in a container may not change device permissions",
    speaker: "nvidia-container-cli",
    cause: "the outer container's control groups are not its own to change",
    remedy:
      "no-cgroups = true in the config.toml of the inner machine; only what the outer container has can be passed on",
    here: lookAtCgroups,
    page: "docs/configuration.md",
  },
  {
    id: "crun-hook-failed",
    row: 18,
    patterns: [/error executing hook [`'"]?[\w./-]{0,160}nvidia[\w./-]{0,80}[`'"]? \(exit code: \d{1,3}\)/],
    isGeneral: true,
    title: "a hook of the NVIDIA stack failed, and crun shows nothing of what it said",
    speaker: "crun",
    cause:
      "the hook's own words are in the debug file of config.toml; without root it mostly lacks rights that a hook needs",
    remedy: "use CDI files of berth, which need one hook: berth cdi generate --output /etc/cdi/nvidia.yaml",
    page: "docs/cdi.md",
  },
  {
    id: "oci-hook-failed",
    row: 1,
    patterns: [/error running (?:\w{1,20} )?hook(?: #\d{1,3})?/],
    besides: [/nvidia|auto-detected mode as/],
    isGeneral: true,
    title: "a hook of the NVIDIA stack failed",
    speaker: "the low-level runtime",
    cause: 'the hook\'s own words stand behind "stderr:"; where nothing does, its logs are switched off',
    remedy: `set debug = "/var/log/nvidia-container-toolkit.log" under [nvidia-container-cli] in config.toml, start it again and paste what the file says`,
    page: "docs/configuration.md",
  },
  {
    id: "change-root-failed",
    row: 36,
    patterns: [/change root failed: no such file or directory/],
    title: "nvidia-container-cli looks for the driver in a root that is not there",
    speaker: "nvidia-container-cli",
    cause: "root in config.toml names a driver container (/run/nvidia/driver) that does not run",
    remedy: "mend root under [nvidia-container-cli] in config.toml",
    here: ({ stat }) => {
      const folder = stat("/run/nvidia/driver");
      if (!folder.isKnown) return undefined;
      return seen(`"/run/nvidia/driver" is ${folder.value === undefined ? "not " : ""}there`);
    },
    page: "docs/configuration.md",
  },
];
