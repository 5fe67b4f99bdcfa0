import { compareVersions, parseVersion } from "../base/index.ts";
import type { SupportedCuda } from "./host.ts";

type Branch = readonly [driver: string, cuda: string];

/**
 * The driver branches and the newest CUDA of each, ascending. The driver is the first of its branch that the release notes
 * of the CUDA toolkit name (Linux, "CUDA Toolkit and Corresponding Driver Versions"), or the branch where none does; the
 * CUDA version is what those notes and, from 410 on, nvidia-smi of that branch say.
 */
const BRANCHES: readonly Branch[] = [
  ["340", "6.5"],
  ["346.46", "7.0"],
  ["352.31", "7.5"],
  ["367.48", "8.0"],
  ["375.26", "8.0"],
  ["384.81", "9.0"],
  ["387.26", "9.1"],
  ["390.46", "9.1"],
  ["396.26", "9.2"],
  ["410.48", "10.0"],
  ["415", "10.0"],
  ["418.39", "10.1"],
  // Not 430: up to 430.26 it reports 10.2, from 430.34 on 10.1.
  ["435", "10.1"],
  ["440.33", "10.2"],
  ["450.51.05", "11.0"],
  ["455.23", "11.1"],
  ["460.27.03", "11.2"],
  ["465.19.01", "11.3"],
  ["470.42.01", "11.4"],
  ["495.29.05", "11.5"],
  ["510.39.01", "11.6"],
  ["515.43.04", "11.7"],
  ["520.61.05", "11.8"],
  ["525.60.13", "12.0"],
  ["530.30.02", "12.1"],
  ["535.54.03", "12.2"],
  ["545.23.06", "12.3"],
  ["550.54.14", "12.4"],
  ["555.42.02", "12.5"],
  ["560.28.03", "12.6"],
  ["565", "12.7"],
  ["570.26", "12.8"],
  ["575.51.03", "12.9"],
  ["580.65.06", "13.0"],
  ["590.44.01", "13.1"],
  ["595.45.04", "13.2"],
  ["610.43.02", "13.3"],
  ["615", "13.4"],
];

/**
 * The newest CUDA that a driver ("570.133.20") supports, as nvidia-smi shows it. Of a branch that is not known: at least
 * that of the next older known one. Undefined for a driver older than 340, and for what is no version.
 */
export function supportedCuda(driverVersion: string): SupportedCuda | undefined {
  const major = parseVersion(driverVersion)?.[0];
  if (major === undefined) return undefined;
  const branch = BRANCHES.findLast(([driver]) => branchOf(driver) <= major);
  return branch && { version: branch[1], isExact: branchOf(branch[0]) === major };
}

/**
 * The oldest driver known to support a CUDA version: "570.26" for "12.8", or the branch alone ("565") where the release
 * notes name no driver. Undefined when that CUDA is newer than all known ones, and for what is no version.
 */
export function smallestDriverFor(cuda: string): string | undefined {
  if (parseVersion(cuda) === undefined) return undefined;
  return BRANCHES.find(([, supported]) => compareVersions(supported, cuda) >= 0)?.[0];
}

/** The known drivers, the oldest of each branch, with the newest CUDA of each; ascending. */
export function knownDrivers(): readonly { readonly driver: string; readonly cuda: string }[] {
  return BRANCHES.map(([driver, cuda]) => ({ driver, cuda }));
}

function branchOf(driver: string): number {
  return Number.parseInt(driver, 10);
}
