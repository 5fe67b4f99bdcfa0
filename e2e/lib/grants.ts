import { pick, type SimGpu, type SimHost } from "./sim-host.ts";

/** What a container asks for, and the GPUs that it is to see; undefined: it is no GPU container at all. */
export interface GrantCase {
  readonly name: string;
  /** The value of NVIDIA_VISIBLE_DEVICES; undefined: unset. */
  readonly devices: string | undefined;
  readonly gpus: readonly SimGpu[] | undefined;
}

/** The table that every engine is held against, on a host of the profile h100x8. */
export function grantTable(host: SimHost): readonly GrantCase[] {
  const [second, last] = pick(host, 1, 7);
  return [
    { name: "all", devices: "all", gpus: host.gpus },
    { name: "one index", devices: "3", gpus: pick(host, 3) },
    { name: "two UUIDs", devices: `${last?.uuid},${second?.uuid}`, gpus: pick(host, 1, 7) },
    { name: "none", devices: "none", gpus: [] },
    { name: "void", devices: "void", gpus: undefined },
    { name: "nothing (unset)", devices: undefined, gpus: undefined },
  ];
}

/** As words of a container's environment. */
export function wishOf({ devices }: GrantCase): string[] {
  return devices === undefined ? [] : [`NVIDIA_VISIBLE_DEVICES=${devices}`];
}
