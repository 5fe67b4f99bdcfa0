import { PROGRAMS, VERSION } from "../base/index.ts";
import { patchLauncher } from "../linux/index.ts";
import { charLinks } from "./char-links.ts";
import { deviceNodes } from "./device-nodes.ts";
import { distributionFiles } from "./distribution.ts";
import { driverFiles, otherFiles } from "./driver-files.ts";
import type { Programs } from "./embedded.ts";
import { breakTree } from "./faults.ts";
import { kernelFiles } from "./kernel-files.ts";
import type { Source } from "./library-files.ts";
import { machineFiles } from "./machine-files.ts";
import { formatMarker, MARKER_PATH } from "./marker.ts";
import type { SimProfile } from "./profile.ts";
import { CONFIG_PATH, type Site } from "./site.ts";
import { tegraTree } from "./tegra.ts";
import { programFile, textFile, type TreeEntry } from "./tree.ts";
import { wslTree } from "./wsl.ts";

const STATE_PATH = "/run/berth";

/** The files outside the tree's own view: on this machine. */
function sitePaths(dir: string) {
  return { config: `${dir}${CONFIG_PATH}`, state: `${dir}${STATE_PATH}` };
}

/** Everything in the folder of a simulated host, as data. The same input gives the same tree. */
export function planTree(profile: SimProfile, site: Site, programs: Programs): readonly TreeEntry[] {
  const planOf = (machine: SimProfile): readonly TreeEntry[] => planSound(machine, site, programs);
  return breakTree(planOf(profile), { profile, site, planOf });
}

/** The machine without a fault. */
function planSound(profile: SimProfile, site: Site, programs: Programs): readonly TreeEntry[] {
  const machine = [...machineFiles(profile), ...machineTree({ profile, programs })];
  const entries = [...machine, ...distributionFiles(profile, machine), ...berthFiles(profile, site, programs)];
  // Two compute instances of one GPU instance share its capability.
  return [...new Map(entries.map((entry) => [entry.path, entry])).values()];
}

/** Kernel, devices, driver and libraries of one kind of machine. */
function machineTree(source: Source): readonly TreeEntry[] {
  const { profile } = source;
  switch (profile.platform) {
    case "pci":
      return [...kernelFiles(profile), ...nodesWithLinks(profile), ...otherFiles(source), ...driverFiles(source)];
    case "wsl":
      return [...otherFiles(source), ...wslTree(source)];
    case "tegra":
      return [...otherFiles(source), ...tegraTree(source)];
  }
}

function nodesWithLinks(profile: SimProfile): readonly TreeEntry[] {
  const nodes = deviceNodes(profile);
  return [...nodes, ...charLinks(nodes)];
}

function berthFiles(profile: SimProfile, { dir, executable }: Site, programs: Programs): readonly TreeEntry[] {
  const launcher = patchLauncher(programs.launcher, { executable, ...sitePaths(dir) });
  const marker = { profile: profile.name, driver: profile.driver?.version, dir, executable, version: VERSION };
  return [
    { kind: "folder", path: STATE_PATH, mode: 0o700 },
    { kind: "folder", path: "/var/log", mode: 0o755 },
    textFile(CONFIG_PATH, formatConfig(dir)),
    ...PROGRAMS.map((name) => programFile(`/bin/${name}`, launcher)),
    textFile(MARKER_PATH, formatMarker(marker)),
  ];
}

function formatConfig(dir: string): string {
  return `# The configuration of the simulated host in this folder.

[nvidia-container-runtime]
debug = ${JSON.stringify(`${dir}/var/log/nvidia-container-runtime.log`)}
log-level = "info"
runtimes = ["runc", "crun"]

[berth]
root = ${JSON.stringify(dir)}
`;
}
