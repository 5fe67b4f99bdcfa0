import { BerthError } from "../../base/index.ts";
import {
  findUnit,
  knows,
  reloadDocker,
  restartDaemon,
  runningContainers,
  type Activated,
  type EngineWish,
  type RunningDocker,
  type ServiceUnit,
  type SetupSite,
  type SetupTarget,
} from "../../engines/index.ts";
import { askUser, canAsk } from "../ask-user.ts";
import type { World } from "../context.ts";
import { say } from "./print-plan.ts";

/** How a daemon is made to take its files over. */
export interface TakeOver {
  readonly need: "reload" | "restart" | "none";
  /** `--restart`: nobody is asked. */
  readonly isAgreed: boolean;
  /** The answer of one who has been asked already whether Docker may read its file again. */
  readonly mayReload?: boolean;
  /** What Docker says once it has taken them over. */
  readonly isThere: (docker: RunningDocker) => boolean;
}

/** What became of it: `later` was said to the user, with the command. */
export type TakenOver =
  | { readonly kind: "done" | "later" }
  | {
      readonly kind: "failed";
      readonly why: string;
      readonly by: "reload" | "restart";
      readonly unit: ServiceUnit | undefined;
    };

/**
 * Reloads or restarts a daemon, the latter after a question. Where the restart is put off, Docker takes over by a
 * reload what it can. Throws G018.
 */
export async function takeOver(world: World, site: SetupSite, target: SetupTarget, how: TakeOver): Promise<TakenOver> {
  const { daemon, title } = target;
  if (how.need === "none" || daemon === undefined) return { kind: "done" };
  const unit = findUnit(target.engine, daemon, site.scene);
  if (how.need === "reload") return reload(world, site, target, { ...how, unit });
  if (await agrees(world, site, target, { unit, isAgreed: how.isAgreed })) {
    const activated = unit === undefined ? noUnit(target) : await restartDaemon(site, target, unit, how.isThere);
    if (!activated.isGood) return { kind: "failed", why: activated.why, by: "restart", unit };
    say(world, title, "restarted");
    return { kind: "done" };
  }
  const reloaded = target.engine === "docker" ? await reload(world, site, target, { ...how, unit }) : undefined;
  if (reloaded?.kind === "failed") return reloaded;
  say(world, title, `it has to be restarted before all of this counts: ${unit?.restart ?? byHand(target)}`);
  return { kind: "later" };
}

/** Whether Docker may read its file again: who sits at a terminal is asked; it touches no container. */
export function agreesToReload(world: World, { title }: SetupTarget, isAgreed: boolean): boolean {
  if (isAgreed || !canAsk()) return true;
  return askUser(world.note, `${title} has to read its file again, which touches no container. Now?`);
}

async function reload(
  world: World,
  site: SetupSite,
  target: SetupTarget,
  { unit, isThere, isAgreed, mayReload }: TakeOver & { readonly unit: ServiceUnit | undefined },
): Promise<TakenOver> {
  if (target.daemon === undefined) return { kind: "done" };
  if (!(mayReload ?? agreesToReload(world, target, isAgreed))) {
    say(world, target.title, `it has to read its file again before this counts: kill -HUP ${target.daemon.pid}`);
    return { kind: "later" };
  }
  const activated = await reloadDocker(site, target.daemon, isThere);
  if (!activated.isGood) return { kind: "failed", why: activated.why, by: "reload", unit };
  say(world, target.title, "reloaded, without a container being touched");
  return { kind: "done" };
}

function noUnit(target: SetupTarget): Activated {
  throw new BerthError({
    code: "BERTH-G018",
    message: `Cannot restart ${target.engine}: process ${target.daemon?.pid} belongs to no service of systemd, so berth does not know how it was started`,
    remedy: `${byHand(target)}, then: berth setup ${target.engine}`,
  });
}

function byHand({ daemon }: SetupTarget): string {
  return `end process ${daemon?.pid} and start it again the way it was started`;
}

interface Question {
  readonly unit: ServiceUnit | undefined;
  readonly isAgreed: boolean;
}

async function agrees(
  world: World,
  site: SetupSite,
  target: SetupTarget,
  { unit, isAgreed }: Question,
): Promise<boolean> {
  const stopping = await stoppedBy(site, target);
  if (isAgreed) {
    if (stopping !== "") say(world, target.title, `the restart stops ${stopping}`);
    return true;
  }
  if (unit === undefined || !canAsk()) {
    if (stopping !== "") say(world, target.title, `a restart stops ${stopping}`);
    return false;
  }
  return askUser(
    world.note,
    `${target.title} has to be restarted (${unit.restart})${stopping === "" ? "" : `, which stops ${stopping}`}. Now?`,
  );
}

const MAX_NAMES = 10;

/** The containers that a restart ends; empty: none. Those of containerd and cri-o go on without it. */
async function stoppedBy({ scene }: SetupSite, { docker }: SetupTarget): Promise<string> {
  if (docker === undefined || docker.isLiveRestore) return "";
  const names = await runningContainers(docker, scene);
  if (names === undefined) return docker.containersRunning === 0 ? "" : `${docker.containersRunning} containers`;
  if (names.length === 0) return "";
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  return `${names.length === 1 ? "the container" : "the containers"} ${names.slice(0, MAX_NAMES).join(", ")}${more}`;
}

/** What a wish is to have become in Docker. */
export function wished(wish: EngineWish): (docker: RunningDocker) => boolean {
  return (docker) => knows(docker, wish);
}
