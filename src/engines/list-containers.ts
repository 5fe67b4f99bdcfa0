import { tryJson } from "../base/index.ts";
import { effectiveUid } from "../linux/index.ts";
import { askClient } from "./ask-client.ts";
import { isTable, textsOf, valueAt } from "./any-value.ts";
import { findInspectors, type InspectorOptions } from "./inspectors.ts";
import { dockerEndpoint, socketOf } from "./running/docker-endpoint.ts";
import { getJson } from "./running/get-json.ts";

/** A running container as its engine lists it. */
export interface ListedContainer {
  readonly id: string;
  readonly engine: "docker" | "podman" | "containerd" | "cri-o";
  /** Whose engine it is; undefined: root's. */
  readonly user: number | undefined;
  readonly name: string | undefined;
  readonly image: string | undefined;
  /** Of Compose. */
  readonly project: string | undefined;
  /** Of Kubernetes. */
  readonly pod?: ListedPod | undefined;
}

export interface ListedPod {
  readonly name: string;
  readonly namespace: string | undefined;
}

/** All containers that one engine of one user has; where it does not say, there is no listing of it. */
export interface Listing {
  readonly engine: ListedContainer["engine"];
  readonly user: number | undefined;
  readonly containers: readonly ListedContainer[];
}

export interface ListOptions extends Pick<InspectorOptions, "env" | "asker"> {
  /** For each engine. */
  readonly timeoutMs: number;
}

/** Docker's running containers, asked over the socket of its client's endpoint. Source: Docker Engine API, GET /containers/json. */
export async function listDocker({ env, timeoutMs }: ListOptions): Promise<readonly Listing[]> {
  const endpoint = dockerEndpoint({ env });
  const socket = typeof endpoint === "string" ? undefined : socketOf(endpoint.endpoint);
  if (socket === undefined) return [];
  const got = await getJson(socket, "/containers/json", timeoutMs);
  const user = /^\/run\/user\/(\d{1,10})\//.exec(socket)?.[1];
  return got.isGood ? toListing(got.value, "docker", user === undefined ? undefined : Number(user)) : [];
}

/** podman's running containers, of whoever asks and of the user behind sudo. Source: podman-ps(1). */
export function listPodman({ timeoutMs, ...options }: ListOptions): readonly Listing[] {
  const inspectors = findInspectors({ ...options, timeoutMs, engine: "podman" });
  const own = options.asker?.uid ?? effectiveUid();
  return inspectors.flatMap(({ argv, scene, user }) => {
    const said = askClient([...argv, "ps", "--no-trunc", "--format", "json"], scene);
    return said.isGood ? toListing(tryJson(said.text), "podman", user ?? (own === 0 ? undefined : own)) : [];
  });
}

/** What is no list says nothing. */
function toListing(value: unknown, engine: "docker" | "podman", user: number | undefined): readonly Listing[] {
  if (!Array.isArray(value)) return [];
  const list: readonly unknown[] = value;
  const containers = list.flatMap((each) => {
    const id = isTable(each) ? each["Id"] : undefined;
    if (!isTable(each) || typeof id !== "string") return [];
    const [image, project] = [each["Image"], valueAt(each, "Labels", "com.docker.compose.project")].map(textOrNone);
    return [{ id, engine, user, name: textsOf(each["Names"])?.[0]?.replace(/^\//, ""), image, project }];
  });
  return [{ engine, user, containers }];
}

function textOrNone(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
