import { undoAfter } from "../base/index.ts";
import type { DeviceNode } from "../host/index.ts";
import { lockAttachments, newAttachment, readAttachment, saveAttachment, type Attachment } from "./attachments.ts";
import { carryOutChange, permissionsOf, planChange, type ChangeInput, type PlannedChange } from "./change-container.ts";
import { showGpus } from "./driver-proc.ts";
import { gpuParts } from "./gpu-parts.ts";
import type { PlannedMount } from "./plan-live.ts";

export interface Attached extends PlannedChange {
  /** What the container did not have yet, by its path there. */
  readonly added: readonly string[];
}

/**
 * Gives GPUs to a container that runs: what it lacks of nodes, permissions, libraries and programs. What it has stays as it is, so that doing it twice is doing it once. What it gets is
 * recorded for `detach` before anything is done. Throws what `planChange` and `carryOutChange` throw.
 */
export function attach(input: ChangeInput): Attached {
  const { container, containerId, stateDir } = input;
  using _ = lockAttachments(stateDir);
  const planned = planChange(input);
  const before =
    readAttachment(stateDir, containerId, container.process) ?? newAttachment(containerId, container.process);
  saveAttachment(stateDir, addTo(before, planned, permissionsOf(input)));
  try {
    carryOutChange(input, planned, [({ grant, host }) => showGpus(container, grant, { hostRoot: host.root })]);
  } catch (error) {
    undoAfter(error, [() => saveAttachment(stateDir, before)]);
  }
  return { ...planned, added: planned.plan.mounts.map(({ containerPath }) => containerPath) };
}

/** Records what prestart has allowed a container's processes: systemd takes away what is not in its own list of it. */
export function recordDevices({ container, containerId, stateDir }: ChangeInput, { plan }: PlannedChange): void {
  const started = plan.devices.map(({ node: { path, major, minor } }) => ({ path, major, minor }));
  saveAttachment(stateDir, { ...newAttachment(containerId, container.process), started }, { isSparing: true });
}

/** What a change is about to give, as far as a record of it goes. */
export interface Giving {
  readonly grant: Pick<PlannedChange["grant"], "gpus" | "migDevices">;
  readonly plan: Pick<PlannedChange["plan"], "mounts" | "devices">;
}

/**
 * A container's record with what a change is about to give it. `permission` says which devices it may use already. A GPU of which the container has every node and permission is
 * not this command's to take libraries back with.
 */
export function addTo(
  before: Attachment,
  { plan, grant }: Giving,
  permission: ReturnType<typeof permissionsOf>,
): Attachment {
  const mounted = new Set(plan.mounts.map(({ containerPath }) => containerPath));
  // A container may have made the node beforehand: without the permission it is not the device.
  const isGiven = (node: DeviceNode): boolean => mounted.has(node.path) || permission(node) === false;
  const parts = gpuParts(grant);
  const ofGpus = new Set(
    parts
      .flatMap(({ nodes, parentNode }) => [...nodes, ...(parentNode === undefined ? [] : [parentNode])])
      .map(({ path }) => path),
  );
  const granted = new Set(plan.devices.map(({ node }) => node.path));
  const keys = parts
    .filter(({ nodes }) => nodes.some((node) => granted.has(node.path) && isGiven(node)))
    .map(({ key }) => key);
  const devices = plan.devices.flatMap(({ node }) => {
    const { path, major, minor } = node;
    return isGiven(node) ? [{ path, major, minor }] : [];
  });
  const mounts = plan.mounts.filter(({ containerPath }) => !ofGpus.has(containerPath)).map(attachedMount);
  return {
    ...before,
    gpus: [...new Set([...before.gpus, ...keys])],
    devices: oncePerPath([...before.devices, ...devices]),
    mounts: oncePerPath([...before.mounts, ...mounts]),
  };
}

function attachedMount({ hostPath, containerPath }: PlannedMount): Attachment["mounts"][number] {
  return { hostPath, path: containerPath };
}

function oncePerPath<T extends { readonly path: string }>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [item.path, item])).values()];
}
