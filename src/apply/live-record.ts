import type { LinkEdit, MountEdit } from "../edits/index.ts";
import type { Root } from "../linux/index.ts";
import type { LayerRecord } from "./record.ts";

/**
 * What of a layer's record leads to something that is mounted in the container now: another hook of this same start may have made it, for the devices of another CDI file.
 * What an older driver left leads to nothing, or to the empty files that were mounted on; what is the image's own is not the driver's.
 */
export function liveRecord(old: LayerRecord, layer: Root, whole: Root): LayerRecord {
  const isLive = (path: string): boolean => {
    const [seen, below] = [whole.stat(path), layer.stat(path)];
    return seen !== undefined && (seen.dev !== below?.dev || seen.ino !== below.ino);
  };
  const links = [...old.links].filter(([path, target]) => isLive(path) && layer.readLink(path) === target);
  return {
    ...old,
    links: new Map(links),
    stubs: new Set([...old.stubs].filter(isLive)),
    cachePaths: new Set([...old.cachePaths].filter(isLive)),
  };
}

/** The record without what is live. */
export function recordWithout(old: LayerRecord, live: LayerRecord): LayerRecord {
  return {
    ...old,
    links: new Map([...old.links].filter(([path]) => !live.links.has(path))),
    stubs: old.stubs.difference(live.stubs),
    cachePaths: old.cachePaths.difference(live.cachePaths),
  };
}

const REASON = "made by another hook of this container";

export function liveLinks({ links }: LayerRecord): readonly LinkEdit[] {
  return [...links].map(([path, target]) => ({ path, target, reason: REASON }));
}

export function liveMounts({ stubs }: LayerRecord): readonly MountEdit[] {
  return [...stubs].map((path) => ({
    hostPath: path,
    containerPath: path,
    kind: "config",
    options: [],
    reason: REASON,
  }));
}
