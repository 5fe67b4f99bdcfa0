import { askClient, findClient } from "../ask-client.ts";
import { askForToml, programOf, type Dump } from "./config-dump.ts";
import { daemonPath, findDaemons, listeningOn, optionValues, type DaemonProcess } from "./daemon-process.ts";
import { isBelow, placeOf } from "./same-place.ts";
import type { Asked, RunningScene } from "./running.ts";

const USUAL_SOCKET = "/run/containerd/containerd.sock";
const USUAL_CONFIG = "/etc/containerd/config.toml";

/** A containerd that answers. Docker's own, which dockerd starts and writes the configuration of, is none. */
export interface RunningContainerd {
  readonly process: DaemonProcess;
  /** Its socket. */
  readonly address: string;
  /** "1.7.24" */
  readonly version: string;
  /** Of its command line, else the usual one; there or not. */
  readonly configFile: string;
  /**
   * Everything in force by its files now, imports and built-in values, too (`containerd config dump`); a daemon that
   * was started before a change does not know it.
   */
  readonly config: Dump;
}

/**
 * Asks a containerd of this machine: that of CONTAINERD_ADDRESS, of the usual socket, or any other (k3s, microk8s and
 * rke2 have their own); for another root than "/" the one whose configuration file lies under it.
 */
export function askContainerd(scene: RunningScene): Asked<RunningContainerd> {
  const found = findContainerd(scene);
  if (typeof found === "string") return { isGood: false, why: found };
  const { process, address, configFile } = found;
  const client = findClient("ctr", scene);
  if (client === undefined) return { isGood: false, why: 'there is no "ctr" in PATH, by which it is asked' };
  const said = askClient([client, "--connect-timeout", "1s", "--address", address, "version"], scene);
  if (!said.isGood) return said;
  const program = programOf(process, "containerd");
  if (typeof program === "string") return { isGood: false, why: program };
  const dump = askForToml([program.path, "--config", configFile, "config", "dump"], scene);
  if (!dump.isGood) return { isGood: false, why: `containerd config dump: ${dump.why}` };
  return {
    isGood: true,
    engine: { process, address, version: serverVersion(said.text), configFile, config: dump.engine },
  };
}

interface Found {
  readonly process: DaemonProcess;
  readonly address: string;
  readonly configFile: string;
}

/** A containerd that runs, whether or not it answers; a sentence: none does. */
export function findContainerd({ root, proc, env }: RunningScene): Found | string {
  const all = findDaemons("containerd", proc).map((process) => ({
    process,
    address: addressOf(process, proc),
    configFile: configOf(process),
  }));
  const own = all.filter(({ configFile }) => !DOCKERS_OWN.test(configFile));
  if (root !== "/") {
    return (
      own.find(({ configFile }) => isBelow(configFile, root)) ??
      `no containerd runs whose configuration file is under "${root}"`
    );
  }
  const named = env("CONTAINERD_ADDRESS") ?? "";
  if (named !== "")
    return own.find(({ address }) => isAt(address, named)) ?? `no containerd of this machine listens on "${named}"`;
  return own.find(({ address }) => isAt(address, USUAL_SOCKET)) ?? own[0] ?? "no containerd runs on this machine";
}

/** Written anew by dockerd at each start (moby, libcontainerd/supervisor). */
const DOCKERS_OWN = /\/containerd\/containerd\.toml$/;

function isAt(address: string, other: string): boolean {
  return placeOf(address) === placeOf(other);
}

function configOf(process: DaemonProcess): string {
  const named = optionValues(process.args, "--config", "-c").at(-1);
  return named === undefined ? USUAL_CONFIG : daemonPath(process, named);
}

/** Of its command line; else the one of its sockets that is for clients: beside it are those for ttrpc and debugging. */
function addressOf(process: DaemonProcess, proc?: string): string {
  const named = optionValues(process.args, "--address", "-a").at(-1);
  if (named !== undefined) return daemonPath(process, named);
  const sockets = listeningOn(process, proc);
  const main = sockets.find((path) => sockets.includes(`${path}.ttrpc`));
  return main ?? USUAL_SOCKET;
}

/** The second of the two versions that `ctr version` prints. */
function serverVersion(text: string): string {
  return /^Server:\s+Version:\s+v?(\d+(?:\.\d+)*)/m.exec(text)?.[1] ?? "";
}
