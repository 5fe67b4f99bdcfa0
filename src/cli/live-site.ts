import { existsSync } from "node:fs";
import { openLiveContainer, refuseOwnNamespace, requestFor, type LiveContainer } from "../apply/index.ts";
import { BerthError, parseStrictInteger } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import { findContainer, type ContainerEngine } from "../engines/index.ts";
import { isOfSystemd, isUserNamespace } from "../linux/index.ts";
import type { Request } from "../request/index.ts";
import type { World } from "./context.ts";

/** A running container that a command is about. Close `container`. */
export interface LiveSite {
  readonly containerId: string;
  readonly container: LiveContainer;
  /** "web (docker 0f3c2a1b9d8e)", for messages. */
  readonly title: string;
}

const SHORT_ID = 12;

/** Which container a command is about: by a name that an engine knows, or by one of its processes. */
export interface Named {
  readonly engine?: ContainerEngine;
  readonly pid?: string;
}

/** What the words behind a command say. */
export interface Words {
  /** "" where a process stands for the container. */
  readonly name: string;
  /** As NVIDIA_VISIBLE_DEVICES has them. */
  readonly gpus: string;
}

/** Reads the words behind `attach` and `detach`: a container, unless a process stands for it, and at least one GPU. Throws BERTH-U001. */
export function readWords(verb: string, words: readonly string[], { pid }: Named): Words {
  const [name, ...gpus] = pid === undefined ? words : ["", ...words];
  if (name !== undefined && gpus.length > 0) return { name, gpus: gpus.join() };
  throw new BerthError({
    code: "BERTH-U001",
    message: `Cannot ${verb}: ${name === undefined ? "no container and no GPU is named" : "no GPU is named"}`,
    remedy: `berth ${verb} CONTAINER GPU…, as in: berth ${verb} web 0`,
  });
}

/** Finds a container and opens it. Throws BERTH-E001 to E004 and P004. */
export function openContainer(name: string, named: Named, { env }: Pick<World, "env">): LiveSite {
  const { pid, containerId, title } = locate(name, named, env);
  const container = openLiveContainer({ pid, rootfs: undefined, spec: undefined, bundleDir: "/" });
  try {
    refuseOwnNamespace(container);
  } catch (error) {
    container[Symbol.dispose]();
    throw error;
  }
  return { containerId, container, title };
}

interface Located {
  readonly pid: number;
  readonly containerId: string;
  readonly title: string;
}

function locate(name: string, { engine, pid }: Named, env: World["env"]): Located {
  if (pid !== undefined) return ofProcess(readPid(pid));
  const found = findContainer(name, { engine, env });
  const title = `${found.name} (${found.engine} ${found.id.slice(0, SHORT_ID)})`;
  return { pid: found.pid, containerId: found.id, title };
}

function ofProcess(pid: number): Located {
  return { pid, containerId: `process-${pid}`, title: `the container of process ${pid}` };
}

/** A process's number as a word. Throws BERTH-U001. */
function readPid(text: string): number {
  const pid = parseStrictInteger(text, 2 ** 31 - 1);
  if (pid !== undefined && pid > 0) return pid;
  const message = `Cannot read --pid=${text}: it is no number of a process`;
  throw new BerthError({ code: "BERTH-U001", message, remedy: "give the number of a process in the container" });
}

/** The GPUs that a command names. Throws BERTH-R001 for words that ask for none, R002 and R004. */
export function requestGpus(gpus: string, capabilities: string): Request {
  const request = requestFor(gpus, capabilities);
  const [name] = request.cdiDevices;
  if (request.wants === "devices" && name === undefined) return request;
  throw new BerthError({
    code: name === undefined ? "BERTH-R001" : "BERTH-R004",
    message:
      name === undefined
        ? `Cannot tell which GPU is meant by "${gpus}"`
        : `Cannot give the CDI device "${name}" to a container that runs: what a CDI file says is done before`,
    remedy: "name GPUs as berth host lists them: an index, a UUID, a PCI address, 0:1 for a MIG device",
  });
}

/** Whether the container's device permissions are ours to change. */
export function hasCgroups({ cli }: Config): boolean {
  return !cli.noCgroups && !isUserNamespace();
}

/** Of a machine with systemd: it writes the permissions of its units anew whenever it reads their files again, and knows nothing of ours. */
export function isForgetful({ process }: LiveContainer): boolean {
  const cgroups = process.read("cgroup", 65_536) ?? "";
  return existsSync("/run/systemd/system") && isOfSystemd(cgroups);
}
