import type { Device } from "./device.ts";
import type { Usage } from "./usage.ts";
import type { Wish } from "../request/index.ts";

/** Why a device is not what a wish describes, whoever has it; undefined: it is. What is not known does not fit. */
export function misfitOf(device: Device, wish: Wish, usage: Usage): string | undefined {
  return misfitOfKind(device, wish) ?? misfitOfMemory(wish, usage) ?? misfitOfModel(device, wish);
}

function misfitOfKind({ migProfile }: Device, wish: Wish): string | undefined {
  if (wish.migProfile === undefined)
    return migProfile === undefined ? undefined : "it is a MIG device, and whole GPUs are wished for";
  if (migProfile === undefined) return "it is a whole GPU, and MIG devices are wished for";
  if (migProfile === "") return "its MIG profile is not known: berth host";
  return migProfile === wish.migProfile ? undefined : `it is a ${migProfile}`;
}

function misfitOfMemory({ memoryBytes }: Wish, usage: Usage): string | undefined {
  if (memoryBytes === undefined) return undefined;
  const has = usage.kind === "known" ? usage.memoryBytes : undefined;
  if (has === undefined) return "how much memory it has is not known";
  return has >= memoryBytes ? undefined : `it has ${(has / 1e9).toFixed(1)} GB of memory`;
}

function misfitOfModel(device: Device, { computeCapability, model, numaNode }: Wish): string | undefined {
  if (computeCapability !== undefined && !isAtLeast(device.computeCapability, computeCapability))
    return device.computeCapability === undefined
      ? "its compute capability is not known: berth host"
      : `its compute capability is ${device.computeCapability}`;
  if (model !== undefined && !device.model.toLowerCase().includes(model.toLowerCase()))
    return `its model is ${device.model}`;
  if (numaNode === undefined || device.numaNode === numaNode) return undefined;
  return device.numaNode === undefined ? "its NUMA node is not known" : `it is on NUMA node ${device.numaNode}`;
}

function isAtLeast(has: string | undefined, [major, minor]: readonly [number, number]): boolean {
  const [hasMajor = NaN, hasMinor = NaN] = (has ?? "").split(".").map(Number);
  return hasMajor > major || (hasMajor === major && hasMinor >= minor);
}
