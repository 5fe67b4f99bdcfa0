import { join } from "node:path";
import type { ListOptions } from "../../engines/index.ts";
import { listLostGpus, type Host } from "../../host/index.ts";
import { effectiveUid, uptimeMs } from "../../linux/index.ts";
import { sickState, type GpuState, type MigState } from "../../nvml/index.ts";
import { KernelLog, listUsers, readProcess, readUserNames, type OwnedProcess, type Xid } from "../../watch/index.ts";
import { ContainerNames } from "./container-names.ts";
import type { GpusView, ShownGpu, ShownPart } from "./gpu-view.ts";
import { LeaseReader } from "./lease-reader.ts";
import { NvlinkRates } from "./nvlink-rates.ts";

const PROC = "/proc";

/** Puts together what the driver, procfs, the engines, the leases and the kernel's log say; keeps what need not be asked twice. Close it. */
export class Observer implements Disposable {
  readonly #host: Host;
  readonly #names: ContainerNames;
  readonly #leases: LeaseReader;
  readonly #log: KernelLog | undefined;
  readonly #rates = new NvlinkRates();

  constructor(host: Host, { env }: Pick<ListOptions, "env">) {
    this.#host = host;
    this.#names = new ContainerNames({ env });
    this.#leases = new LeaseReader(host);
    this.#log = KernelLog.open(join(host.root, "dev/kmsg"));
  }

  [Symbol.dispose](): void {
    this.#leases[Symbol.dispose]();
    this.#log?.[Symbol.dispose]();
  }

  /** `states`: of each GPU of the host, by index. */
  async view(states: readonly GpuState[]): Promise<GpusView> {
    const host = this.#host;
    const owned = readOwners(states);
    const containers = await this.#names.of([...owned.values()]);
    // The processes are this machine's, whatever root the driver is in.
    const userNames = readUserNames();
    const people = { owned, containers, userNames };
    const xids = this.#log?.lastXids();
    const answering = states.map((state, index): ShownGpu => {
      const identity = identify(host, index, state);
      const parts = (state.facts.migDevices ?? []).map((mig) => partOf(mig, { host, index, state }, people));
      const users = listUsers({ processes: state.facts.processes ?? [], ...people });
      const nvlinkRates = this.#rates.of(state);
      return { index, ...identity, state, users, parts, lastXid: xidOf(xids, identity.bus), nvlinkRates };
    });
    const lost = host.driver === undefined ? [] : listLostGpus(host.root);
    const gpus = [...answering, ...lost.map((bus) => lostGpu(bus, xids))];
    const { leases, error } = this.#leases.read(states);
    const errors = [...gpus.flatMap(errorsOf), ...(error === undefined ? [] : [error])];
    return {
      driver: host.driver?.version,
      gpus,
      ...people,
      leases,
      seesAll: effectiveUid() === 0,
      uptimeMs: uptimeMs(),
      errors,
    };
  }
}

function identify({ gpus, unit }: Host, index: number, { facts }: GpuState) {
  const gpu = gpus[index];
  return {
    bus: gpu?.bus,
    minor: gpu?.minor,
    uuid: gpu?.uuid ?? facts.uuid,
    model: gpu?.model ?? facts.name ?? unit?.model ?? "?",
  };
}

interface Whole {
  readonly host: Host;
  readonly index: number;
  readonly state: GpuState;
}

function partOf(
  mig: MigState,
  { host, index, state }: Whole,
  people: Pick<GpusView, "owned" | "containers" | "userNames">,
): ShownPart {
  const { gpuInstance, computeInstance } = mig;
  const isIt = (each: { readonly gpuInstance?: number | undefined; readonly computeInstance?: number | undefined }) =>
    each.gpuInstance === gpuInstance && each.computeInstance === computeInstance;
  const learnt = host.gpus[index]?.migDevices.find(isIt);
  const processes = (state.facts.processes ?? []).filter(isIt);
  return {
    ...mig,
    // The same name as leases and requests have it.
    name: `${index}:${mig.index ?? learnt?.index ?? `${gpuInstance}/${computeInstance}`}`,
    uuid: mig.uuid,
    profile: mig.profile ?? learnt?.profile,
    memoryTotalBytes: mig.memoryTotalBytes,
    memoryUsedBytes: mig.memoryUsedBytes,
    users: listUsers({ processes, ...people }),
  };
}

function xidOf(xids: ReadonlyMap<string, Xid> | undefined, bus: string | undefined): Xid | undefined {
  return bus === undefined ? undefined : xids?.get(bus);
}

function lostGpu(bus: string, xids: ReadonlyMap<string, Xid> | undefined): ShownGpu {
  const state = sickState(bus, `the driver has lost ${bus}: it has fallen off the bus`);
  const nothing = { index: undefined, minor: undefined, uuid: undefined, nvlinkRates: undefined, users: [], parts: [] };
  return { ...nothing, bus, model: "?", state, lastXid: xids?.get(bus) };
}

function errorsOf({ index, bus, state: { sick, faults } }: ShownGpu): readonly string[] {
  return [...(sick === undefined ? [] : [sick]), ...faults].map((why) => `GPU ${index ?? bus}: ${why}`);
}

function readOwners(states: readonly GpuState[]): ReadonlyMap<number, OwnedProcess> {
  const pids = new Set(states.flatMap(({ facts }) => (facts.processes ?? []).map(({ pid }) => pid)));
  const owned = [...pids].flatMap((pid) => readProcess(pid, PROC) ?? []);
  return new Map(owned.map((each) => [each.pid, each]));
}
