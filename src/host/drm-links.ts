import { readlinkSync } from "node:fs";
import { posix } from "node:path";
import type { DeviceNode, HostLink } from "./host.ts";
import type { Scene } from "./scene.ts";
import { lstatIfThere, onMachine, resolveInRoot } from "./tree.ts";

const FOLDER = "/dev/dri/by-path";

/** The links that udev makes for a GPU's DRM nodes by its PCI address: those that are there and lead to these nodes. */
export function readDrmLinks(scene: Scene, bus: string, drmNodes: readonly DeviceNode[]): readonly HostLink[] {
  const folder = drmNodes.length === 0 ? undefined : resolveInRoot(scene.root, FOLDER);
  if (folder === undefined) return [];
  return ["card", "render"].flatMap((kind) => {
    const name = `pci-${bus}-${kind}`;
    const target = readLinkIfThere(onMachine(scene.root, `${folder}/${name}`));
    if (target === undefined) return [];
    const leadsTo = posix.resolve(FOLDER, target);
    return drmNodes.some(({ path }) => path === leadsTo) ? [{ path: `${FOLDER}/${name}`, target }] : [];
  });
}

function readLinkIfThere(path: string): string | undefined {
  return lstatIfThere(path)?.isSymbolicLink() === true ? readlinkSync(path) : undefined;
}
