import { tryJson } from "../../base/index.ts";
import { askClient, findClient } from "../ask-client.ts";
import { isTable, valueAt } from "../any-value.ts";
import type { Asked, RunningScene } from "./running.ts";

/** What podman says of itself, for the user who asks. */
export interface RunningPodman {
  readonly program: string;
  /** "5.4.2" */
  readonly version: string;
  /** The low-level runtime of its containers: "runc", "crun". */
  readonly runtime: string;
  readonly runtimePath: string;
  readonly isRootless: boolean;
  /** Its containers are another machine's (podman machine, CONTAINER_HOST). */
  readonly isRemote: boolean;
  readonly cgroupDriver: string;
  readonly cgroupVersion: string;
}

/** Asks the podman in the caller's PATH: it has no daemon, so what its configuration says counts at once. Source: podman-info(1). */
export function askPodman(scene: RunningScene): Asked<RunningPodman> {
  const program = findClient("podman", scene);
  if (program === undefined) return { isGood: false, why: 'there is no "podman" in PATH' };
  const said = askClient([program, "info", "--format", "json"], scene);
  if (!said.isGood) return said;
  const engine = readPodmanInfo(said.text, program);
  return engine === undefined ? { isGood: false, why: "its answer cannot be understood" } : { isGood: true, engine };
}

/** Undefined: it is no answer of podman's. */
export function readPodmanInfo(text: string, program: string): RunningPodman | undefined {
  const top = tryJson(text);
  if (!isTable(top) || !isTable(top["host"])) return undefined;
  const textAt = (...keys: readonly string[]): string => {
    const value = valueAt(top, ...keys);
    return typeof value === "string" ? value : "";
  };
  return {
    program,
    version: textAt("version", "Version"),
    runtime: textAt("host", "ociRuntime", "name"),
    runtimePath: textAt("host", "ociRuntime", "path"),
    isRootless: valueAt(top, "host", "security", "rootless") === true,
    isRemote: valueAt(top, "host", "serviceIsRemote") === true,
    cgroupDriver: textAt("host", "cgroupManager"),
    cgroupVersion: textAt("host", "cgroupVersion").replace(/^v/, ""),
  };
}
