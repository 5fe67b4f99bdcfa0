import type { SimProfile } from "./profile.ts";
import { textFile, type TreeEntry } from "./tree.ts";

/** When the simulated machine was booted, in seconds of the epoch. */
export const BOOT_TIME = 1_740_886_000;

const RELEASE = `6.1.0-28-${process.arch === "arm64" ? "arm64" : "amd64"}`;

/** What every machine shows of its kernel, and where the driver's module lies. */
export function machineFiles({ platform, driver, gpus }: SimProfile): readonly TreeEntry[] {
  const always = [
    textFile("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n"),
    textFile("/proc/stat", `cpu  0 0 0 0 0 0 0 0 0 0\nbtime ${BOOT_TIME}\n`),
  ];
  if (platform !== "pci") return always;
  const release = textFile("/proc/sys/kernel/osrelease", `${RELEASE}\n`);
  if (driver === undefined) return [...always, release];
  const modules = ["nvidia", "nvidia-modeset", "nvidia-drm", "nvidia-uvm"].map((name) => `updates/dkms/${name}.ko`);
  return [
    ...always,
    release,
    textFile(`/lib/modules/${RELEASE}/modules.dep`, modules.map((path) => `${path}:\n`).join("")),
    ...modules.map((path) => textFile(`/lib/modules/${RELEASE}/${path}`, `simulated ${path} of ${driver.version}\n`)),
    { kind: "folder", path: "/sys/bus/pci/drivers/nvidia", mode: 0o755 },
    ...gpus.map(({ bus }): TreeEntry => {
      return { kind: "link", path: `/sys/bus/pci/devices/${bus}/driver`, target: "../../drivers/nvidia" };
    }),
  ];
}
