import { posix } from "node:path";
import type { GrantedUnit } from "../grant/index.ts";
import type { UnitItem } from "../host/index.ts";
import type { DeviceEdit, Edits, LinkEdit, LoaderEdit, MountEdit } from "./edits.ts";
import { READ_ONLY } from "./mount-options.ts";

type UnitEdits = Pick<Edits, "devices" | "mounts" | "links" | "loaderEntries">;

/** All of a WSL or Tegra GPU: nodes, libraries, files, links, as the host lists them. */
export function unitEdits({ unit, hasNodes, hasOptional, reason }: GrantedUnit): UnitEdits {
  const items = unit.items.filter(
    ({ kind, isOptional }) => (hasNodes || kind !== "node") && (hasOptional || !isOptional),
  );
  return {
    devices: items.flatMap((item): DeviceEdit[] => (item.kind === "node" ? [{ node: item.node, reason }] : [])),
    mounts: items.flatMap((item) => mountOf(item, reason)),
    links: items.flatMap((item): LinkEdit[] => {
      return item.kind === "link" ? [{ path: item.path, target: item.target, reason }] : [];
    }),
    // Under WSL libcuda_loader.so has the soname of libcuda.so.1.1, too.
    loaderEntries: items.flatMap((item) => loaderEntryOf(item, reason)).toSorted(byOwnName),
  };
}

/** Of two files with one soname the one that is named after it comes first. */
function byOwnName(a: LoaderEdit, b: LoaderEdit): number {
  return Number(isNamedAfter(b)) - Number(isNamedAfter(a));
}

function isNamedAfter({ soname, path }: LoaderEdit): boolean {
  return posix.basename(path).startsWith(soname);
}

function mountOf(item: UnitItem, reason: string): MountEdit[] {
  if (item.kind === "node" || item.kind === "link") return [];
  const kind = item.kind === "library" || item.kind === "binary" ? item.kind : "config";
  return [{ hostPath: item.hostPath, containerPath: item.path, kind, options: READ_ONLY, reason }];
}

function loaderEntryOf(item: UnitItem, reason: string): LoaderEdit[] {
  if (item.kind !== "library" || item.soname === undefined) return [];
  const { soname, path, architecture } = item;
  return [{ soname, path, architecture, isOfImage: false, reason }];
}
