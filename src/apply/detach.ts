import { BerthError } from "../base/index.ts";
import { decide, listDevices, policyOf } from "../grant/index.ts";
import type { Host } from "../host/index.ts";
import { findHolders, unmountAll, type Holder } from "../linux/index.ts";
import type { Request } from "../request/index.ts";
import type { Config } from "../config/index.ts";
import { mountsOf } from "../oci/index.ts";
import { lockAttachments, readAttachment, saveAttachment, type Attachment } from "./attachments.ts";
import { writeLayer } from "./carry-out.ts";
import { permissionsOf, setDevices } from "./change-container.ts";
import { viewContainer } from "./container-view.ts";
import { hideGpus } from "./driver-proc.ts";
import { gpuParts, type GpuPart } from "./gpu-parts.ts";
import { removeFromTmpfs } from "./in-tmpfs.ts";
import { planLayer, readRecord } from "./layer-plan.ts";
import { hasNode, type LiveContainer } from "./live-container.ts";
import { liveLinks, liveMounts, liveRecord } from "./live-record.ts";
import { nameOf } from "./paths.ts";
import { IN_MEMORY, planOwnLoader } from "./update-container.ts";

export interface DetachInput {
  readonly container: LiveContainer;
  readonly containerId: string;
  /** Which GPUs. */
  readonly request: Request;
  readonly host: Host;
  readonly config: Config;
  readonly stateDir: string;
  readonly hasCgroups: boolean;
  /** Also while a process has the device open: that one keeps it until it closes it. */
  readonly isForced: boolean;
}

export interface Detached {
  /** The names of the GPUs that the container does not have any more; of those that were asked for, it may not have had others. */
  readonly removed: readonly string[];
  /** Processes that still have one open. */
  readonly holders: readonly Holder[];
  /** What `attach` had brought for them, by its path in the container. */
  readonly takenBack: readonly string[];
}

interface Node {
  readonly path: string;
  readonly major: number;
  readonly minor: number;
}

/**
 * Takes GPUs from a container that runs: first the permission, then the nodes, and, with the last GPU that `attach` gave, what it brought for it. Doing it twice is doing it once; after a
 * failure or a kill it can be done again. Throws the refusal for a GPU that this host does not have, BERTH-R009 while a process has the device open, K002 and P001.
 */
export function detach(input: DetachInput): Detached {
  const { container, host, config, request } = input;
  using _ = lockAttachments(input.stateDir);
  const decision = decide(request, host, policyOf(config));
  if (decision.kind === "refused") throw new BerthError(decision.problem);
  const record = readAttachment(input.stateDir, input.containerId, container.process);
  const permission = permissionsOf(input);
  // What was cut off in the middle is in the record, though no node is there; and a container can give its nodes other names.
  const isHere = ({ key, nodes: own }: GpuPart): boolean => {
    return (
      record?.gpus.includes(key) === true || own.some((node) => hasNode(node, container) || permission(node) === true)
    );
  };
  const parts = gpuParts(decision.grant).filter(isHere);
  const nodes = nodesOf(parts, input);
  const devices = new Set(nodes.map(({ major, minor }) => `${major}:${minor}`));
  const holders = input.isForced ? [] : findHolders(container.process.folder, devices);
  if (holders.length > 0) throw inUse(parts, holders, input.containerId);
  const keys = new Set(parts.map(({ key }) => key));
  const rest = record?.gpus.filter((key) => !keys.has(key)) ?? [];
  const isLast = record !== undefined && record.gpus.length > 0 && rest.length === 0;
  removeNodes(nodes, input);
  hideGpus(
    container,
    parts.filter(({ parentNode }) => parentNode === undefined || nodes.includes(parentNode)).map(({ gpu }) => gpu),
  );
  removeFromTmpfs(
    parts.flatMap(({ links }) => links.map(({ path }) => path)),
    { view: viewOf(container), whole: container.whole },
  );
  const takenBack = isLast ? takeBack(record, input) : [];
  if (record !== undefined) {
    const left = without(record, rest, nodes);
    saveAttachment(input.stateDir, isLast ? { ...left, devices: [], mounts: [] } : left);
  }
  // Once the permission is gone nobody can open it any more, but somebody may have done so just before.
  return {
    removed: parts.map(({ name }) => name),
    holders: findHolders(container.process.folder, devices),
    takenBack,
  };
}

