import { sha256Of } from "../../base/index.ts";
import { editFile } from "../../linux/index.ts";
import { setJson } from "../../text/index.ts";
import { isRunning } from "../running/daemon-process.ts";
import type { RunningDocker } from "../running/docker.ts";
import { editLock } from "./config-place.ts";
import { knowsNone, readDockerFile, reloadDocker, type Activated } from "./activate.ts";
import type { Layer, Passing, SetUpRuntime } from "./layer.ts";
import { keepOriginal, readRecord, writeRecord } from "./setup-record.ts";
import type { SetupSite } from "./setup-site.ts";
import type { BackStep } from "./take-back.ts";

/**
 * Makes a dockerd forget runtimes before their key goes out of its file: a key that is not there any more changes
 * nothing in a running daemon (tried with 26.1; moby, daemon/reload.go), so for a moment the file says what is true
 * without the key. Undefined: there is nothing to forget. The file is taken back afterwards; the record has been told
 * how it looks meanwhile.
 */
export async function releaseDocker(
  site: SetupSite,
  docker: RunningDocker,
  { path, kind, after, changes }: BackStep,
): Promise<Activated | undefined> {
  const { process } = docker;
  const names = changes.map((change) => change.path);
  const runtimes = runtimesOf(site, names);
  const said = forgotten(after, docker, runtimes);
  if (process === undefined || said === undefined || !isRunning(process, site.scene.proc)) return undefined;
  const leadsTo = after === undefined ? undefined : keepOriginal(site.stateDir, Buffer.from(after));
  notePassing(site, names, { digest: sha256Of(said), leadsTo, isCleaned: kind === "cleaned" });
  editFile(path, { lock: editLock(site), change: () => said });
  return reloadDocker(site, process, (now) => knowsNone(now, runtimes, said));
}

function runtimesOf({ stateDir }: SetupSite, paths: readonly string[]): readonly SetUpRuntime[] {
  const { layers } = readRecord(stateDir);
  return layers
    .filter(({ files }) => files.some(({ path }) => paths.includes(path)))
    .flatMap(({ runtime }) => runtime ?? []);
}

/** What the file is to say for a moment; undefined: the daemon knows nothing that the file will not say. */
function forgotten(
  after: string | undefined,
  { runtimes, defaultRuntime }: RunningDocker,
  ours: readonly SetUpRuntime[],
): string | undefined {
  const text = after ?? "{}";
  const top = readDockerFile(text);
  if (top === undefined) return undefined;
  const isDefault = ours.some(({ name }) => name === defaultRuntime) && top["default-runtime"] === undefined;
  const isKnown = ours.some(({ name, path }) => runtimes.get(name) === path) && top["runtimes"] === undefined;
  if (!isDefault && !isKnown) return undefined;
  const withDefault = isDefault ? setJson(text, ["default-runtime"], "runc") : text;
  return isKnown ? setJson(withDefault, ["runtimes"], {}) : withDefault;
}

/** Whoever finds the file as it is for a moment is to know what it is to become. */
function notePassing({ stateDir }: SetupSite, paths: readonly string[], passing: Passing): void {
  const record = readRecord(stateDir);
  const { layers } = record;
  const last = layers.findLastIndex(({ files }) => files.some(({ path }) => paths.includes(path)));
  writeRecord(stateDir, {
    ...record,
    layers: layers.map((layer, at) => (at === last ? withPassing(layer, paths, passing) : layer)),
  });
}

function withPassing(layer: Layer, paths: readonly string[], passing: Passing): Layer {
  return { ...layer, files: layer.files.map((file) => (paths.includes(file.path) ? { ...file, passing } : file)) };
}
