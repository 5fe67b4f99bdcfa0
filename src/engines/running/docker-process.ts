import { join } from "node:path";
import { readText } from "../../linux/index.ts";
import { isTable, textsOf } from "../any-value.ts";
import {
  daemonPath,
  daemonVariable,
  findDaemons,
  listeningOn,
  optionValues,
  type DaemonProcess,
} from "./daemon-process.ts";
import { socketOf, USUAL_ENDPOINT } from "./docker-endpoint.ts";
import { isBelow, placeOf } from "./same-place.ts";
import type { RunningScene } from "./running.ts";

/** What a dockerd has to find in its PATH when it starts, or `docker run --gpus` knows no driver (moby, daemon/nvidia_linux.go). */
export const GPUS_HOOK = "nvidia-container-runtime-hook";

const CONFIG_BYTES = 1024 * 1024;

/** The dockerd that listens on a socket; undefined: none of this machine's that this user may look at. */
export function dockerdOf(socket: string, proc?: string): DaemonProcess | undefined {
  const place = placeOf(socket);
  return findDaemons("dockerd", proc).find((each) => listeningOn(each, proc).some((path) => placeOf(path) === place));
}

/** The dockerd whose configuration file lies under the root of another host. */
export function dockerdBelow({ root, proc }: Pick<RunningScene, "root" | "proc">): DaemonProcess | undefined {
  return findDaemons("dockerd", proc).find((each) => isBelow(dockerdConfig(each, proc), root));
}

/** The daemon.json of a dockerd: of its command line, else the usual one; without root that is its user's (docker/docs, rootless mode). */
export function dockerdConfig(daemon: DaemonProcess, proc?: string): string {
  const named = optionValues(daemon.args, "--config-file").at(-1);
  if (named !== undefined) return daemonPath(daemon, named);
  if (daemon.uid === 0) return "/etc/docker/daemon.json";
  const home =
    daemonVariable(daemon, "XDG_CONFIG_HOME", proc) ?? join(daemonVariable(daemon, "HOME", proc) ?? "/", ".config");
  return join(home, "docker/daemon.json");
}

/** Where a dockerd listens that nobody named: by its command line, its configuration file, or the usual place. */
export function dockerdEndpoint(daemon: DaemonProcess, proc?: string): string {
  const named = optionValues(daemon.args, "-H", "--host");
  const all = named.length > 0 ? named : hostsOf(dockerdConfig(daemon, proc));
  return all.find((host) => socketOf(host) !== undefined) ?? USUAL_ENDPOINT;
}

function hostsOf(config: string): readonly string[] {
  try {
    const top: unknown = JSON.parse(readText(config, CONFIG_BYTES) ?? "{}");
    return isTable(top) ? (textsOf(top["hosts"]) ?? []) : [];
  } catch (thrown) {
    // What the daemon was started with is no longer to be read: it may have been any other file then.
    if (thrown instanceof Error) return [];
    throw thrown;
  }
}
