import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { errnoCode, isAbandoned, temporaryName } from "../../base/index.ts";
import { effectiveUid, readMountTable } from "../../linux/index.ts";
import type { EngineClient } from "./host-engine.ts";
import type { TrialEngine } from "./trial.ts";

/** Containers, images and folders of trials are named after the process that made them, so that one that was killed is known. */
const PREFIX = "berth-selftest-";
const REMOVE_MS = 20_000;

/** A name for one trial, which says by which process it was made. */
export function trialName(): string {
  return temporaryName(PREFIX);
}

/** The image of a trial in docker; its tag is the trial's name. */
export function trialImage(name: string): string {
  return `berth-selftest:${name}`;
}

/**
 * Where trials have their folders below a host's root. Other users pass through: a container's root may be another user
 * of the machine. Throws EPERM for a link, and for another user's folder.
 */
export function trialFolder(parent: string): string {
  mkdirSync(parent, { recursive: true, mode: 0o755 });
  const stats = lstatSync(parent);
  if (!stats.isDirectory() || stats.uid !== effectiveUid())
    throw Object.assign(new Error(`"${parent}" is not a folder of this user`), { code: "EPERM" });
  chmodSync(parent, 0o711);
  return parent;
}

/** Where what is to be cleared up stands. */
export interface ClearScene {
  readonly engine: TrialEngine;
  readonly client: EngineClient;
  /** The folder of all trials' folders. */
  readonly parent: string;
  /** Of runc alone: the runtime's program. */
  readonly runtime: string | undefined;
}

/** Removes what killed trials left, and what one of this process has. A sentence for each thing that stays. */
export async function clearUp(scene: ClearScene): Promise<readonly string[]> {
  const containers = await removeContainers(scene);
  return [...containers, ...clearFolders(scene.parent)];
}

/** The same after a container that came to its end, and so is gone by itself: the engine is asked no more than it needs. */
export async function clearAfterEnd(scene: ClearScene, image: string | undefined): Promise<readonly string[]> {
  const images = image === undefined ? [] : await removeEach(scene.client, [image], [["rmi", "--force"]]);
  return [...images, ...clearFolders(scene.parent)];
}

async function removeContainers(scene: ClearScene): Promise<readonly string[]> {
  const { engine, client } = scene;
  switch (engine) {
    case "docker": {
      const left = await removeEach(client, listed(client, ["ps", "--all", "--format", "{{.Names}}"]), [
        ["rm", "--force"],
      ]);
      const tags = listed(client, ["images", "--format", "{{.Tag}}", "berth-selftest"]);
      return [...left, ...(await removeEach(client, tags, [["rmi", "--force"]], trialImage))];
    }
    case "podman":
      return removeEach(client, listed(client, ["ps", "--all", "--format", "{{.Names}}"]), [
        ["rm", "--force", "--time", "0"],
      ]);
    case "containerd": {
      const ends = [
        ["tasks", "kill", "--signal", "SIGKILL"],
        ["tasks", "rm", "--force"],
        ["containers", "rm"],
      ];
      return removeEach(client, listed(client, ["containers", "ls", "--quiet"]), ends);
    }
    case "runc":
      return removeBundles(scene);
  }
}

/** Of the names that a client prints, those of trials that nobody waits for. */
function listed(client: EngineClient, words: readonly string[]): readonly string[] {
  const said = client.ask(...words);
  return said.isGood ? said.text.split("\n").filter((name) => isAbandoned(name, PREFIX)) : [];
}

/** Only the last step has to succeed: those before it are for what may be over already. */
async function removeEach(
  { argv, run }: EngineClient,
  names: readonly string[],
  steps: readonly (readonly string[])[],
  target = (name: string): string => name,
): Promise<readonly string[]> {
  const left: string[] = [];
  for (const name of names) {
    let isGone = false;
    for (const step of steps) isGone = (await run([...argv, ...step, target(name)], REMOVE_MS)).exitCode === 0;
    if (!isGone)
      left.push(
        `"${target(name)}" could not be removed: ${[...argv, ...(steps.at(-1) ?? []), target(name)].join(" ")}`,
      );
  }
  return left;
}

async function removeBundles({ parent, runtime, client }: ClearScene): Promise<readonly string[]> {
  if (runtime === undefined) return [];
  for (const name of listFolders(parent)) {
    const state = join(parent, name, "state");
    const hasState = readOptional(state).includes(name);
    if (hasState) await client.run([runtime, "--root", state, "delete", "--force", name], REMOVE_MS);
  }
  return [];
}

/** Nothing is removed through a mount: what a container still has mounted stays. */
function clearFolders(parent: string): readonly string[] {
  const points = readMountTable();
  return listFolders(parent).flatMap((name) => {
    const folder = join(parent, name);
    const mounted = points.find(({ point }) => point === folder || point.startsWith(`${folder}/`));
    if (mounted !== undefined) return [`"${folder}" stays: something is mounted at "${mounted.point}"`];
    try {
      rmSync(folder, { recursive: true, force: true });
      return [];
    } catch (error) {
      const code = errnoCode(error);
      if (code === undefined) throw error;
      return [`"${folder}" could not be removed: ${code}`];
    }
  });
}

function listFolders(parent: string): readonly string[] {
  return readOptional(parent).filter((name) => isAbandoned(name, PREFIX));
}

function readOptional(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return [];
    throw error;
  }
}
