import type { SimProfile } from "./profile.ts";

type Major = readonly [major: number, name: string];

const ALWAYS: readonly Major[] = [
  [1, "mem"],
  [5, "/dev/tty"],
  [10, "misc"],
  [136, "pts"],
  [226, "drm"],
];

/** /proc/devices: the majors of this machine's drivers under the names that they register. */
export function formatDevices(profile: SimProfile): string {
  const sorted = [...ALWAYS, ...driverMajors(profile)].toSorted(([one], [other]) => one - other);
  const lines = sorted.map(([major, name]) => `${String(major).padStart(3)} ${name}`);
  return `Character devices:\n${lines.join("\n")}\n\nBlock devices:\n  7 loop\n259 blkext\n`;
}

function driverMajors({ driver, imex, gpuDirect }: SimProfile): readonly Major[] {
  const majors: Major[] = [];
  if (driver?.module !== undefined) {
    for (const name of ["nvidia", "nvidia-modeset", "nvidiactl"]) majors.push([195, name]);
    majors.push([driver.module.capsMajor, "nvidia-caps"], [driver.module.uvmMajor, "nvidia-uvm"]);
  }
  if (imex !== undefined) majors.push([imex.major, "nvidia-caps-imex-channels"]);
  if (gpuDirect !== undefined) {
    majors.push([231, "infiniband_verbs"], [gpuDirect.switchMajor, "nvidia-nvswitch"]);
    majors.push([gpuDirect.storageMajor, "nvidia-fs"], [gpuDirect.gdrcopyMajor, "gdrdrv"]);
  }
  return majors;
}
