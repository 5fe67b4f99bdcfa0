import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dist } from "./gate.ts";
import { must } from "./run.ts";
import type { Scope } from "./scope.ts";

export interface SimGpu {
  readonly model: string;
  readonly uuid: string;
  readonly minor: number;
  readonly bus: string;
  readonly drm: { readonly card: number; readonly render: number };
  /** In the driver's order. */
  readonly mig?: readonly { readonly uuid: string; readonly gpuInstance: number; readonly computeInstance: number }[];
}

export interface SimHost {
  readonly dir: string;
  readonly bin: string;
  /** The drop-in nvidia-container-runtime of this host. */
  readonly runtime: string;
  readonly configPath: string;
  /** In the order of their PCI addresses, which is the order of indices. */
  readonly gpus: readonly SimGpu[];
  readonly driver: string;
}

interface Profile {
  readonly gpus: readonly SimGpu[];
  readonly driver?: { readonly version: string };
}

/** Makes a simulated host with the built berth, for as long as the scope lasts. */
export function simHost(scope: Scope, profile: string, parent = scope.dir): SimHost {
  const dir = join(parent, `host-${profile}`);
  must([join(dist, "bin/berth"), "sim", "up", dir, "--profile", profile]);
  const data: Profile = JSON.parse(
    readFileSync(join(import.meta.dir, `../../src/sim/profiles/${profile}.json`), "utf8"),
  );
  return {
    dir,
    bin: join(dir, "bin"),
    runtime: join(dir, "bin/nvidia-container-runtime"),
    configPath: join(dir, "etc/nvidia-container-runtime/config.toml"),
    gpus: data.gpus.toSorted((a, b) => (a.bus < b.bus ? -1 : 1)),
    driver: data.driver?.version ?? "",
  };
}

/** What `nvidia-smi -L` prints in a container that was granted these GPUs. */
export function listing(gpus: readonly SimGpu[]): string {
  return gpus.map(({ model, uuid }, index) => `GPU ${index}: ${model} (UUID: ${uuid})\n`).join("");
}

/** The host's GPUs by index. Throws when there is none of that index. */
export function pick(host: SimHost, ...indices: readonly number[]): SimGpu[] {
  return indices.map((index) => {
    const gpu = host.gpus[index];
    if (gpu === undefined) throw new RangeError(`no GPU ${index}`);
    return gpu;
  });
}

/** Replaces a text of the host's config.toml. */
export function setConfig(host: SimHost, [from, to]: readonly [string, string]): void {
  const before = readFileSync(host.configPath, "utf8");
  if (!before.includes(from)) throw new Error(`"${host.configPath}" has no ${from}`);
  writeFileSync(host.configPath, before.replace(from, to));
}
