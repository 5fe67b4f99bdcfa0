import { existsSync } from "node:fs";
import { join } from "node:path";
import { askStates, sickState, type GpuState } from "../nvml/index.ts";
import type { Host } from "./host.ts";
import { findDriverLibrary, ownCommand } from "./learn.ts";
import { listPciGpus } from "./pci-gpus.ts";

/**
 * What the GPUs of a described host are doing, in the order of their indices, each with a deadline, asked in child processes of `executable` (this program). One that does not
 * answer is sick and says why; nothing is thrown. WSL and Tegra: the one GPU.
 */
export async function readGpuStates(host: Host, executable: string, deadlineMs = 1000): Promise<readonly GpuState[]> {
  // What cannot be told apart is the driver's first.
  const targets = host.unit === undefined ? host.gpus.map(({ bus }) => bus) : ["0"];
  const place = findDriverLibrary(host);
  if (place === undefined) {
    return targets.map((target) => sickState(target, "there is no libnvidia-ml.so.1 among the driver's libraries"));
  }
  const command = [...ownCommand(executable), "nvml-state", "--root", place.root, "--library", place.library];
  const argv = (asked: readonly string[]) => [...command, ...asked.flatMap((target) => ["--target", target])];
  return askStates({ argv, targets, deadlineMs });
}

/** PCI addresses of GPUs that are bound to the driver and that it does not list any more: they have fallen off the bus. */
export function listLostGpus(root: string): readonly string[] {
  const bound = listPciGpus(root).filter(({ driver }) => driver === "nvidia");
  return bound.map(({ bus }) => bus).filter((bus) => !existsSync(join(root, "proc/driver/nvidia/gpus", bus)));
}
