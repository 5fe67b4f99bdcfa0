import { IDLE_BYTES, instancesIn, type Lease, type LeasedDevice } from "../../leases/index.ts";
import type { GpuProcess } from "../../nvml/index.ts";
import { nameInside, serviceOf, type KnownContainer, type OwnedProcess } from "../../watch/index.ts";
import type { GpusView, ShownGpu } from "./gpu-view.ts";

/** One use of a GPU: a process, a lease that nothing uses yet, or memory that belongs to nobody. */
export interface UseRow {
  readonly kind: "process" | "lease" | "memory";
  /** "0", of a MIG device "0:1"; "-": the driver has lost it. */
  readonly gpu: string;
  readonly gpuIndex: number | undefined;
  readonly uuid: string | undefined;
  readonly pid: number | undefined;
  readonly type: "C" | "G" | "C+G" | undefined;
  readonly process: GpuProcess | undefined;
  readonly uid: number | undefined;
  /** A name, else the number. */
  readonly user: string | undefined;
  readonly container: KnownContainer | undefined;
  /** The container's, outside of containers the service's. */
  readonly place: string | undefined;
  readonly memoryBytes: number | undefined;
  readonly gpuPercent: number | undefined;
  readonly cpuPercent: number | undefined;
  readonly hostMemoryBytes: number | undefined;
  /** Of the machine's uptime, when it was started: with the number it names one process. */
  readonly startMs: number | undefined;
  readonly runningMs: number | undefined;
  readonly command: string;
  /** Whose the GPU is: "train/alice"; "not train/alice" of a process that is a stranger there. */
  readonly lease: string | undefined;
  /** Why it belongs to nobody any more. */
  readonly orphan: string | undefined;
}

const TYPES = { compute: "C", graphics: "G", both: "C+G" } as const;
/** What the driver may hold beside what it says of each process. */
const SLACK_BYTES = 512 * 2 ** 20;

/** By GPU, in the driver's order. `cpuPercents`: of a sample before; without it that of the process's whole life. */
export function listRows(view: GpusView, cpuPercents: ReadonlyMap<number, number> = new Map()): readonly UseRow[] {
  return view.gpus.flatMap((gpu) => {
    const processes = (gpu.state.facts.processes ?? []).map((process) => processRow(process, gpu, view, cpuPercents));
    return [...processes, ...unusedLeases(gpu, view), ...unclaimedMemory(gpu)];
  });
}

/** "web-1/alice", "alice (draining)": the container, else what it is for, and the user. */
export function leaseOwner(lease: Lease, { userNames }: Pick<GpusView, "userNames">): string {
  const { label, uid, state, mode, container } = lease;
  const user = userNames.get(uid) ?? String(uid);
  const what = [container?.name, label].find((text) => text !== undefined && text !== "");
  const more = [...(mode === "own" ? [] : [mode]), ...(state === "DRAINING" ? ["draining"] : [])];
  return `${what === undefined ? "" : `${what}/`}${user}${more.length === 0 ? "" : ` (${more.join(", ")})`}`;
}

interface Grip {
  readonly lease: Lease;
  readonly device: LeasedDevice;
}

/** Who has a GPU, or one of its MIG devices. */
export function gripsOf({ bus }: Pick<ShownGpu, "bus">, { leases = [] }: Pick<GpusView, "leases">): readonly Grip[] {
  return leases.flatMap((lease) =>
    lease.devices.filter(({ gpuKey }) => gpuKey === bus).map((device) => ({ lease, device })),
  );
}

/** A process of a MIG device is in that part alone, any other in the whole GPU. */
function isIn({ gpuInstance, computeInstance }: GpuProcess, { device }: Grip): boolean {
  const part = instancesIn(device);
  return part === undefined || (part.gpuInstance === gpuInstance && part.computeInstance === computeInstance);
}

function blank(gpu: ShownGpu): UseRow {
  const nothing = undefined;
  return {
    kind: "process",
    gpu: gpu.index === undefined ? "-" : String(gpu.index),
    gpuIndex: gpu.index,
    uuid: gpu.uuid,
    pid: nothing,
    type: nothing,
    process: nothing,
    uid: nothing,
    user: nothing,
    container: nothing,
    place: nothing,
    memoryBytes: nothing,
    gpuPercent: nothing,
    cpuPercent: nothing,
    hostMemoryBytes: nothing,
    startMs: nothing,
    runningMs: nothing,
    command: "",
    lease: nothing,
    orphan: nothing,
  };
}

function processRow(process: GpuProcess, gpu: ShownGpu, view: GpusView, cpuPercents: ReadonlyMap<number, number>): UseRow {
  const owned = view.owned.get(process.pid);
  const { kind, pid, memoryBytes, gpuPercent, gpuInstance, computeInstance } = process;
  const part = gpu.parts.find((each) => each.gpuInstance === gpuInstance && each.computeInstance === computeInstance);
  const owners = gripsOf(gpu, view).filter((grip) => isIn(process, grip));
  const row = { ...blank(gpu), ...(part === undefined ? {} : { gpu: part.name, uuid: part.uuid }), ...ownedPart(owned, view) };
  return {
    ...row,
    pid,
    type: TYPES[kind],
    process,
    memoryBytes,
    gpuPercent,
    cpuPercent: cpuPercents.get(pid) ?? lifelongShare(owned?.cpuMs, row.runningMs),
    lease: whoseIs(owners, owned, view),
    orphan: whyOrphan(owned !== undefined || !view.seesAll, row.container),
  };
} // prettier-ignore

