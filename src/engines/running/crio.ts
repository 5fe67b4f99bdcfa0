import { findProgram } from "../find-program.ts";
import { Root } from "../../linux/index.ts";
import { askForToml, type Dump } from "./config-dump.ts";
import { daemonPath, findDaemons, optionValues, type DaemonProcess } from "./daemon-process.ts";
import { isBelow } from "./same-place.ts";
import type { Asked, RunningScene } from "./running.ts";

const USUAL_SOCKET = "/var/run/crio/crio.sock";
const USUAL_CONFIG = "/etc/crio/crio.conf";

/** A crio that answers. */
export interface RunningCrio {
  readonly process: DaemonProcess;
  readonly address: string;
  readonly configFile: string;
  /** The folder of files that add to it. */
  readonly configDir: string;
  /** The configuration that is in force in the daemon. */
  readonly config: Dump;
}

/**
 * Asks the crio of this machine for the configuration in force, by `crio status config`, or `crio-status config` of
 * older releases (cri-o, docs/crio.8.md).
 */
export function askCrio(scene: RunningScene): Asked<RunningCrio> {
  const found = findDaemons("crio", scene.proc).map(placesOf);
  const place = found.find(({ configFile, configDir }) => {
    return scene.root === "/" || isBelow(configFile, scene.root) || isBelow(configDir, scene.root);
  });
  if (place === undefined) return { isGood: false, why: "no crio runs on this machine" };
  const said = firstGood(askings(place.address).map((argv) => () => askForToml(argv, scene)));
  if (said === undefined) return { isGood: false, why: 'there is neither "crio" nor "crio-status" to ask it' };
  return said.isGood ? { isGood: true, engine: { ...place, config: said.engine } } : said;
}

function placesOf(process: DaemonProcess): Omit<RunningCrio, "config"> {
  const value = (usual: string, ...names: readonly string[]): string => {
    const named = optionValues(process.args, ...names).at(-1);
    return named === undefined || named === "" ? usual : daemonPath(process, named);
  };
  const configFile = value(USUAL_CONFIG, "--config", "-c");
  return {
    process,
    address: value(USUAL_SOCKET, "--listen"),
    configFile,
    configDir: value("/etc/crio/crio.conf.d", "--config-dir", "-d"),
  };
}

/** Both forms, as far as their programs are there. */
function askings(address: string): readonly (readonly string[])[] {
  using root = Root.open("/");
  const words = ["--socket", address, "config"];
  const own = findProgram(root, "crio");
  const old = findProgram(root, "crio-status");
  return [...(own === undefined ? [] : [[own, "status", ...words]]), ...(old === undefined ? [] : [[old, ...words]])];
}

/** The first good answer, else the last one; undefined: nobody was asked. */
function firstGood<T>(asks: readonly (() => Asked<T>)[]): Asked<T> | undefined {
  let last: Asked<T> | undefined;
  for (const ask of asks) {
    last = ask();
    if (last.isGood) return last;
  }
  return last;
}
