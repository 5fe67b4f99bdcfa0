import { lstatSync, statSync } from "node:fs";
import { BerthError, type JsonObject } from "../base/index.ts";
import { libcudaFolders, type Edits, type MountEdit } from "../edits/index.ts";
import type { Grant } from "../grant/index.ts";
import type { Host } from "../host/index.ts";
import type { Root } from "../linux/index.ts";
import { hasUserNamespace, mountsOf } from "../oci/index.ts";
import { viewContainer, type ContainerView } from "./container-view.ts";
import { checkDevicePlaces, checkDevices, deviceMounts, editDevices } from "./edit-devices.ts";
import { describeGrant } from "./describe-grant.ts";
import { editAnnotation, editEnv, editGroups, editMounts, removeNvidiaHooks } from "./edit-spec.ts";
import { ownFiles, ownLinkFolders } from "./own-files.ts";
import { planLayer, readRecord } from "./layer-plan.ts";
import { planLoader } from "./loader-plan.ts";
import { isWithin } from "./paths.ts";
import { placeEdits } from "./place-edits.ts";
import type { PlanStep, SpecPlan } from "./plan.ts";

export interface PlanInput {
  readonly spec: JsonObject;
  readonly edits: Edits;
  readonly grant: Grant;
  readonly rootfs: Root;
  /** Absolute, for what a relative mount source counts from. */
  readonly bundleDir: string;
  /** Where berth keeps files of its own on this machine. */
  readonly stateDir: string;
  readonly containerId: string;
  /** False: the root file system is on a read-only file system. (`root.readonly` of a spec is not: it comes later.) */
  readonly isWritable: boolean;
  /** What the edits were spelt out from. */
  readonly host: Host;
}

/**
 * Plans everything that one container needs, and changes nothing. Throws BERTH-D002 when a driver file is gone, D003 when a
 * device node is not what it was, P001 and P002 when something essential has no place in the container.
 */
export function planSpec(input: PlanInput): SpecPlan {
  const { spec, edits, grant, rootfs } = input;
  checkDevices(edits.devices, input.host);
  const kinds = checkSources(edits.mounts, rootfs.path);
  const view = viewContainer(rootfs, mountsOf(spec), input.isWritable);
  checkDevicePlaces(edits.devices, view, input.bundleDir);
  const old = readRecord(rootfs);
  const stateFolder = `${input.stateDir}/containers/${fileNameOf(input.containerId)}`;
  const own = ownFiles(edits.files, stateFolder);
  const placed = placeEdits({ ...edits, mounts: [...edits.mounts, ...own.mounts] }, view, input.bundleDir);
  const linkFolders = ownLinkFolders(placed.linkFolders, input.stateDir);
  const loader = planLoader(placed.loaderEntries, old, { view, stateFolder, bundleDir: input.bundleDir });
  const devices = hasUserNamespace(spec) ? deviceMounts(edits.devices) : [];
  const loaderMounts = loader.edits.flatMap((edit) => edit.mounts);
  const mounts = [...placed.mounts, ...linkFolders.mounts, ...loaderMounts, ...devices];
  const isFolder = (hostPath: string): boolean => kinds.get(hostPath) ?? linkFolders.paths.has(hostPath);
  const rootfsWrites = planLayer({ links: placed.links, mounts, isFolder, loader }, old, view);
  const env = [...edits.env, ...libcudaFolders(placed.loaderEntries)];
  const inside = editGroups(editEnv(spec, env), edits.groups);
  const changed = editDevices(editMounts(inside, mounts, replacing(mounts, view)), edits.devices);
  return {
    spec: editAnnotation(removeNvidiaHooks(changed), describeGrant(grant)),
    rootfsWrites,
    stateWrites: [...own.stateWrites, ...linkFolders.stateWrites, ...loader.edits.flatMap((edit) => edit.stateWrites)],
    steps: listSteps({ ...edits, ...placed, mounts, env }, input.host.root, rootfsWrites),
    warnings: [...grant.warnings, ...placed.warnings, ...loader.warnings],
  };
}

