import type { UnitPlatform } from "./profile.ts";

/** The device node that is the GPU of a machine without /dev/nvidiaN, with the numbers of one such machine. */
export const UNIT_NODES: Readonly<Record<UnitPlatform, { path: string; major: number; minor: number }>> = {
  wsl: { path: "/dev/dxg", major: 10, minor: 125 },
  tegra: { path: "/dev/nvhost-gpu", major: 505, minor: 1 },
};
