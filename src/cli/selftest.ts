import { BerthError, type Problem } from "../base/index.ts";
import { failedLayer, probeCuda, type Probe } from "../cuda/index.ts";
import { chooseTrial, runTrial, type Trial, type TrialChoice, type TrialEngine } from "../engines/index.ts";
import { findLayerProblem, findTrialProblem, probeRoot, titleOfTrial } from "../doctor/index.ts";
import type { World } from "./context.ts";
import { noteWarnings } from "./note-warnings.ts";
import { formatProbeLines, formatStart } from "./format-selftest.ts";
import { findSite, type Site } from "./site.ts";

interface Flags {
  readonly image?: string;
  readonly engine?: TrialEngine;
  readonly device?: string;
  /** Seconds. */
  readonly timeout?: number;
  readonly json?: boolean;
}

const CUDA_SECONDS = 30;
const CLIENT_MS = 10_000;

/**
 * `berth selftest`: whether a container can use CUDA, layer by layer: first on this machine, then in a container that
 * is started for it. Throws what the first layer that fails is a case of.
 */
export async function selftest(this: World, flags: Flags): Promise<void> {
  const site = findSite(this);
  const say = (text: string): void => (flags.json === true ? undefined : this.print(text));
  const deadlineMs = deadlineOf(flags);
  const host = await probeCuda({ executable: this.executable, root: probeRoot(site), deadlineMs });
  say(`this machine\n${formatProbeLines(withoutToolkit(host))}`);
  const tried = isHopeless(host) ? undefined : await tryContainer(this, site, flags, say);
  const problem = findProblem(host, tried, flags);
  if (flags.json === true) this.print(formatJson(host, tried, problem));
  noteWarnings(this, [...site.config.warnings, ...(tried?.trial?.warnings ?? []), ...doubtsOf(tried)]);
  if (problem !== undefined) throw new BerthError(problem);
}

function deadlineOf({ timeout = CUDA_SECONDS }: Flags): number {
  return timeout * 1000;
}

/** The toolkit's libraries are an image's matter: there is nothing to say of them here. */
function withoutToolkit(host: Probe): Probe {
  return { ...host, layers: host.layers.filter(({ id }) => id !== "runtime" && id !== "libraries") };
}

/** A container has the same driver; but its loader may find a library that this machine's does not. */
function isHopeless(host: Probe): boolean {
  const failed = failedLayer(host);
  return failed !== undefined && failed.id !== "library";
}

interface Tried {
  readonly choice: TrialChoice | undefined;
  readonly trial: Trial | undefined;
  /** Why there was nothing to try. */
  readonly refusal: BerthError | undefined;
}

async function tryContainer(world: World, { root }: Site, flags: Flags, say: (text: string) => void): Promise<Tried> {
  const { image, engine, device = "all" } = flags;
  const scene = { env: world.env, timeoutMs: CLIENT_MS };
  const { executable } = world;
  try {
    const choice = await chooseTrial({ engine, device, image, executable, root, scene });
    say(`${titleOfTrial(choice, image)}\n`);
    const trial = await runTrial({ ...choice, image, executable, root, scene, deadlineMs: deadlineOf(flags) });
    say(trial.kind === "ran" ? `${formatStart(trial)}${formatProbeLines(trial.probe)}` : formatStart(trial));
    return { choice, trial, refusal: undefined };
  } catch (error) {
    if (!(error instanceof BerthError) || error.code !== "BERTH-V007") throw error;
    return { choice: undefined, trial: undefined, refusal: error };
  }
}

function findProblem(host: Probe, tried: Tried | undefined, { device = "all" }: Flags): Problem | undefined {
  if (tried === undefined) return findLayerProblem(host, { kind: "host" });
  if (tried.refusal !== undefined) return tried.refusal;
  const { choice, trial } = tried;
  if (choice === undefined || trial === undefined) return undefined;
  return findTrialProblem(trial, choice, device === "all" ? host : undefined);
}

function doubtsOf(tried: Tried | undefined): readonly string[] {
  if (tried?.trial?.kind !== "ran" || tried.trial.probe.libc !== "none") return [];
  return ["the image has no C library: its programs can use the driver only with one that they bring along"];
}

/** Every field is always there: what is not known is null. */
function formatJson(host: Probe, tried: Tried | undefined, problem: Problem | undefined): string {
  const found = problem && { code: problem.code, message: problem.message, remedy: problem.remedy };
  const { choice, trial } = tried ?? {};
  const container = choice && trial && { ...choice, ...trial };
  const all = { isGood: problem === undefined, host, container, problem: found };
  return `${JSON.stringify(all, (_, value: unknown) => value ?? null, 2)}\n`;
}
