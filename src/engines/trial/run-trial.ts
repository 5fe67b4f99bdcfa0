import { existsSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { BerthError, errnoCode, messageOf } from "../../base/index.ts";
import { readProbe } from "../../cuda/index.ts";
import { effectiveUid } from "../../linux/index.ts";
import { clearAfterEnd, clearUp, trialFolder, trialImage, trialName, type ClearScene } from "./clear-up.ts";
import { engineWords } from "./engine-words.ts";
import { openClient, type EngineClient } from "./host-engine.ts";
import type { ClientOutput } from "./run-client.ts";
import { findBrought, INSIDE, tarOf, trialTree, writeBrought, writeTree, type Brought } from "./tree.ts";
import type { Trial, TrialOptions } from "./trial.ts";
import { writeBundle } from "./trial-bundle.ts";
import { trialCommand, trialWords, whyImpossible, type TrialContainer } from "./trial-words.ts";

const CUDA_MS = 30_000;
/** For the engine, beside CUDA: a first start on a cold disk. */
const START_MS = 60_000;
const IMPORT_MS = 60_000;

/**
 * Starts one container that gets GPUs in a way, runs berth in it, which tries CUDA, and removes it again, with all that
 * was made for it and what earlier trials left that were killed. Everything has a deadline; what goes wrong is an
 * answer.
 */
export async function runTrial(options: TrialOptions): Promise<Trial> {
  const client = openClient(options.engine, options.scene);
  const why = whyImpossible(options.engine, options.how, options.image) ?? whyUnable(options);
  if (why !== undefined) return notStarted(why);
  if (typeof client === "string") return notStarted(client);
  const parent = placeOf(options);
  const runtime = options.how.kind === "runtime" ? options.how.name : undefined;
  const scene: ClearScene = { engine: options.engine, client, parent, runtime };
  try {
    await clearUp(scene);
    const { isOver, ...trial } = await start({ ...options, client, folder: join(trialFolder(parent), trialName()) });
    const image = options.engine === "docker" && options.image === undefined ? trialImage(trialName()) : undefined;
    return { ...trial, warnings: await (isOver ? clearAfterEnd(scene, image) : clearUp(scene)) };
  } catch (error) {
    const warnings = await clearUp(scene);
    if (!(error instanceof BerthError) && errnoCode(error) === undefined) throw error;
    return notStarted(messageOf(error), warnings);
  }
}

function notStarted(why: string, warnings: readonly string[] = []): Trial {
  return { kind: "not-started", why, warnings };
}

function whyUnable({ engine, scene }: TrialOptions): string | undefined {
  if (engine === "runc" && effectiveUid() !== 0) return "only root can start a container with runc alone";
  if (effectiveUid() !== 0 && homeOf(scene) === undefined)
    return "neither HOME nor XDG_DATA_HOME says where its files can be";
  const host = engine === "docker" ? (scene.env("DOCKER_HOST") ?? "") : "";
  // berth is bound into the container by its path here.
  if (/^(tcp|ssh|https?):/.test(host)) return `its daemon is on another machine (DOCKER_HOST=${host}): run berth there`;
  return undefined;
}

/** Not below /run, whose files may often not be executed, nor below /tmp, where others make folders of any name. */
function placeOf({ root, scene }: TrialOptions): string {
  return join(effectiveUid() === 0 ? join(root, "var/lib") : (homeOf(scene) ?? "/"), "berth/selftest");
}

function homeOf({ env }: TrialOptions["scene"]): string | undefined {
  const home = env("HOME");
  return env("XDG_DATA_HOME") ?? (home === undefined ? undefined : join(home, ".local/share"));
}

interface Start extends TrialOptions {
  readonly client: EngineClient;
  /** The trial's own, not made yet. */
  readonly folder: string;
}

type WithoutWarnings<T> = T extends Trial ? Omit<T, "warnings"> : never;
/** `isOver`: the container came to its end, and is gone by itself. */
type Started = WithoutWarnings<Trial> & { readonly isOver: boolean };

async function start(options: Start): Promise<Started> {
  mkdirSync(options.folder, { mode: 0o755 });
  const brought = findBrought();
  const first = await prepare(options, brought);
  if (typeof first === "string") return { kind: "not-started", why: first, isOver: false };
  const output = await run(options, first);
  if (options.image === undefined || !needsBrought(output)) return interpret(output, "own", options);
  writeBrought(join(options.folder, "lib"), brought);
  const second = await run(options, {
    ...first,
    mounts: [...first.mounts, { source: join(options.folder, "lib"), target: `${INSIDE}/lib` }],
    command: trialCommand(options.deadlineMs ?? CUDA_MS, brought.loader.soname),
  });
  return interpret(second, "brought", options);
}

/** The container, its root file system made; or why it cannot be. */
async function prepare(options: Start, brought: Brought): Promise<TrialContainer | string> {
  const { engine, how, devices, executable, image, folder, client } = options;
  const container = {
    name: basename(folder),
    how,
    devices,
    mounts: [{ source: executable, target: `${INSIDE}/berth` }],
    command: trialCommand(options.deadlineMs ?? CUDA_MS, undefined),
  };
  if (image !== undefined) return { ...container, root: { kind: "image", name: image } };
  const tree = trialTree(brought);
  if (engine !== "docker") {
    const rootfs = join(folder, "rootfs");
    writeTree(rootfs, tree);
    return { ...container, root: { kind: "folder", path: rootfs } };
  }
  const name = trialImage(container.name);
  const imported = await client.run([...client.argv, "import", "-", name], IMPORT_MS, tarOf(tree));
  return imported.exitCode === 0 ? { ...container, root: { kind: "image", name } } : engineWords(imported, IMPORT_MS);
}

function run(
  { engine, client, how, folder, deadlineMs = CUDA_MS }: Start,
  container: TrialContainer,
): Promise<ClientOutput> {
  if (engine !== "runc") return client.run(trialWords(engine, client.argv, container), deadlineMs + START_MS);
  writeBundle(folder, container);
  const runtime = how.kind === "runtime" ? how.name : "runc";
  const words = [runtime, "--root", join(folder, "state"), "run", "--bundle", folder, container.name];
  return client.run(words, deadlineMs + START_MS);
}

/** Whether berth could not run with what the image has: no loader of glibc, or too old a C library. */
function needsBrought({ stdout, stderr, exitCode }: ClientOutput): boolean {
  if (exitCode === 0 || stdout.includes('{"layer":')) return false;
  const said = stderr + stdout;
  const isLoader = /GLIBC_\d|error while loading shared libraries/.test(said);
  return isLoader || (said.includes(`${INSIDE}/berth`) && /no such file or directory|not found/i.test(said));
}

function interpret(
  output: ClientOutput,
  libc: "own" | "brought",
  { executable, deadlineMs = CUDA_MS }: Start,
): Started {
  if (output.stdout.includes('{"layer":')) {
    const end = output.isLate
      ? ({ kind: "late", deadlineMs } as const)
      : ({ kind: "exited", code: output.exitCode ?? -1 } as const);
    return { kind: "ran", probe: readProbe(output.stdout, end), libc, isOver: !output.isLate };
  }
  const why = engineWords(output, deadlineMs + START_MS);
  const isElsewhere = /bind source path does not exist/.test(why) && existsSync(executable);
  return {
    kind: "not-started",
    isOver: false,
    why: isElsewhere ? `${why}: its daemon does not see this machine's files (a virtual machine?)` : why,
  };
}