/** Whether each source is a folder. Throws BERTH-D002 for one that is gone, and P001 for one inside the container's own root. */
export function checkSources(mounts: readonly MountEdit[], rootfs: string | undefined): ReadonlyMap<string, boolean> {
  const kinds = new Map<string, boolean>();
  for (const { hostPath } of mounts) {
    if (rootfs !== undefined && isWithin(hostPath, rootfs)) throw sourceInside(hostPath, rootfs);
    const stat = statSync(hostPath, { throwIfNoEntry: false });
    if (stat === undefined) throw vanished(hostPath);
    kinds.set(hostPath, stat.isDirectory());
  }
  return kinds;
}

function sourceInside(hostPath: string, rootfs: string): BerthError {
  return new BerthError({
    code: "BERTH-P001",
    message: `Cannot mount "${hostPath}" into the container: it lies in the container's own root file system "${rootfs}"`,
    remedy: "give the container a root file system that is not the host's",
  });
}

function vanished(hostPath: string): BerthError {
  const isDangling = lstatSync(hostPath, { throwIfNoEntry: false }) !== undefined;
  return new BerthError({
    code: "BERTH-D002",
    message: `Cannot mount "${hostPath}" into the container: ${isDangling ? "it is a link that leads nowhere" : "it no longer exists"}`,
    remedy: "install the driver's libraries again, or finish the driver's update and try again",
  });
}

/** A container's id as one file name, which no other id has. */
export function fileNameOf(containerId: string): string {
  if (/^[A-Za-z0-9_-][A-Za-z0-9_.+-]{0,127}$/.test(containerId)) return containerId;
  return `%${Bun.hash(containerId).toString(16)}`;
}

/** Whether one of the container's mounts is on the place of one of ours, by its own spelling or after the image's links. */
function replacing(mounts: readonly MountEdit[], view: ContainerView): (index: number) => boolean {
  const places = new Set(mounts.flatMap(({ containerPath }) => [containerPath, view.file(containerPath).path]));
  const covers = view.covers();
  return (index) => {
    const cover = covers[index];
    return cover !== undefined && (places.has(cover.destination) || places.has(cover.path));
  };
}

/** Every item with its reason; `root` is the host's, so that a file which stands at the same place there is named once. */
export function listSteps(edits: Edits, root: string, writes: SpecPlan["rootfsWrites"]): readonly PlanStep[] {
  const prefix = root === "/" ? "" : root;
  const devices = edits.devices.map(({ node, reason }): PlanStep => {
    return { kind: "device", text: `${node.path} (${node.major}:${node.minor})`, reason };
  });
  const mounts = edits.mounts.map(({ hostPath, containerPath, reason }): PlanStep => {
    return {
      kind: "mount",
      text: hostPath === prefix + containerPath ? containerPath : `${containerPath} from ${hostPath}`,
      reason,
    };
  });
  const links = edits.links.map(({ path, target, reason }): PlanStep => ({
    kind: "link",
    text: `${path} -> ${target}`,
    reason,
  }));
  const cache = edits.loaderEntries.map(({ soname, path, reason }): PlanStep => ({
    kind: "cache",
    text: `${soname} => ${path}`,
    reason,
  }));
  const groups = edits.groups.map(({ gid, reason }): PlanStep => ({ kind: "group", text: String(gid), reason }));
  const env = edits.env.map(({ name, value, reason }): PlanStep => ({ kind: "env", text: `${name}=${value}`, reason }));
  return [...devices, ...mounts, ...links, ...cache, ...env, ...groups, ...writes.flatMap(describeWrite)];
}

function describeWrite(write: SpecPlan["rootfsWrites"][number]): readonly PlanStep[] {
  if (write.kind === "link" || write.kind === "folder") return [];
  if (write.kind === "file")
    return [{ kind: "file", text: write.path, reason: "loader settings, and berth's own record" }];
  return [{ kind: "removed", text: write.path, reason: "left by an earlier start" }];
}
