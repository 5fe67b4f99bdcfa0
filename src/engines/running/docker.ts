import { tryJson } from "../../base/index.ts";
import { askClient, findClient } from "../ask-client.ts";
import { isTable, textsOf, valueAt } from "../any-value.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import { dockerEndpoint, socketOf, type DockerEndpoint } from "./docker-endpoint.ts";
import { dockerdBelow, dockerdConfig, dockerdEndpoint, dockerdOf } from "./docker-process.ts";
import { getJson, type Got } from "./get-json.ts";
import type { RunningScene } from "./running.ts";

/** Which of Docker's forms it is. `desktop`: in a virtual machine. `remote`: not reached by a socket of this machine. */
export type DockerKind = "system" | "rootless" | "snap" | "desktop" | "remote";

/** A dockerd that answers. Fields that its release does not say are empty. */
export interface RunningDocker extends DockerEndpoint {
  readonly kind: DockerKind;
  /** "26.1.5", without what a distribution adds. */
  readonly version: string;
  /** The runtimes that it knows, and their programs ("" where it says none). */
  readonly runtimes: ReadonlyMap<string, string>;
  readonly defaultRuntime: string;
  /** Empty: CDI is off. */
  readonly cdiSpecDirs: readonly string[];
  /** The names of CDI devices that it sees; undefined: before 28.3 it does not say. */
  readonly cdiDevices: readonly string[] | undefined;
  /** What it offers to Swarm: "NVIDIA-GPU=GPU-8dc…", "NVIDIA-GPU=2". */
  readonly genericResources: readonly string[];
  readonly cgroupDriver: string;
  readonly cgroupVersion: string;
  readonly securityOptions: readonly string[];
  /** Whether containers go on while it is restarted. */
  readonly isLiveRestore: boolean;
  readonly containersRunning: number;
  /** "Debian GNU/Linux 13 (trixie)", "Docker Desktop". */
  readonly operatingSystem: string;
  readonly dataRoot: string;
  /** Undefined: it is not on this machine itself, or only root may look. */
  readonly process: DaemonProcess | undefined;
  /** Its daemon.json, there or not; undefined where `process` is. */
  readonly configFile: string | undefined;
}

export type AskedDocker =
  | { readonly isGood: true; readonly engine: RunningDocker }
  /** `place`: who was asked; undefined: nobody could be. `process`: a dockerd that listens there and does not answer. */
  | {
      readonly isGood: false;
      readonly why: string;
      readonly place: DockerEndpoint | undefined;
      readonly process: DaemonProcess | undefined;
    };

/**
 * Asks the dockerd that the caller's client would speak to; for another root than "/" the one whose configuration file
 * lies under it. Waits `timeoutMs` for each of two answers, and throws nothing that a daemon could be the reason for.
 * Source: Docker Engine API, GET /info.
 */
export async function askDocker(scene: RunningScene): Promise<AskedDocker> {
  const place = findPlace(scene);
  if (typeof place === "string") return { isGood: false, why: place, place: undefined, process: undefined };
  const { process, ...endpoint } = place;
  const socket = socketOf(endpoint.endpoint);
  const got = socket === undefined ? askByClient(scene) : await getJson(socket, "/info", scene.timeoutMs);
  if (!got.isGood) return { isGood: false, why: got.why, place: endpoint, process };
  if (!isTable(got.value)) return { isGood: false, why: "its answer is no object", place: endpoint, process };
  return { isGood: true, engine: { ...readInfo(got.value, endpoint, process), ...configOf(process, scene.proc) } };
}

type Place = DockerEndpoint & { readonly process: DaemonProcess | undefined };

