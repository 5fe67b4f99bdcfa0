import { BerthError } from "../base/index.ts";
import { effectiveUid } from "../linux/index.ts";
import { findClient, type ClientScene } from "./ask-client.ts";
import { CONTAINER_ENGINES, type Answer, type ContainerEngine, type FoundContainer } from "./container.ts";
import { findTask } from "./find-task.ts";
import { inspectContainer } from "./inspect-container.ts";
import { isOwnProcess } from "./is-own-process.ts";
import { podmanFor, type Asker } from "./podman-users.ts";

export interface FindOptions {
  /** Undefined: every engine that is installed. */
  readonly engine?: ContainerEngine | undefined;
  /** A variable of whoever asks: PATH, DOCKER_HOST, DOCKER_CONTEXT, CONTAINERD_ADDRESS, CONTAINERD_NAMESPACE, SUDO_UID count. */
  readonly env: (name: string) => string | undefined;
  /** Milliseconds for each call of a client (10,000). */
  readonly timeoutMs?: number;
  /** Where this machine's processes are ("/proc"). */
  readonly proc?: string;
  readonly asker?: Asker;
}

const TIMEOUT_MS = 10_000;
const CLIENTS: Readonly<Record<ContainerEngine, string>> = { docker: "docker", podman: "podman", containerd: "ctr" };

/**
 * The running container of a name, an id or the beginning of one, with its first process on this machine. Engines are asked by their own clients. Throws BERTH-U001 for what
 * can be no name, BERTH-E001 when no engine knows it, E002 when several containers are meant, E003 when it does not run, E004 when its process is not of this machine.
 */
export function findContainer(nameOrId: string, options: FindOptions): FoundContainer {
  checkName(nameOrId);
  const scene: ClientScene = { env: options.env, timeoutMs: options.timeoutMs ?? TIMEOUT_MS };
  const asker = options.asker ?? { uid: effectiveUid(), passwd: "/etc/passwd" };
  const engines = options.engine === undefined ? CONTAINER_ENGINES : [options.engine];
  const answers = engines.flatMap((engine) => askEngine(nameOrId, engine, scene, asker));
  return choose(nameOrId, answers, options.proc ?? "/proc");
}

/** What no engine would take is never given to one: it could be an option, or a path. */
export function checkName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,255}$/.test(name)) return;
  throw new BerthError({
    code: "BERTH-U001",
    message: `Cannot find the container ${JSON.stringify(name.slice(0, 64))}: that is neither a name nor an id`,
    remedy: "name it as docker ps, podman ps or ctr tasks ls do",
  });
}

function askEngine(name: string, engine: ContainerEngine, scene: ClientScene, asker: Asker): readonly Answer[] {
  const client = findClient(CLIENTS[engine], scene);
  if (client === undefined) return [{ kind: "nothing", by: engine, why: `there is no "${CLIENTS[engine]}" in PATH` }];
  switch (engine) {
    case "docker":
      return [inspectContainer(name, { engine, by: engine, user: undefined, argv: [client], scene })];
    case "podman":
      return podmanFor(client, scene, asker).map((inspector) => inspectContainer(name, inspector));
    case "containerd":
      return findTask(name, client, scene);
  }
}

/** A container of Docker's is one of containerd's, too, and the `docker` of podman-docker is podman: the first that says it counts. */
function choose(name: string, answers: readonly Answer[], proc: string): FoundContainer {
  const running = answers.flatMap((answer) => (answer.kind === "running" ? [answer] : []));
  const here = running.filter(({ container, startedAt }) => isOwnProcess({ ...container, startedAt }, proc));
  const exact = here.filter(({ container }) => container.id === name || container.name === name);
  const [found, ...others] = byProcess((exact.length > 0 ? exact : here).map(({ container }) => container));
  if (found !== undefined && others.length > 0) throw severalFound(name, [found, ...others]);
  if (found !== undefined) return found;
  const [elsewhere] = running;
  if (elsewhere !== undefined) throw notHere(name, elsewhere.container);
  const stopped = answers.find((answer) => answer.kind === "stopped");
  throw stopped === undefined ? notFound(name, answers) : notRunning(name, stopped.container.engine, stopped.status);
}

function byProcess(containers: readonly FoundContainer[]): readonly FoundContainer[] {
  return [...new Map(containers.toReversed().map((each) => [each.pid, each])).values()].toReversed();
}

function notFound(name: string, answers: readonly Answer[]): BerthError {
  const said = answers.flatMap((answer) => (answer.kind === "nothing" ? [`${answer.by}: ${answer.why}`] : []));
  return new BerthError({
    code: "BERTH-E001",
    message: `Cannot find the container "${name}": no engine has it (${said.join("; ")})`,
    remedy: "list what there is: docker ps, podman ps, ctr namespaces ls and ctr -n NAMESPACE tasks ls",
  });
}

function severalFound(name: string, found: readonly FoundContainer[]): BerthError {
  const places = found.map(({ engine, namespace, user, id }) => {
    const where = [
      ...(namespace === undefined ? [] : [`, namespace "${namespace}"`]),
      ...(user === undefined ? [] : [`, user ${user}`]),
    ];
    return `${engine}${where.join("")}: ${id}`;
  });
  const isOneEngine = new Set(found.map(({ engine }) => engine)).size === 1;
  return new BerthError({
    code: "BERTH-E002",
    message: `Cannot tell which container "${name}" is: there are ${found.length} (${places.join("; ")})`,
    remedy: isOneEngine
      ? "name it by its whole id; CONTAINERD_NAMESPACE chooses a namespace of containerd"
      : `name the engine: ${[...new Set(found.map(({ engine }) => `--engine ${engine}`))].join(" or ")}`,
  });
}

function notRunning(name: string, engine: ContainerEngine, status: string): BerthError {
  const start = engine === "containerd" ? `ctr tasks start ${name}` : `${engine} start ${name}`;
  return new BerthError({
    code: "BERTH-E003",
    message: `Cannot reach the container "${name}" of ${engine}: it does not run (${status})`,
    remedy: `start it: ${start}`,
  });
}

function notHere(name: string, { engine, pid }: FoundContainer): BerthError {
  return new BerthError({
    code: "BERTH-E004",
    message: `Cannot reach the container "${name}" of ${engine}: process ${pid}, which ${engine} says is its first, is not that container's on this machine`,
    remedy:
      "run berth where the engine runs: DOCKER_HOST and docker context ls, or CONTAINER_HOST, say which machine that is",
  });
}
