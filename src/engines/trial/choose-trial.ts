import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BerthError } from "../../base/index.ts";
import { parseQualifiedName, readRegistry } from "../../cdi/index.ts";
import { effectiveUid } from "../../linux/index.ts";
import type { ClientScene } from "../ask-client.ts";
import { DEFAULT_DIRS } from "../engine.ts";
import { askDocker } from "../running/docker.ts";
import { openClient } from "./host-engine.ts";
import { TRIAL_ENGINES, type TrialEngine, type TrialWay } from "./trial.ts";

export interface ChoiceOptions {
  /** Undefined: the first that can be tried. */
  readonly engine?: TrialEngine | undefined;
  /** "all", "0,1", "GPU-…", or the qualified name of a CDI device. */
  readonly device: string;
  readonly image?: string | undefined;
  readonly executable: string;
  readonly root: string;
  readonly scene: ClientScene;
}

/** Which engine is tried, and how a container of it asks for GPUs. */
export interface TrialChoice {
  readonly engine: TrialEngine;
  readonly how: TrialWay;
  readonly devices: string;
}

const SHIM = "nvidia-container-runtime";

/**
 * The first engine of this machine that can be tried, and the way to GPUs that is set up there: a runtime of docker's
 * daemon.json, else CDI, else --gpus; for podman CDI files or our runtime; for the others our runtime. Throws
 * BERTH-V007 when there is none.
 */
export async function chooseTrial(options: ChoiceOptions): Promise<TrialChoice> {
  const engines = options.engine === undefined ? TRIAL_ENGINES : [options.engine];
  const whys: string[] = [];
  for (const engine of engines) {
    const way = await chooseWay(engine, options);
    if (typeof way !== "string") return { engine, ...way };
    whys.push(`${engine}: ${way}`);
  }
  throw new BerthError({
    code: "BERTH-V007",
    message: `Cannot try a container: ${whys.join("; ")}`,
    remedy: "start the engine, or name another one with --engine",
  });
}

type Way = Omit<TrialChoice, "engine">;

async function chooseWay(engine: TrialEngine, options: ChoiceOptions): Promise<Way | string> {
  const { device: devices, scene } = options;
  const client = openClient(engine, scene);
  if (typeof client === "string") return client;
  const name = isQualified(devices) ? devices : undefined;
  switch (engine) {
    case "docker":
      return chooseDocker(options, name);
    case "podman": {
      const device = name ?? cdiDeviceOf(devices, options.root);
      return device === undefined ? byShim(options) : { how: { kind: "cdi", device }, devices };
    }
    case "containerd": {
      const said = client.ask("version");
      return said.isGood ? byShim(options) : said.why;
    }
    case "runc":
      if (options.image !== undefined) return "runc alone has no images";
      return effectiveUid() === 0 ? byShim(options) : "only root can start a container with runc alone";
  }
}

function isQualified(text: string): boolean {
  return parseQualifiedName(text) !== undefined;
}

/** Our runtime, which knows qualified names as well. */
function byShim({ root, executable, device }: ChoiceOptions): Way | string {
  // A simulated host has its own; on a machine with NVIDIA's the one beside this program is ours.
  const own = root === "/" ? [] : [join(root, "bin")];
  const places = [...own, join(dirname(executable), "bin"), dirname(executable), "/usr/local/bin", "/usr/bin"];
  const found = places.map((folder) => join(folder, SHIM)).find((path) => existsSync(path));
  if (found === undefined) return `there is no ${SHIM} in ${places.join(", ")}`;
  return { how: { kind: "runtime", name: found }, devices: device };
}

async function chooseDocker(
  { device: devices, scene }: ChoiceOptions,
  name: string | undefined,
): Promise<Way | string> {
  // The daemon of the caller's client, whatever host is meant.
  const asked = await askDocker({ ...scene, root: "/" });
  if (!asked.isGood) return asked.why;
  const { kind, runtimes, cdiDevices = [], endpoint } = asked.engine;
  // berth is bound into the container by its path here.
  if (kind === "remote" || kind === "desktop")
    return `its daemon does not see this machine's files (${kind === "remote" ? endpoint : "Docker Desktop"}): run berth there`;
  if (name !== undefined) return { how: { kind: "cdi", device: name }, devices };
  const runtime = runtimeOf(runtimes);
  if (runtime !== undefined) return { how: { kind: "runtime", name: runtime }, devices };
  const device = `nvidia.com/gpu=${devices}`;
  return { how: cdiDevices.includes(device) ? { kind: "cdi", device } : { kind: "gpus" }, devices };
}

/** The one that is called nvidia, else one whose program is. */
function runtimeOf(runtimes: ReadonlyMap<string, string>): string | undefined {
  if (runtimes.has("nvidia")) return "nvidia";
  return [...runtimes].find(([, path]) => basename(path).startsWith(SHIM))?.[0];
}

/** The device of this machine's own CDI files that stands for an index, a UUID or all; a simulated host's are in no folder of an engine. */
function cdiDeviceOf(devices: string, root: string): string | undefined {
  if (root !== "/") return undefined;
  const name = `nvidia.com/gpu=${devices}`;
  return readRegistry(DEFAULT_DIRS).devices.has(name) ? name : undefined;
}
