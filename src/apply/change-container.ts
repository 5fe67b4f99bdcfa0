import { BerthError, undoable, type Undo } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import type { Edits } from "../edits/index.ts";
import type { Grant, Policy } from "../grant/index.ts";
import type { Host } from "../host/index.ts";
import { findDeviceCgroup, isDeviceAllowed, setDeviceAccess, type DeviceNumber } from "../linux/index.ts";
import { mountsOf } from "../oci/index.ts";
import type { Request } from "../request/index.ts";
import { viewContainer, type ContainerView } from "./container-view.ts";
import { mountDriverProc } from "./driver-proc.ts";
import { grantEdits } from "./grant-edits.ts";
import { carryOutLive } from "./live.ts";
import type { LiveContainer } from "./live-container.ts";
import { planLive, type LivePlan } from "./plan-live.ts";

export interface ChangeInput {
  readonly container: LiveContainer;
  readonly containerId: string;
  /** What it is to get. */
  readonly request: Request;
  readonly config: Config;
  readonly policy: Policy;
  /** With `isRefresh` when what it gave turned out to be out of date. */
  readonly loadHost: (isRefresh: boolean) => Host;
  /** Where berth keeps files of its own on this machine. */
  readonly stateDir: string;
  /** False: the container's device permissions are somebody else's, or cannot be changed. */
  readonly hasCgroups: boolean;
  /** What the caller does without; undefined: nothing. */
  readonly select?: ((edits: Edits) => Edits) | undefined;
  /** False: the nodes are somebody else's to make, only the permission is given. */
  readonly hasNodes?: boolean | undefined;
  readonly now: Date;
}

/** What a container that exists gets; nothing has been changed yet. */
export interface PlannedChange {
  readonly host: Host;
  readonly grant: Grant;
  readonly plan: LivePlan;
  /** A sentence each. */
  readonly warnings: readonly string[];
}

/**
 * The whole pipeline for a container that exists, reading only. A driver file or node that is gone makes it describe the host once more. Throws the refusal, BERTH-D002 and D003, P001 and
 * P002.
 */
export function planChange(input: ChangeInput): PlannedChange {
  try {
    return planOnce(input, false);
  } catch (error) {
    if (!(error instanceof BerthError) || (error.code !== "BERTH-D002" && error.code !== "BERTH-D003")) throw error;
    return planOnce(input, true);
  }
}

function planOnce(input: ChangeInput, isRefresh: boolean): PlannedChange {
  const { container, request, config, policy, stateDir, containerId, hasNodes = true, select = keepAll } = input;
  const host = input.loadHost(isRefresh);
  const { layer, whole, spec } = container;
  const view = (): ContainerView => viewContainer(layer, mountsOf(spec), layer.isWritable, whole);
  const granted = grantEdits(request, { config, policy, host, rootfs: layer, view });
  if (granted.kind === "refused") throw new BerthError(granted.problem);
  const { grant, edits } = granted;
  const plan = planLive({ host, edits: select(edits), hasNodes, container, stateDir, containerId });
  return { host, grant, plan, warnings: [...grant.warnings, ...plan.warnings] };
}

function keepAll(edits: Edits): Edits {
  return edits;
}

/** One thing that belongs to a change; gives back its undo. */
export type Step = (planned: PlannedChange, container: LiveContainer) => Undo;

/**
 * Carries a change out, then `more`, then the container's device permissions: all of it, or nothing. Throws BERTH-P001, K002 for the permissions, and what `more` throws.
 */
export function carryOutChange(input: ChangeInput, planned: PlannedChange, more: readonly Step[]): void {
  const { container, stateDir, now, hasCgroups } = input;
  const steps = [...more, ...(hasCgroups ? [allowDevices] : [])];
  carryOutLive(planned.plan, container, { stateDir, now, last: () => takeSteps(steps, planned, container) });
}

function takeSteps(steps: readonly Step[], planned: PlannedChange, container: LiveContainer): Undo {
  return undoable((undos) => {
    for (const step of steps) undos.push(step(planned, container));
  });
}

/** The container sees of the driver's procfs what it was granted. */
export function trimDriverProc({ host, grant }: PlannedChange, container: LiveContainer): Undo {
  return mountDriverProc(container, grant, { hostRoot: host.root });
}

/** Lets the container's processes use the devices; one without a device cgroup may do so already. */
function allowDevices({ plan }: PlannedChange, { process }: LiveContainer): Undo {
  return setDevices(
    process.folder,
    plan.devices.map(({ node }) => node),
    true,
  );
}

/** Whether a container may use a device; undefined where that cannot be told, or is not ours to change. */
export function permissionsOf({
  container,
  hasCgroups,
}: Pick<ChangeInput, "container" | "hasCgroups">): (device: DeviceNumber) => boolean | undefined {
  const cgroup = hasCgroups ? findDeviceCgroup(container.process.folder) : undefined;
  return (device) => (cgroup === undefined ? undefined : isDeviceAllowed(cgroup, device));
}

/** Lets the processes of a container's device cgroup use devices, or forbids it. Throws BERTH-K002. */
export function setDevices(process: string, nodes: readonly DeviceNumber[], isAllowed: boolean): Undo {
  const cgroup = nodes.length === 0 ? undefined : findDeviceCgroup(process);
  if (cgroup === undefined) return () => {};
  return setDeviceAccess(
    cgroup,
    nodes.map(({ major, minor }) => ({ major, minor, isAllowed })),
  );
}
