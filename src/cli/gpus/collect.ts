import { listDocker, listPodman, type ListOptions } from "../../engines/index.ts";
import { listLostGpus, readGpuStates, type Host } from "../../host/index.ts";
import { readText } from "../../linux/index.ts";
import { sickState, type GpuState } from "../../nvml/index.ts";
import { listUsers, parseUserNames, readProcess, type KnownContainer, type OwnedProcess } from "../../watch/index.ts";
import type { GpusView, ShownGpu } from "./gpu-view.ts";

/** What an engine has for its names; without them a container is shown by its id. */
const ENGINE_MS = 500;
const PROC = "/proc";
const PASSWD_BYTES = 4 * 1024 * 1024;

export interface CollectOptions extends Pick<ListOptions, "env"> {
  /** This program. */
  readonly executable: string;
}

/** Asks every GPU, then procfs and the engines whose the processes are. */
export async function collectGpus(host: Host, { executable, env }: CollectOptions): Promise<GpusView> {
  const states = await readGpuStates(host, executable);
  const owned = readOwners(states);
  const containers = await nameContainers([...owned.values()], { env, timeoutMs: ENGINE_MS });
  // The processes are this machine's, whatever root the driver is in.
  const userNames = parseUserNames(readText("/etc/passwd", PASSWD_BYTES) ?? "");
  const answering = states.map((state, index): ShownGpu => {
    const users = listUsers({ processes: state.facts.processes ?? [], owned, containers, userNames });
    return { index, ...identify(host, index, state), state, users };
  });
  const gpus = [...answering, ...(host.driver === undefined ? [] : listLostGpus(host.root).map(lostGpu))];
  const errors = gpus.flatMap(({ index, bus, state: { sick, faults } }) =>
    [...(sick === undefined ? [] : [sick]), ...faults].map((why) => `GPU ${index ?? bus}: ${why}`),
  );
  return { driver: host.driver?.version, gpus, owned, userNames, containers, errors };
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

function lostGpu(bus: string): ShownGpu {
  const state = sickState(bus, `the driver has lost ${bus}: it has fallen off the bus`);
  return { index: undefined, bus, minor: undefined, uuid: undefined, model: "?", state, users: [] };
}

function readOwners(states: readonly GpuState[]): ReadonlyMap<number, OwnedProcess> {
  const pids = new Set(states.flatMap(({ facts }) => (facts.processes ?? []).map(({ pid }) => pid)));
  const owned = [...pids].flatMap((pid) => readProcess(pid, PROC) ?? []);
  return new Map(owned.map((each) => [each.pid, each]));
}

/** Only engines that a process is of are asked; a bare id may be anybody's. */
async function nameContainers(
  owned: readonly OwnedProcess[],
  options: ListOptions,
): Promise<ReadonlyMap<string, KnownContainer>> {
  const places = owned.flatMap(({ place: { container } }) => container ?? []);
  const isAsked = (engine: "docker" | "podman"): boolean =>
    places.some((place) => place.engine === engine || place.engine === undefined);
  const docker = isAsked("docker") ? await listDocker(options) : [];
  const podman = isAsked("podman") ? listPodman(options) : [];
  const listed = [...docker, ...podman];
  return new Map(
    places.map(({ id, engine, user }): [string, KnownContainer] => {
      // A user can give his own groups the name of another's container.
      const said = listed.find((each) => each.id === id && each.user === user);
      return [id, said ?? { id, engine, name: undefined, image: undefined, project: undefined }];
    }),
  );
}
