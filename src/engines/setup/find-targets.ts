import { dirname, join } from "node:path";
import { BerthError } from "../../base/index.ts";
import { Root } from "../../linux/index.ts";
import { findProgram, readRelease } from "../find-program.ts";
import { ENGINE_NAMES, type EngineName } from "../engine.ts";
import { programOf } from "../running/config-dump.ts";
import { askContainerd } from "../running/containerd.ts";
import { askCrio } from "../running/crio.ts";
import { socketOf } from "../running/docker-endpoint.ts";
import type { DaemonProcess } from "../running/daemon-process.ts";
import { askDocker, type AskedDocker } from "../running/docker.ts";
import { askPodman } from "../running/podman.ts";
import type { EngineFacts } from "../wish.ts";
import { whyLeftAlone } from "./left-alone.ts";
import type { SetupSite, SetupTarget } from "./setup-site.ts";

/** Engines that are to be set up, and a sentence for each that is here and is left alone. */
export interface FoundTargets {
  readonly targets: readonly SetupTarget[];
  readonly notes: readonly string[];
}

/**
 * The engines that are named, else all that are installed or run. One that is named counts wherever it is: its files
 * may be written before it comes. Throws G010 where there is none, and G016 for one that is named and is not this
 * machine's, or nobody's to set up.
 */
export async function findTargets(site: SetupSite, names: readonly EngineName[]): Promise<FoundTargets> {
  const wanted = names.length > 0 ? names : ENGINE_NAMES;
  const notes: string[] = [];
  const targets: SetupTarget[] = [];
  for (const engine of wanted) {
    const target = await findTarget(site, engine);
    const isNamed = names.length > 0;
    const doubt = whyLeftAlone(target, isNamed);
    if (doubt !== undefined && isNamed) throw doubt;
    if (doubt !== undefined) notes.push(`${engine} is left alone: ${doubt.message}`);
    else if (isNamed || isThere(target)) targets.push(target);
  }
  if (targets.length === 0 && notes.length === 0) throw noEngine(site);
  return { targets, notes };
}

function isThere({ daemon, program, docker }: SetupTarget): boolean {
  return daemon !== undefined || docker !== undefined || program !== undefined;
}

/** One engine, wherever it is. */
export function findTarget(site: SetupSite, engine: EngineName): SetupTarget | Promise<SetupTarget> {
  switch (engine) {
    case "docker":
      return findDocker(site);
    case "containerd":
      return findContainerd(site);
    case "cri-o":
      return findCrio(site);
    case "podman":
      return findPodman(site);
  }
}

function findPodman(site: SetupSite): SetupTarget {
  const installed = findInstalled(site, "podman", "podman");
  if (!site.isOnMachine || installed.program === undefined) return installed;
  const asked = askPodman(site.scene);
  if (!asked.isGood) return { ...installed, silence: asked.why };
  return { ...installed, isRemote: asked.engine.isRemote };
}

async function findDocker(site: SetupSite): Promise<SetupTarget> {
  const installed = findInstalled(site, "docker", "dockerd");
  const asked: AskedDocker = await askDocker(site.scene);
  if (!asked.isGood) {
    const isRemote = asked.place !== undefined && socketOf(asked.place.endpoint) === undefined;
    return { ...installed, daemon: asked.process, silence: asked.why, isRemote };
  }
  const { engine: docker } = asked;
  return {
    ...installed,
    title: `docker ${docker.version}`,
    facts: {
      ...installed.facts,
      release: docker.version,
      ...(docker.configFile === undefined ? {} : { config: docker.configFile }),
    },
    fileRoot: "/",
    program: programIn(docker.process, "dockerd") ?? installed.program,
    daemon: docker.process,
    clientEnv: { DOCKER_HOST: docker.endpoint },
    docker,
  };
}

function findContainerd(site: SetupSite): SetupTarget {
  const installed = findInstalled(site, "containerd", "containerd");
  const asked = askContainerd(site.scene);
  if (!asked.isGood) return { ...installed, silence: asked.why };
  const { process, address, version, configFile } = asked.engine;
  return {
    ...installed,
    title: `containerd ${version}`,
    fileRoot: "/",
    facts: { release: version, config: configFile, dropIn: dropInBeside(configFile) },
    program: programIn(process, "containerd") ?? installed.program,
    daemon: process,
    clientEnv: { CONTAINERD_ADDRESS: address },
  };
}

function findCrio(site: SetupSite): SetupTarget {
  const installed = findInstalled(site, "cri-o", "crio");
  const asked = askCrio(site.scene);
  if (!asked.isGood) return { ...installed, silence: asked.why };
  const { process, configFile, configDir } = asked.engine;
  const facts = { ...installed.facts, config: configFile, dropIn: join(configDir, "99-berth.conf") };
  return {
    ...installed,
    fileRoot: "/",
    facts,
    program: programIn(process, "crio") ?? installed.program,
    daemon: process,
  };
}

/** What is known of an engine that nobody asks. */
function findInstalled({ root: path, isOnMachine }: SetupSite, engine: EngineName, name: string): SetupTarget {
  // A simulated host has no engines of its own: those of this machine serve it.
  using programs = Root.open(isOnMachine ? "/" : path);
  const program = findProgram(programs, name);
  const release = program === undefined ? undefined : readRelease(program);
  const title = release === undefined ? engine : `${engine} ${release}`;
  const base = { engine, title, program, daemon: undefined, clientEnv: {} };
  if (!isOnMachine) return { ...base, fileRoot: path, facts: { release } };
  return { ...base, fileRoot: "/", facts: { release, ...filesBelow(path, engine) } };
}

/** The usual files of an engine, of a host whose paths are this machine's. */
function filesBelow(root: string, engine: EngineName): EngineFacts {
  const config = (name: string): string => join(root, "etc", name);
  switch (engine) {
    case "docker":
      return { config: config("docker/daemon.json") };
    case "containerd":
      return { config: config("containerd/config.toml"), dropIn: dropInBeside(config("containerd/config.toml")) };
    case "cri-o":
      return { config: config("crio/crio.conf"), dropIn: config("crio/crio.conf.d/99-berth.conf") };
    case "podman":
      return { dropIn: config("containers/containers.conf.d/99-berth.conf") };
  }
}

/** Where containerd's own documentation has such files: beside its main one. */
function dropInBeside(config: string): string {
  return join(dirname(config), "conf.d/99-berth.toml");
}

/** Of the very release that runs. */
function programIn(process: DaemonProcess | undefined, name: string): string | undefined {
  const found = process === undefined ? "" : programOf(process, name);
  return typeof found === "string" ? undefined : found.path;
}

function noEngine({ root }: SetupSite): BerthError {
  return new BerthError({
    code: "BERTH-G010",
    message: `Cannot set up an engine: neither docker, containerd, podman nor cri-o is installed under "${root}" or runs`,
    remedy: "install one, or name the one that is to come: berth setup docker",
  });
}
