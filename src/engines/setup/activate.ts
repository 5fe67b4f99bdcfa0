import { askContainerd } from "../running/containerd.ts";
import { askCrio } from "../running/crio.ts";
import { isRunning, type DaemonProcess } from "../running/daemon-process.ts";
import { askDocker, type RunningDocker } from "../running/docker.ts";
import type { RunningScene } from "../running/running.ts";
import { isTable, textAt, type Table } from "../any-value.ts";
import type { EngineWish } from "../wish.ts";
import { listenTo, type DaemonLog } from "./daemon-log.ts";
import { findUnit, restartUnit, type ServiceUnit } from "./service-unit.ts";
import type { SetUpRuntime } from "./layer.ts";
import type { SetupSite, SetupTarget } from "./setup-site.ts";

/** Whether a daemon works with its new configuration. */
export type Activated =
  | { readonly isGood: true; readonly docker: RunningDocker | undefined }
  | { readonly isGood: false; readonly why: string };

/** How long a daemon has to read its files again, and to answer after a start. */
const RELOAD_MS = 10_000;
const START_MS = 60_000;
const PAUSE_MS = 100;
/** A daemon that has said an error by then does not get further. */
const ERROR_MS = 2000;

/** Makes dockerd read its file again (SIGHUP, as `systemctl reload docker` does) and waits until it says that it has what is wished. */
export async function reloadDocker(
  site: SetupSite,
  daemon: DaemonProcess,
  isThere: (docker: RunningDocker) => boolean,
): Promise<Activated> {
  using log = listenTo(daemon, findUnit("docker", daemon, site.scene), { scene: site.scene, now: site.now() });
  if (!isRunning(daemon, site.scene.proc)) return { isGood: false, why: `process ${daemon.pid} has ended meanwhile` };
  process.kill(daemon.pid, "SIGHUP");
  // Its log is open until then.
  return await waitForDocker(site.scene, {
    isThere,
    deadlineMs: RELOAD_MS,
    log,
    what: "it did not take its new configuration over",
  });
}

/** Restarts a daemon by its service, and waits until it answers and, Docker's, has what is wished. */
export async function restartDaemon(
  site: SetupSite,
  target: SetupTarget,
  unit: ServiceUnit,
  isThere: (docker: RunningDocker) => boolean,
): Promise<Activated> {
  const { daemon } = target;
  if (daemon === undefined) return { isGood: false, why: "it does not run" };
  using log = listenTo(daemon, unit, { scene: site.scene, now: site.now() });
  const said = restartUnit(unit, site.scene);
  if (!said.isGood) return { isGood: false, why: log.lastError() ?? said.why };
  const what = "it did not come back";
  if (target.engine === "docker") return await waitForDocker(site.scene, { isThere, deadlineMs: START_MS, log, what });
  return await waitFor(() => (target.engine === "cri-o" ? askCrio(site.scene) : askContainerd(site.scene)), {
    deadlineMs: START_MS,
    log,
    what,
  });
}

/** Whether a dockerd knows the runtime that is wished. */
export function knows({ runtimes, defaultRuntime }: RunningDocker, { runtime }: EngineWish): boolean {
  if (runtime === undefined) return true;
  return runtimes.get(runtime.name) === runtime.path && (!runtime.isDefault || defaultRuntime === runtime.name);
}

/** Whether a dockerd has of runtimes that were set up only what its file says now; undefined: there is no file. */
export function knowsNone(
  { runtimes, defaultRuntime }: RunningDocker,
  ours: readonly SetUpRuntime[],
  text: string | undefined,
): boolean {
  const top = readDockerFile(text) ?? {};
  return ours.every(({ name, path }) => {
    const isSaid = textAt(top, "runtimes", name, "path") === path;
    const isDefault = textAt(top, "default-runtime") === name;
    return (isSaid || runtimes.get(name) !== path) && (isDefault || defaultRuntime !== name);
  });
}

/** What the text of a daemon.json says; undefined: it is no object. */
export function readDockerFile(text: string | undefined): Table | undefined {
  const top: unknown = JSON.parse((text ?? "").replace(/^\ufeff/, "").trim() || "{}");
  return isTable(top) ? top : undefined;
}

interface Waiting {
  readonly deadlineMs: number;
  readonly log: DaemonLog;
  readonly what: string;
}

async function waitForDocker(
  scene: RunningScene,
  waiting: Waiting & { readonly isThere: (docker: RunningDocker) => boolean },
): Promise<Activated> {
  let last: RunningDocker | undefined;
  const asked = await waitFor(async () => {
    const answer = await askDocker(scene);
    if (!answer.isGood) return answer;
    last = answer.engine;
    return waiting.isThere(answer.engine) ? answer : { isGood: false, why: "it answers without it" };
  }, waiting);
  return asked.isGood ? { isGood: true, docker: last } : asked;
}

/** Asks until the answer is good, or too late. */
async function waitFor(
  ask: () =>
    | Promise<{ readonly isGood: boolean; readonly why?: string }>
    | { readonly isGood: boolean; readonly why?: string },
  { deadlineMs, log, what }: Waiting,
): Promise<Activated> {
  for (let waited = 0; ; waited += PAUSE_MS) {
    const answer = await ask();
    if (answer.isGood) return { isGood: true, docker: undefined };
    const error = waited >= ERROR_MS ? log.lastError() : undefined;
    if (error !== undefined || waited >= deadlineMs)
      return { isGood: false, why: `${what}: ${error ?? answer.why ?? ""}` };
    await Bun.sleep(PAUSE_MS);
  }
}
