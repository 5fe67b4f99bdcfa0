import type { KnownError } from "../known-error.ts";
import { lookForCdiDevice, lookForDeadPath } from "../looks/cdi.ts";
import { lookAtNode } from "../looks/nodes.ts";

const PAGE = "docs/cdi.md";

/** CDI files: missing, stale, or not read. */
export const CDI: readonly KnownError[] = [
  {
    id: "cdi-unresolvable",
    row: 9,
    patterns: [/unresolvable cdi devices "?([\w./=:,-]{1,200})/],
    title: "no CDI file that the engine reads defines this device",
    speaker: "the engine",
    cause:
      "the file is missing (its folder is a tmpfs), cannot be read or is newer than the engine, or has other names",
    remedy: "berth cdi generate --output /etc/cdi/nvidia.yaml",
    here: lookForCdiDevice,
    page: PAGE,
  },
  {
    id: "cdi-stale-path",
    row: 5,
    patterns: [
      /(?:cannot stat|l?stat|open|mounting|source path) "?'?`?(\/[\w./+-]{0,160}(?:\.so\.\d{3}\.[\d.]{1,12}|\/gsp_[\w]{1,12}\.bin))['"`]?[^]{0,200}?no such file/,
    ],
    title: "a CDI file names a file of a driver that is not installed any more",
    speaker: "the low-level runtime",
    cause: "CDI files hold paths with the driver's version, and the driver was updated since",
    remedy: "berth cdi refresh",
    here: lookForDeadPath,
    page: PAGE,
  },
  {
    id: "device-node-missing",
    row: 13,
    patterns: [
      /(?:l?stat|cdi host device|custom device|open|device node) "?'?(\/dev\/nvidia(?:\d{1,3}|ctl|-uvm|-uvm-tools|-modeset))['"]?:[^]{0,40}?no such (?:file|device)/,
      /cannot stat '?(\/dev\/nvidia(?:\d{1,3}|ctl|-uvm|-uvm-tools|-modeset))/,
    ],
    title: "a device node of the driver is missing",
    speaker: "the low-level runtime",
    cause:
      "programs make the nodes when they first need them: on a machine without a screen nobody has done so since the boot",
    remedy: "berth nodes --load-modules",
    here: lookAtNode,
    page: "docs/nodes.md",
  },
  {
    id: "cdi-drm-node-missing",
    row: 18,
    patterns: [/(?:failed to stat cdi host device|l?stat|cannot stat) "?'?(\/dev\/dri\/(?:card|renderd)\d{1,3})/],
    title: "a CDI file names a graphics node that this machine does not have",
    speaker: "the engine",
    cause: "the file was made when other graphics cards or drivers were here",
    remedy: "berth cdi refresh",
    here: lookAtNode,
    page: PAGE,
  },
  {
    id: "compose-cdi-as-path",
    row: 42,
    patterns: [/stat (nvidia\.com\/[\w=:-]{1,80}): no such file or directory/],
    title: "the name of a CDI device was taken for a path",
    speaker: "podman or its compose",
    cause: "this front end or this version of podman does not know CDI names among devices",
    remedy: "podman run --device nvidia.com/gpu=all …, with podman 4.1 or newer",
    page: PAGE,
  },
  {
    id: "mig-caps-missing",
    row: 29,
    patterns: [/\/dev\/nvidia-caps\/nvidia-cap\d{1,6}['"]?:[^]{0,40}?no such file/],
    title: "a capability node of a MIG device is missing",
    speaker: "the low-level runtime",
    cause:
      "the nodes are made when somebody first uses the MIG device, or the MIG layout has changed since the CDI file was made",
    remedy: "berth nodes; berth cdi refresh",
    page: "docs/nodes.md",
  },
  {
    id: "device-unknown",
    row: 29,
    patterns: [/device error: ([\w.:/-]{1,80}): unknown device/],
    title: "a GPU or MIG device of this name does not exist",
    speaker: "nvidia-container-cli",
    cause:
      "the index, UUID or MIG name in NVIDIA_VISIBLE_DEVICES or --gpus is none of this machine; MIG devices get other UUIDs whenever they are made anew",
    remedy: "berth host",
    page: "docs/requests.md",
  },
];
