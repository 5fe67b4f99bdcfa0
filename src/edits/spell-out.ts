import type { Grant } from "../grant/index.ts";
import type { Host } from "../host/index.ts";
import { applicationProfile } from "./application-profile.ts";
import { controlNodes } from "./control-nodes.ts";
import { driverFiles } from "./driver-files.ts";
import { driverLibraries } from "./driver-libraries.ts";
import { driverLinks } from "./driver-links.ts";
import type { Edits } from "./edits.ts";
import { features } from "./features.ts";
import { forwardCompatibility } from "./forward-compatibility.ts";
import { gpuLinks, gpuNodes } from "./gpu-nodes.ts";
import { groups } from "./groups.ts";
import { imexChannels } from "./imex-channels.ts";
import { migControl } from "./mig-control.ts";
import { unitEdits } from "./unit.ts";
import { visibleDevices } from "./visible-devices.ts";

/** Everything that a grant changes in a container; the same grant on the same host gives the same edits in the same order. */
export function spellOut(grant: Grant, host: Host): Edits {
  const base = grant.unit === undefined ? driverEdits(grant, host) : unitEdits(grant.unit);
  const more = features(grant);
  const devices = [...base.devices, ...migControl(grant), ...imexChannels(grant), ...more.devices];
  return {
    devices,
    mounts: [...base.mounts, ...more.mounts],
    links: base.links,
    loaderEntries: [...forwardCompatibility(grant), ...base.loaderEntries],
    env: [visibleDevices(grant)],
    groups: groups(grant, devices),
    files: applicationProfile(grant),
  };
}

/** The GPUs and the driver's files of the granted capabilities. */
function driverEdits(grant: Grant, host: Host): Pick<Edits, "devices" | "mounts" | "links" | "loaderEntries"> {
  const libraries = driverLibraries(grant, host);
  return {
    devices: [...controlNodes(grant, host), ...gpuNodes(grant)],
    mounts: [...libraries.mounts, ...driverFiles(grant, host)],
    links: [...libraries.links, ...driverLinks(grant, host), ...gpuLinks(grant)],
    loaderEntries: libraries.loaderEntries,
  };
}
