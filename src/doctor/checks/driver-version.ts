import { compareVersions } from "../../base/index.ts";
import { listVersionedLibraries, planDeviceNodes } from "../../host/index.ts";
import { findAllHolders } from "../../linux/index.ts";
import { fail, pass, skip, type Check, type Finding } from "../check.ts";
import type { Scene } from "../scene.ts";
import { quoteSome } from "../words.ts";

const MOST_HOLDERS = 5;

export const driverVersion: Check = {
  id: "driver-version",
  title: "kernel module and libraries have one version",
  needs: ["driver-module"],
  run: (scene) => {
    const loaded = scene.host().driver?.version;
    if (loaded === undefined || scene.host().unit !== undefined)
      return skip("there is no module with a version of its own");
    const libraries = listVersionedLibraries(scene.root, scene.hostOptions);
    // Without the links it is their files that tell; without files, what is missing is the next check's matter.
    const used = libraries.some(({ isLinked }) => isLinked) ? libraries.filter(({ isLinked }) => isLinked) : libraries;
    // A toolkit's own libcuda beside the driver's is no fault.
    const other = used.filter(({ stem }) => !used.some((each) => each.stem === stem && each.version === loaded));
    return other.length === 0 ? pass(loaded) : differ(scene, loaded, other);
  },
};

function differ(
  scene: Scene,
  loaded: string,
  libraries: readonly { readonly hostPath: string; readonly version: string }[],
): Finding {
  const installed = libraries[0]?.version ?? "";
  const paths = quoteSome(libraries.map(({ hostPath }) => hostPath));
  const cause = `the loaded kernel module is ${loaded} ("${scene.files.place("/proc/driver/nvidia/version")}"), and the libraries are ${installed} (${paths})`;
  const isUpgraded = compareVersions(installed, loaded) > 0;
  const remedy = isUpgraded
    ? "reboot; or, when nothing uses a GPU: modprobe -r nvidia_uvm nvidia_drm nvidia_modeset nvidia && modprobe nvidia"
    : `install the libraries of ${loaded}, or the module of ${installed} and reboot`;
  return fail({ code: "BERTH-H003", cause, remedy, more: isUpgraded ? listHolders(scene) : [] });
}

/** Who keeps the old module from being unloaded. */
function listHolders({ root, isHere }: Scene): readonly string[] {
  if (!isHere) return [];
  const devices = planDeviceNodes(root).nodes.map(({ major, minor }) => `${major}:${minor}`);
  const holders = findAllHolders(new Set(devices)).map(({ pid, command }) => `process ${pid} (${command})`);
  const left = holders.length - MOST_HOLDERS;
  const more = left > 0 ? ` and ${left} more` : "";
  return holders.length === 0 ? [] : [`a GPU is used by ${holders.slice(0, MOST_HOLDERS).join(", ")}${more}`];
}
