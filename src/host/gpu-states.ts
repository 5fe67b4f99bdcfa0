import { existsSync } from "node:fs";
import { join } from "node:path";
import { StateAsker, sickState, type GpuState } from "../nvml/index.ts";
import type { Host } from "./host.ts";
import { findDriverLibrary, ownCommand } from "./learn.ts";
import { listPciGpus } from "./pci-gpus.ts";

export interface GpuStatesOptions {
  /** This program. */
  readonly executable: string;
  /** Whether what goes over PCIe and NVLink is asked, too: that takes 40 ms a GPU. */
  readonly hasTraffic?: boolean | undefined;
}

/**
 * Asks what the GPUs of a described host are doing, in the order of their indices, each with a deadline, in child processes of `executable`. One that does not answer is
 * sick and says why; nothing is thrown. WSL and Tegra: the one GPU. Undefined: there is no library of the driver to ask. Close it.
 */
export function watchGpuStates(host: Host, options: GpuStatesOptions): StateAsker | undefined {
  const place = findDriverLibrary(host);
  if (place === undefined) return undefined;
  const { executable, hasTraffic = false } = options;
  const words = ["nvml-state", "--root", place.root, "--library", place.library, ...(hasTraffic ? ["--traffic"] : [])];
  const command = [...ownCommand(executable), ...words];
  const argv = (asked: readonly string[]) => [...command, ...asked.flatMap((target) => ["--target", target])];
  return new StateAsker({ argv, targets: targetsOf(host) });
}

/** What they are doing now. */
export async function readGpuStates(host: Host, executable: string, hasTraffic = false): Promise<readonly GpuState[]> {
  using asker = watchGpuStates(host, { executable, hasTraffic });
  if (asker === undefined) return unaskedStates(host);
  await asker.ask();
  return asker.states;
}

/** Those of a host that `watchGpuStates` cannot ask. */
export function unaskedStates(host: Host): readonly GpuState[] {
  return targetsOf(host).map((target) =>
    sickState(target, "there is no libnvidia-ml.so.1 among the driver's libraries"),
  );
}

/** What cannot be told apart is the driver's first. */
function targetsOf(host: Host): readonly string[] {
  return host.unit === undefined ? host.gpus.map(({ bus }) => bus) : ["0"];
}

/** PCI addresses of GPUs that are bound to the driver and that it does not list any more: they have fallen off the bus. */
export function listLostGpus(root: string): readonly string[] {
  const bound = listPciGpus(root).filter(({ driver }) => driver === "nvidia");
  return bound.map(({ bus }) => bus).filter((bus) => !existsSync(join(root, "proc/driver/nvidia/gpus", bus)));
}
