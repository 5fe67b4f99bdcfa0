import type { DeviceEdit, Edits, MountEdit } from "../edits/index.ts";
import type { Host } from "../host/index.ts";
import { statPath } from "../linux/index.ts";
import { mountsOf } from "../oci/index.ts";
import { viewContainer, type ContainerView } from "./container-view.ts";
import { checkDevicePlaces, checkDevices, deviceMounts } from "./edit-devices.ts";
import { writeToLayer } from "./etc-file.ts";
import { planLayer, readRecord } from "./layer-plan.ts";
import { hasNode, type LiveContainer } from "./live-container.ts";
import { liveLinks, liveMounts, liveRecord } from "./live-record.ts";
import { ownFiles } from "./own-files.ts";
import { folderOf, inFolder, nameOf } from "./paths.ts";
import { placeEdits, type LinkFolder } from "./place-edits.ts";
import { checkSources, fileNameOf, listSteps } from "./plan-spec.ts";
import type { PlanStep, RootfsWrite, StateWrite } from "./plan.ts";
import { planOwnLoader } from "./update-container.ts";

/** What a container that exists gets, as data: what the low-level runtime would do for a spec, too. */
export interface LivePlan {
  readonly view: ContainerView;
  readonly stateWrites: readonly StateWrite[];
  /** To its layer, the places to be mounted on among them. */
  readonly writes: readonly RootfsWrite[];
  readonly linkFolders: readonly LinkFolder[];
  /** Without those that are there already. */
  readonly mounts: readonly PlannedMount[];
  readonly devices: readonly DeviceEdit[];
  readonly steps: readonly PlanStep[];
  /** What the container does without, and why: a sentence each. */
  readonly warnings: readonly string[];
}

export interface PlannedMount extends MountEdit {
  readonly isFolder: boolean;
  /** The character device that it has to be. */
  readonly device: DeviceEdit["node"] | undefined;
}

export interface LiveInput {
  readonly host: Host;
  readonly edits: Edits;
  /** False: without the device nodes. */
  readonly hasNodes: boolean;
  readonly container: LiveContainer;
  readonly stateDir: string;
  readonly containerId: string;
}

/**
 * Plans, and changes nothing. Variables and groups of the container's process cannot be changed any more and are left out. Throws BERTH-D002 when a driver file is gone, D003
 * when a device node is not what it was, P001 and P002 when something essential has no place in the container.
 */
export function planLive({ host, edits, hasNodes, container, stateDir, containerId }: LiveInput): LivePlan {
  const { whole, layer, spec, bundleDir, rootPoint } = container;
  checkDevices(edits.devices, host);
  // A container that runs has a root of its own, whose paths are not this machine's.
  const kinds = checkSources(edits.mounts, rootPoint === "/" ? undefined : rootPoint);
  const view = viewContainer(layer, mountsOf(spec), layer.isWritable, whole);
  const nodes = hasNodes ? edits.devices : [];
  checkDevicePlaces(nodes, view, bundleDir);
  const stateFolder = `${stateDir}/containers/${fileNameOf(containerId)}`;
  const old = readRecord(layer);
  const own = ownFiles(edits.files, stateFolder);
  const placed = placeEdits({ ...edits, mounts: [...edits.mounts, ...own.mounts] }, view, bundleDir);
  const kept = liveRecord(old, layer, whole);
  const loader = planOwnLoader(placed.loaderEntries, { old, kept }, { view, stateFolder, bundleDir });
  const mounts = [...placed.mounts, ...loader.edits.flatMap((edit) => edit.mounts), ...deviceMounts(nodes)];
  const isFolder = (hostPath: string): boolean => kinds.get(hostPath) ?? false;
  const planned = planMounts(mounts, nodes, { container, isFolder });
  const links = [...liveLinks(kept), ...placed.links];
  const layerWrites = planLayer({ links, mounts: [...mounts, ...liveMounts(kept)], isFolder, loader }, old, view);
  const writes = [...layerWrites, ...planned.flatMap((mount) => missingPoint(mount, view))];
  return {
    view,
    stateWrites: [...own.stateWrites, ...loader.edits.flatMap((edit) => edit.stateWrites)],
    writes,
    linkFolders: placed.linkFolders,
    mounts: planned,
    devices: edits.devices,
    steps: listSteps({ ...edits, ...placed, mounts: placed.mounts, env: [], groups: [] }, host.root, writes),
    warnings: [...placed.warnings, ...loader.warnings],
  };
}

interface MountScene {
  readonly container: LiveContainer;
  readonly isFolder: (hostPath: string) => boolean;
}

/** In the order of their paths, so that nothing hides what came before. */
function planMounts(
  mounts: readonly MountEdit[],
  devices: readonly DeviceEdit[],
  { container, isFolder }: MountScene,
): readonly PlannedMount[] {
  const nodes = new Map(devices.map(({ node }) => [node.path, node]));
  const planned = mounts.map((mount): PlannedMount => {
    return { ...mount, isFolder: isFolder(mount.hostPath), device: nodes.get(mount.containerPath) };
  });
  return planned
    .filter((mount) => !isThere(mount, container))
    .toSorted((a, b) => (a.containerPath < b.containerPath ? -1 : 1));
}

/** Whether the container has it already: the same file at that place, or a node of the same device. */
function isThere({ hostPath, containerPath, device }: PlannedMount, container: LiveContainer): boolean {
  if (device !== undefined) return hasNode(device, container);
  const seen = container.whole.stat(containerPath);
  if (seen === undefined) return false;
  const source = statPath(hostPath);
  return source !== undefined && source.dev === seen.dev && source.ino === seen.ino;
}

/** Something to mount on in the layer; in a tmpfs it is made when the time has come. */
function missingPoint({ containerPath, isFolder }: PlannedMount, view: ContainerView): readonly RootfsWrite[] {
  const { exists, folderCover } = view.file(containerPath);
  if (exists || folderCover !== undefined) return [];
  if (!isFolder) return [writeToLayer(containerPath, new Uint8Array(), view)];
  const folder = view.folder(folderOf(containerPath));
  const path = inFolder(folder.path, nameOf(containerPath));
  return [{ kind: "folder", path, owner: folder.owner, newFolders: folder.missing, isNew: true }];
}
