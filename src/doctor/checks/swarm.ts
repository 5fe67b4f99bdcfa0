import { basename } from "node:path";
import {
  dockerRuntimes,
  parseSwarmEntry,
  planSwarmEntries,
  swarmDevices,
  swarmEntries,
  swarmVariable,
  type RunningDocker,
} from "../../engines/index.ts";
import { ownCommand, pass, skip, warn, type Check, type Finding, type Remedy } from "../check.ts";
import { openDockerFile, type DockerFile } from "../engines/docker-file.ts";
import type { Scene } from "../scene.ts";
import { count, quoteSome } from "../words.ts";

const RUNTIME = "nvidia-container-runtime";

export const swarm: Check = {
  id: "swarm",
  title: "Docker's Swarm offers GPUs that are there",
  needs: ["driver-module", "docker-config"],
  run: async (scene) => {
    const docker = await openDockerFile(scene);
    if (docker?.file === undefined) return skip("no daemon.json of this machine offers Swarm anything");
    const entries = swarmEntries(docker.file);
    const kind = findKind(scene, entries);
    if (kind === undefined) return skip(`"${docker.path}" offers Swarm no GPUs`);
    return judge(scene, docker, { entries, kind });
  },
};

interface Offer {
  readonly entries: readonly string[];
  readonly kind: string;
}

/** The kind that is about GPUs: by what it names, or because the runtime reads its variable. */
function findKind({ config }: Scene, entries: readonly string[]): string | undefined {
  const found = entries
    .flatMap((entry) => parseSwarmEntry(entry) ?? [])
    .find(({ kind, value }) => {
      return /^(?:gpu|mig)-/i.test(value) || config.swarmResources.includes(swarmVariable(kind));
    });
  return found?.kind;
}

function judge(scene: Scene, docker: DockerFile, offer: Offer): Finding {
  const { entries, kind } = offer;
  const unknown = swarmDevices(scene.host()).find(({ uuid }) => uuid === undefined);
  if (unknown !== undefined) return skip(`the UUID of ${unknown.what} is not known: berth host`);
  const cause = findFault(scene, docker, offer);
  if (cause !== undefined) return warn({ code: "BERTH-T008", cause, remedy: setUp(scene, kind) });
  const { path, running } = docker;
  if (running === undefined || isOffered(running, entries, kind))
    return pass(`${count(ofKind(entries, kind).length, "GPU")} as "${kind}"`);
  const late = `dockerd does not offer to Swarm what "${path}" says: it was not restarted since`;
  return warn({ code: "BERTH-H009", cause: late, remedy: restart(scene, running, kind) });
}

/** What is wrong with the files. */
function findFault(scene: Scene, { path, file }: DockerFile, { entries, kind }: Offer): string | undefined {
  const variable = swarmVariable(kind);
  if (!scene.config.swarmResources.includes(variable))
    return `swarm-resource of config.toml does not name "${variable}", which tasks with "${kind}" get: they have no GPU`;
  const devices = swarmDevices(scene.host()).flatMap(({ uuid }) => uuid ?? []);
  const { kept } = planSwarmEntries(entries, { kind, devices, runtimeConfig: "" });
  const gone = entries.filter((entry) => !kept.includes(entry));
  if (gone.length > 0)
    return `"${path}" offers ${quoteSome(gone)}, and this machine has no such GPU, or offers it already`;
  const { runtimes, chosen } = file === undefined ? { runtimes: [], chosen: undefined } : dockerRuntimes(file);
  const program = runtimes.find(({ name }) => name === chosen?.name)?.program ?? "";
  if (basename(program).startsWith(RUNTIME)) return undefined;
  return `"${path}" does not make ${RUNTIME} the default runtime, and tasks of Swarm name none: they have no GPU`;
}

function setUp(scene: Scene, kind: string, ...more: readonly string[]): Remedy {
  return ownCommand(scene, "setup", "swarm", ...(kind === "NVIDIA-GPU" ? [] : ["--kind", kind]), ...more);
}

function restart(scene: Scene, { containersRunning, isLiveRestore }: RunningDocker, kind: string): Remedy {
  const remedy = setUp(scene, kind, "--restart");
  if (containersRunning === 0 || isLiveRestore) return remedy;
  return { ...remedy, disturbs: `it stops ${count(containersRunning, "running container")}` };
}

function isOffered({ genericResources }: RunningDocker, entries: readonly string[], kind: string): boolean {
  return ofKind(genericResources, kind).toSorted().join() === ofKind(entries, kind).toSorted().join();
}

function ofKind(entries: readonly string[], kind: string): readonly string[] {
  return entries.filter((entry) => entry.startsWith(`${kind}=`));
}
