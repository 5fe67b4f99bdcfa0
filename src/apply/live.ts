import { BerthError, undoable, type Undo } from "../base/index.ts";
import { placeMounts, statPath, type LiveMount, type MountFlag } from "../linux/index.ts";
import { writeLayer, writeState } from "./carry-out.ts";
import { makeLinks, makePoint, unmake, type Made } from "./in-tmpfs.ts";
import type { LiveContainer } from "./live-container.ts";
import type { LivePlan, PlannedMount } from "./plan-live.ts";

export interface LiveOptions {
  readonly stateDir: string;
  readonly now: Date;
  /** What belongs to it and can fail, after the mounts; gives back its undo. */
  readonly last: () => Undo;
}

/**
 * Changes a container that exists: its layer, its tmpfs, then the mounts, all by descriptors, then `last`. When anything of it fails everything is as it was. Throws BERTH-P001, or
 * what `last` throws.
 */
export function carryOutLive(plan: LivePlan, container: LiveContainer, { stateDir, now, last }: LiveOptions): void {
  writeState(plan.stateWrites, { stateDir, now });
  writeLayer(plan.writes, container.layer, () => {
    undoable((undos) => {
      undos.push(makePlaces(plan, container));
      undos.push(placeMounts(container, plan.mounts.map(liveMount)));
      undos.push(makeAllLinks(plan, container));
      undos.push(last());
    });
  });
}

/** Everything in a tmpfs that is mounted on. */
function makePlaces({ mounts, view }: LivePlan, { whole }: LiveContainer): Undo {
  return making(whole, mounts, ({ containerPath, isFolder }) => makePoint(containerPath, { view, whole }, isFolder));
}

function makeAllLinks({ linkFolders, view }: LivePlan, { whole }: LiveContainer): Undo {
  return making(whole, linkFolders, (folder) => makeLinks(folder, { view, whole }, false));
}

function making<T>(whole: LiveContainer["whole"], items: readonly T[], make: (item: T) => readonly Made[]): Undo {
  return undoable((undos) => {
    const made: Made[] = [];
    undos.push(() => unmake(made, whole));
    for (const item of items) made.push(...make(item));
  });
}

const FLAGS: readonly MountFlag[] = ["ro", "nosuid", "nodev", "noexec"];

function liveMount({ hostPath, containerPath, options, device }: PlannedMount): LiveMount {
  const asked = new Set(options);
  // A node that is mounted read-only opens for writing all the same; what cannot be changed are its owner and mode, which are the host's.
  const flags = new Set(FLAGS.filter((flag) => asked.has(flag) || (device !== undefined && flag === "ro")));
  return { source: hostPath, path: containerPath, flags, isRecursive: asked.has("rbind"), device };
}

/** The container must have mounts and a root file system of its own: what is changed in the machine's would stay. Throws BERTH-P004. */
export function refuseOwnNamespace({ namespace, process, whole }: LiveContainer): void {
  const doing = `Cannot change the container of process ${process.pid}`;
  if (namespace.isOwn) {
    throw new BerthError({
      code: "BERTH-P004",
      message: `${doing}: it has no mount namespace of its own, and what is mounted for it would stay on this machine`,
      remedy: 'give the container a mount namespace (linux.namespaces of its spec: "mount")',
    });
  }
  const [top, own] = [whole.stat("/"), statPath("/")];
  if (top?.dev !== own?.dev || top?.ino !== own?.ino) return;
  throw new BerthError({
    code: "BERTH-P004",
    message: `${doing}: its root file system is this machine's, and what is written there would stay on this machine`,
    remedy: "give the container a root file system of its own",
  });
}