function whoseIs(owners: readonly Grip[], owned: OwnedProcess | undefined, view: GpusView): string | undefined {
  if (owners.length === 0) return undefined;
  const names = owners.map(({ lease }) => leaseOwner(lease, view)).join(", ");
  const isStranger = owned !== undefined && owners.every(({ lease }) => isForeign(owned, lease));
  return isStranger ? `not ${names}` : names;
}

/** Whether a process is surely none of a lease: of another container, of none, or of another user where the lease is for a process. */
function isForeign({ pid, uid, place }: OwnedProcess, { container, owner, uid: leased }: Lease): boolean {
  if (pid === owner.pid) return false;
  if (container === undefined) return uid !== undefined && uid !== leased;
  // By other ids the control groups do not tell containers.
  return /^[0-9a-f]{64}$/.test(container.id) && place.container?.id !== container.id;
}

/** What procfs and the engine say. */
function ownedPart(owned: OwnedProcess | undefined, view: GpusView) {
  if (owned === undefined) return {};
  const { uid, startMs, hostMemoryBytes, words, command = "" } = owned;
  const id = owned.place.container?.id;
  const container = id === undefined ? undefined : view.containers.get(id);
  return {
    uid,
    user: uid === undefined ? undefined : (view.userNames.get(uid) ?? String(uid)),
    container,
    place: id === undefined ? serviceOf(owned) : nameInside(id, container),
    hostMemoryBytes,
    startMs,
    runningMs: startMs === undefined ? undefined : Math.max(0, view.uptimeMs - startMs),
    command: words.length === 0 ? command : words.join(" "),
  };
}

function lifelongShare(cpuMs: number | undefined, runningMs: number | undefined): number | undefined {
  return cpuMs === undefined || runningMs === undefined || runningMs <= 0 ? undefined : (100 * cpuMs) / runningMs;
}

function whyOrphan(isThere: boolean, container: KnownContainer | undefined): string | undefined {
  if (!isThere) return "there is no such process";
  return container?.isListed === false
    ? `${container.engine ?? "its engine"} has no such container any more`
    : undefined;
}

function unusedLeases(gpu: ShownGpu, view: GpusView): readonly UseRow[] {
  const { processes = [] } = gpu.state.facts;
  // A GPU that is sick may well be used.
  const isKnown = gpu.state.facts.processes !== undefined;
  const unused = gripsOf(gpu, view).filter((grip) => !processes.some((process) => isIn(process, grip)));
  return unused.map(({ lease, device }) => ({
    ...blank(gpu),
    kind: "lease" as const,
    gpu: device.name,
    uid: lease.uid,
    user: view.userNames.get(lease.uid) ?? String(lease.uid),
    container: containerOf(lease, view),
    place: textOf(lease.container?.name),
    lease: leaseOwner(lease, view),
    runningMs: Math.max(0, view.uptimeMs - lease.since),
    command: `${leaseWord(lease, isKnown)}: ${lease.id.slice(0, 8)} of process ${lease.owner.pid}`,
  }));
}

function leaseWord({ state }: Lease, isUseKnown: boolean): string {
  if (state === "DRAINING") return "lease that has ended";
  return isUseKnown ? "leased, unused" : "leased";
}

/** What its engine says of it, else what the lease says. */
function containerOf({ container }: Lease, { containers }: GpusView): KnownContainer | undefined {
  if (container === undefined) return undefined;
  const { id, engine, name, image, project } = container;
  const said = { id, engine: textOf(engine), name: textOf(name), image: textOf(image), project: textOf(project) };
  return containers.get(id) ?? said;
}

function textOf(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

/** Memory in use that the processes which can be seen do not explain. */
function unclaimedMemory(gpu: ShownGpu): readonly UseRow[] {
  const { memoryUsedBytes: used, memoryReservedBytes: reserved, processes, isMigEnabled } = gpu.state.facts;
  // Where what is reserved does not stand apart, it counts as used; under MIG the parts have their own.
  if (used === undefined || reserved === undefined || processes === undefined || isMigEnabled === true) return [];
  if (processes.some(({ memoryBytes }) => memoryBytes === undefined)) return [];
  const unclaimed = used - processes.reduce((sum, { memoryBytes = 0 }) => sum + memoryBytes, 0);
  if (unclaimed < (processes.length === 0 ? IDLE_BYTES : SLACK_BYTES)) return [];
  const orphan = "no process that can be seen holds it";
  return [{ ...blank(gpu), kind: "memory", memoryBytes: unclaimed, orphan, command: `memory in use: ${orphan}` }];
}