function without(record: Attachment, gpus: readonly string[], nodes: readonly Node[]): Attachment {
  const paths = new Set(nodes.map(({ path }) => path));
  const keep = ({ path }: Node): boolean => !paths.has(path);
  return { ...record, gpus, started: record.started.filter(keep), devices: record.devices.filter(keep) };
}

function viewOf({ layer, whole, spec }: LiveContainer) {
  return viewContainer(layer, mountsOf(spec), layer.isWritable, whole);
}

/** Those that the container may have. The node of a MIG device's parent goes with the last of them. */
function nodesOf(parts: readonly GpuPart[], { container, host }: DetachInput): readonly Node[] {
  const own = parts.flatMap(({ nodes }) => nodes);
  const going = new Set(own.map(({ path }) => path));
  const isParentLeft = (part: GpuPart): boolean => {
    return listDevices(host).some(({ gpu, mig }) => {
      const others = gpu === part.gpu ? (mig?.nodes ?? []) : [];
      return others.some((node) => !going.has(node.path) && hasNode(node, container));
    });
  };
  const parents = parts.flatMap((part) =>
    part.parentNode === undefined || isParentLeft(part) ? [] : [part.parentNode],
  );
  return [...own, ...new Set(parents)];
}

function removeNodes(nodes: readonly Node[], { container, hasCgroups }: DetachInput): void {
  if (hasCgroups) setDevices(container.process.folder, nodes, false);
  takeOff(
    nodes.map(({ path }) => ({ path, hostPath: path })),
    container,
  );
}

/** Takes off mounts that are ours, and what they were mounted on, or a node that the low-level runtime made. */
function takeOff(
  mounts: readonly { readonly path: string; readonly hostPath: string }[],
  container: LiveContainer,
): void {
  const { whole, namespace, rootPoint } = container;
  // The last mount on a point is what is seen there; a file that was replaced on the host since has its old name behind a mark.
  const roots = new Map(
    namespace.readTable().map(({ point, root }) => [point, nameOf(root).replace(/\/\/deleted$/, "")]),
  );
  const found = mounts.map(({ path, hostPath }) => {
    const place = whole.resolve(path) ?? path;
    const root = roots.get(rootPoint === "/" ? place : `${rootPoint}${place}`);
    return { path, isMounted: root !== undefined, isOurs: root === nameOf(hostPath) };
  });
  const pathsOf = (some: typeof found): readonly string[] => some.map(({ path }) => path);
  unmountAll(container, pathsOf(found.filter(({ isOurs }) => isOurs)));
  // To unlink what somebody else has mounted on takes that mount away.
  const free = found.filter(({ isMounted, isOurs }) => isOurs || !isMounted);
  removeFromTmpfs(pathsOf(free), { view: viewOf(container), whole });
}

/** What `attach` brought with the first GPU goes with the last: mounts, permissions of the driver's own nodes, and what is in the layer for them. */
function takeBack(record: Attachment, { container, hasCgroups }: DetachInput): readonly string[] {
  const { layer, whole, bundleDir } = container;
  if (hasCgroups) setDevices(container.process.folder, record.devices, false);
  takeOff(record.mounts, container);
  const [view, old] = [viewOf(container), readRecord(layer)];
  const kept = liveRecord(old, layer, whole);
  const loader = planOwnLoader([], { old, kept }, { view, stateFolder: IN_MEMORY, bundleDir });
  const wants = { links: liveLinks(kept), mounts: liveMounts(kept), isFolder: () => false, loader };
  writeLayer(planLayer(wants, old, view), layer, () => {});
  return record.mounts.map(({ path }) => path);
}

function inUse(parts: readonly GpuPart[], holders: readonly Holder[], containerId: string): BerthError {
  const names = parts.map(({ name }) => name).join(", ");
  const who = holders.map(({ pid, command }) => `process ${pid} (${command})`).join(", ");
  return new BerthError({
    code: "BERTH-R009",
    message: `Cannot take ${names} from the container "${containerId}": ${who} has it open`,
    remedy: "end that process first; --force takes the permission away and leaves the process what it has open",
  });
}
