import { statSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BerthError, errnoCode, formatProblem, VERSION } from "../../base/index.ts";
import { loadHost, type Host } from "../../host/index.ts";
import type { World } from "../context.ts";
import { findSite } from "../site.ts";
import { describeRefreshed } from "./describe-refreshed.ts";
import { noteWarnings } from "../note-warnings.ts";
import { outputOf, refreshOnce, sceneOf, type RefreshFlags } from "./refresh-once.ts";

/** When a watch looks, and until when. */
export interface WatchTimes {
  readonly stop: AbortSignal;
  /** Between two looks where nothing was reported: /proc cannot be watched. */
  readonly tickMs?: number;
  /** So long has to be nothing reported before it is looked: an installation writes hundreds of files. */
  readonly quietMs?: number;
}

const TICK_MS = 3000;
const QUIET_MS = 500;
/** An installation that reports without end is looked at all the same. */
const MAX_QUIET_ROUNDS = 20;

/**
 * Keeps the host's CDI file right until `stop`: looks when a folder reports a change, and every few seconds. An error is said once and tried again. Ends
 * without an error.
 */
export async function keepRefreshed(
  world: World,
  flags: RefreshFlags,
  { stop, tickMs = TICK_MS, quietMs = QUIET_MS }: WatchTimes,
): Promise<void> {
  const alarm = new FolderAlarm();
  const wake = (): void => alarm.report();
  stop.addEventListener("abort", wake);
  try {
    let last: Outcome = { said: "" };
    while (!stop.aborted) {
      last = await lookOnce({ world, flags, alarm }, last);
      await alarm.wait(tickMs);
      for (let round = 0; alarm.takeReport() && round < MAX_QUIET_ROUNDS && !stop.aborted; round += 1)
        await rest(quietMs, stop);
    }
  } finally {
    stop.removeEventListener("abort", wake);
    alarm.watchOnly([]);
  }
}

interface Watch {
  readonly world: World;
  readonly flags: RefreshFlags;
  readonly alarm: FolderAlarm;
}

/** What a look ended with; without `host` and `file` it failed, or there was none yet. */
interface Outcome {
  /** The description that the file was made from. */
  readonly host?: string;
  /** By which it is seen that somebody else has changed the file. */
  readonly file?: string;
  /** What was said last, so that it is not said again. */
  readonly said: string;
}

async function lookOnce({ world, flags, alarm }: Watch, last: Outcome): Promise<Outcome> {
  try {
    const { host, path, folders } = look(world, flags);
    alarm.watchOnly(folders);
    if (host === last.host && signature(path) === last.file) return last;
    const refreshed = await refreshOnce(world, flags);
    const said = describeRefreshed(refreshed);
    const isChange = refreshed.kind === "written" || refreshed.kind === "removed";
    if (isChange || (said !== last.said && last.host === undefined)) world.note(said);
    if (refreshed.kind === "written") noteWarnings(world, refreshed.warnings);
    return { host, file: signature(path), said };
  } catch (thrown) {
    const said = `${formatProblem("warning", BerthError.from(thrown))}\n`;
    if (said !== last.said) world.note(said);
    return { said };
  }
}

/** A few stats where nothing has changed: the description comes from a cache of its own, which no start of a container renews unseen. */
function look(
  world: World,
  flags: RefreshFlags,
): { readonly host: string; readonly path: string; readonly folders: readonly string[] } {
  const site = findSite(world);
  const { host } = loadHost(site.root, {
    ...sceneOf(site, flags),
    stateDir: join(site.stateDir, "watch"),
    version: VERSION,
  });
  const { path } = outputOf(site.root, flags);
  const config = site.config.path === undefined ? "-" : signature(site.config.path);
  return { host: `${config} ${JSON.stringify(host)}`, path, folders: foldersOf(host, path) };
}

function signature(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? "-" : `${stats.ino}:${stats.mtimeMs}:${stats.size}`;
}

/**
 * Where things come and go that a CDI file names, and the file itself. Not /dev: a kernel may report each write to /dev/null, and the looks every few seconds see its
 * nodes.
 */
function foldersOf({ root, libraries, files }: Host, output: string): readonly string[] {
  const found = [...libraries, ...files].map(({ hostPath }) => dirname(hostPath));
  const fixed = ["dev/nvidia-caps", "dev/dri", "etc"].map((name) => join(root, name));
  return [...new Set([...found, ...fixed, dirname(output)])].filter((folder) => folder !== join(root, "dev"));
}

/** Watches folders, and remembers whether one of them has reported anything. */
class FolderAlarm {
  readonly #watchers = new Map<string, ReturnType<typeof watch>>();
  #hasReport = false;
  #wake: (() => void) | undefined;

  /** Those that do not exist or cannot be watched are left to the next look. */
  watchOnly(folders: readonly string[]): void {
    for (const [folder, watcher] of this.#watchers) {
      if (folders.includes(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#add(folder);
  }

  /** Until something is reported, or `tickMs` have passed. */
  async wait(tickMs: number): Promise<void> {
    if (this.#hasReport) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, tickMs);
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }

  report(): void {
    this.#hasReport = true;
    this.#wake?.();
  }

  /** Whether something was reported since it was asked last. */
  takeReport(): boolean {
    const hadReport = this.#hasReport;
    this.#hasReport = false;
    return hadReport;
  }

  #add(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.report());
      watcher.on("error", () => this.#drop(folder));
      this.#watchers.set(folder, watcher);
    } catch (thrown) {
      // It is not there, or the kernel's watches are used up: the looks every few seconds do without.
      if (errnoCode(thrown) === undefined) throw thrown;
    }
  }

  #drop(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
    this.report();
  }
}

async function rest(ms: number, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return;
  try {
    await sleep(ms, undefined, { signal: stop });
  } catch (thrown) {
    if (!stop.aborted) throw thrown;
  }
}
