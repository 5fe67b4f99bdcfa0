import type { SimFault } from "../fault.ts";

const NEW = "575.57.08";

export const brokenDriverVersion: SimFault = {
  name: "broken-driver-version",
  summary: "the driver was upgraded, and the old module is still loaded",
  base: "rtx4090x2",
  apply: (tree, { profile, planOf }) => {
    const { driver } = profile;
    if (driver === undefined) throw new RangeError("there is no driver");
    const upgraded = planOf({ ...profile, driver: { ...driver, version: NEW } });
    return [...tree.filter(({ path }) => !isInstalled(path)), ...upgraded.filter(({ path }) => isInstalled(path))];
  },
};

/** What a package replaces. */
function isInstalled(path: string): boolean {
  return path.startsWith("/usr/") || path.startsWith("/lib/firmware/") || path === "/etc/ld.so.cache";
}