function findPlace(scene: RunningScene): Place | string {
  if (scene.root !== "/") {
    const process = dockerdBelow(scene);
    if (process === undefined) return `no dockerd runs whose configuration file is under "${scene.root}"`;
    return { endpoint: dockerdEndpoint(process, scene.proc), context: undefined, process };
  }
  const place = dockerEndpoint(scene);
  if (typeof place === "string") return place;
  const socket = socketOf(place.endpoint);
  return { ...place, process: socket === undefined ? undefined : dockerdOf(socket, scene.proc) };
}

function configOf(process: DaemonProcess | undefined, proc?: string): Pick<RunningDocker, "process" | "configFile"> {
  return { process, configFile: process === undefined ? undefined : dockerdConfig(process, proc) };
}

/** Its client has the keys for another machine. */
function askByClient(scene: RunningScene): Got {
  const client = findClient("docker", scene);
  if (client === undefined)
    return { isGood: false, why: 'there is no "docker" in PATH, by which another machine is asked' };
  const said = askClient([client, "info", "--format", "{{json .}}"], scene);
  if (!said.isGood) return said;
  const value = tryJson(said.text);
  return value === undefined ? { isGood: false, why: "its answer is no JSON" } : { isGood: true, value };
}

type Info = Readonly<Record<string, unknown>>;

/** Reads the answer of GET /info. */
export function readInfo(
  info: Info,
  place: DockerEndpoint,
  process: DaemonProcess | undefined,
): Omit<RunningDocker, "process" | "configFile"> {
  const text = (key: string): string => (typeof info[key] === "string" ? info[key] : "");
  return {
    ...place,
    kind: kindOf(info, place, process),
    version: /^\d+(?:\.\d+)*/.exec(text("ServerVersion"))?.[0] ?? text("ServerVersion"),
    runtimes: runtimesOf(info["Runtimes"]),
    defaultRuntime: text("DefaultRuntime"),
    cdiSpecDirs: textsOf(info["CDISpecDirs"]) ?? [],
    cdiDevices: devicesOf(info["DiscoveredDevices"]),
    genericResources: resourcesOf(info["GenericResources"]),
    cgroupDriver: text("CgroupDriver"),
    cgroupVersion: text("CgroupVersion"),
    securityOptions: textsOf(info["SecurityOptions"]) ?? [],
    isLiveRestore: info["LiveRestoreEnabled"] === true,
    containersRunning: typeof info["ContainersRunning"] === "number" ? info["ContainersRunning"] : 0,
    operatingSystem: text("OperatingSystem"),
    dataRoot: text("DockerRootDir"),
  };
}

/** Desktop says its own name whatever leads to it; snap's daemon has its data in snap's folder. */
function kindOf(info: Info, { endpoint, context }: DockerEndpoint, process: DaemonProcess | undefined): DockerKind {
  if (info["OperatingSystem"] === "Docker Desktop" || context === "desktop-linux") return "desktop";
  if (socketOf(endpoint) === undefined) return "remote";
  if (textsOf(info["SecurityOptions"])?.some((option) => /^name=rootless(?:,|$)/.test(option))) return "rootless";
  const isSnap =
    String(info["DockerRootDir"]).startsWith("/var/snap/") || process?.program.startsWith("/snap/") === true;
  return isSnap ? "snap" : "system";
}

function runtimesOf(value: unknown): ReadonlyMap<string, string> {
  if (!isTable(value)) return new Map();
  return new Map(
    Object.entries(value).map(([name, runtime]) => {
      const path = isTable(runtime) ? valueAt(runtime, "path") : undefined;
      return [name, typeof path === "string" ? path : ""];
    }),
  );
}

function devicesOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((each: unknown) => {
    return isTable(each) && each["Source"] === "cdi" && typeof each["ID"] === "string" ? [each["ID"]] : [];
  });
}

function resourcesOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((each: unknown) => {
    if (!isTable(each)) return [];
    const spec = each["NamedResourceSpec"] ?? each["DiscreteResourceSpec"];
    return isTable(spec) ? [`${String(spec["Kind"])}=${String(spec["Value"])}`] : [];
  });
}
