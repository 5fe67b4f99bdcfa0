import { askClient, type ClientScene } from "./ask-client.ts";
import type { Answer } from "./container.ts";

const BY = "containerd";
/** For a socket of this machine, where nobody listens; less than the limit of a call, so that the client's own words are heard. */
const CONNECT = ["--connect-timeout", "1s"];

/**
 * What containerd says of an id or the beginning of one, in every namespace (Docker's are in "moby", those of Kubernetes in "k8s.io") or in that of CONTAINERD_NAMESPACE. It
 * has no prefixes of its own; crictl and nerdctl take them. Source: containerd 1.7, ctr.
 */
export function findTask(id: string, client: string, scene: ClientScene): readonly Answer[] {
  const namespaces = listNamespaces(client, scene);
  if (typeof namespaces === "string") return [{ kind: "nothing", by: BY, why: namespaces }];
  const whys: string[] = [];
  const found = namespaces.flatMap((namespace) => {
    const said = askClient([client, ...CONNECT, "--namespace", namespace, "tasks", "ls"], scene);
    if (!said.isGood) whys.push(`namespace "${namespace}": ${said.why}`);
    return said.isGood ? matching(readTasks(said.text), id).map((task) => answerOf(task, namespace)) : [];
  });
  if (found.length > 0) return found;
  const looked = namespaces.length === 0 ? "it has no namespaces" : `no such task in ${namespaces.join(", ")}`;
  return [{ kind: "nothing", by: BY, why: [looked, ...whys].join("; ") }];
}

/** The namespaces, or why they are not known. */
function listNamespaces(client: string, scene: ClientScene): readonly string[] | string {
  const chosen = scene.env("CONTAINERD_NAMESPACE") ?? "";
  if (chosen !== "") return [chosen];
  const said = askClient([client, ...CONNECT, "namespaces", "ls", "--quiet"], scene);
  return said.isGood ? said.text.split("\n").filter((line) => line !== "") : said.why;
}

interface Task {
  readonly id: string;
  readonly pid: number;
  readonly status: string;
}

/** Reads the table that `ctr tasks ls` prints: TASK, PID, STATUS. */
export function readTasks(table: string): readonly Task[] {
  return table
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [id = "", pid, status = ""] = line.trim().split(/\s+/);
      return /^[1-9]\d*$/.test(pid ?? "") ? [{ id, pid: Number(pid), status }] : [];
    });
}

function matching(tasks: readonly Task[], id: string): readonly Task[] {
  const exact = tasks.filter((task) => task.id === id);
  return exact.length > 0 ? exact : tasks.filter((task) => /^[0-9a-f]{64}$/.test(task.id) && task.id.startsWith(id));
}

/** The process of a stopped task is gone, and its number may be another's. */
function answerOf({ id, pid, status }: Task, namespace: string): Answer {
  const container = { engine: BY, id, name: id, namespace, user: undefined } as const;
  if (status === "RUNNING" || status === "PAUSED")
    return { kind: "running", container: { ...container, pid }, startedAt: undefined };
  return { kind: "stopped", container, status: status.toLowerCase() };
}
