import { listing, pick, type SimHost } from "./sim-host.ts";

/** The wishes that every engine is held against. */
export const WISHES = ["all", "one index", "two UUIDs", "none", "void", "nothing (unset)"] as const;

export type Wish = (typeof WISHES)[number];

/** The value of NVIDIA_VISIBLE_DEVICES for a wish, on a host of the profile h100x8; undefined: unset. */
export function visibleDevices(wish: Wish, host: SimHost): string | undefined {
  if (wish === "one index") return "3";
  if (wish === "nothing (unset)") return undefined;
  return wish === "two UUIDs" ? [...pick(host, 7, 1)].map(({ uuid }) => uuid).join() : wish;
}

/** What `nvidia-smi -L` is to print for a wish; undefined: there is no nvidia-smi in that container. */
export function expectedListing(wish: Wish, host: SimHost): string | undefined {
  switch (wish) {
    case "all":
      return listing(host.gpus);
    case "one index":
      return listing(pick(host, 3));
    case "two UUIDs":
      return listing(pick(host, 1, 7));
    case "none":
      return "No devices found.\n";
    case "void":
    case "nothing (unset)":
      return undefined;
  }
}
