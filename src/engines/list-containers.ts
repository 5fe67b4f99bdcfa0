import { effectiveUid } from "../linux/index.ts";
import { askClient } from "./ask-client.ts";
import { isTable, textsOf, valueAt } from "./any-value.ts";
import { findInspectors, type InspectorOptions } from "./inspectors.ts";
import { dockerEndpoint, socketOf } from "./running/docker-endpoint.ts";
import { getJson } from "./running/get-json.ts";

/** A running container as its engine lists it. */
export interface ListedContainer {
  readonly id: string;
  readonly engine: "docker" | "podman";
  /** Whose engine it is; undefined: root's. */
  readonly user: number | undefined;
  readonly name: string | undefined;
  readonly image: string | undefined;
  /** Of Compose. */
  readonly project: string | undefined;
}

export interface ListOptions extends Pick<InspectorOptions, "env" | "asker"> {
  /** For each engine. */
  readonly timeoutMs: number;
}

/** Docker's running containers, asked over the socket of its client's endpoint; none where it does not say. Source: Docker Engine API, GET /containers/json. */
export async function listDocker({ env, timeoutMs }: ListOptions): Promise<readonly ListedContainer[]> {
  const endpoint = dockerEndpoint({ env });
  const socket = typeof endpoint === "string" ? undefined : socketOf(endpoint.endpoint);
  if (socket === undefined) return [];
  const got = await getJson(socket, "/containers/json", timeoutMs);
  const user = /^\/run\/user\/(\d{1,10})\//.exec(socket)?.[1];
  return got.isGood ? toContainers(got.value, "docker", user === undefined ? undefined : Number(user)) : [];
}

/** podman's running containers, of whoever asks and of the user behind sudo; none where it does not say. Source: podman-ps(1). */
export function listPodman({ timeoutMs, ...options }: ListOptions): readonly ListedContainer[] {
  const inspectors = findInspectors({ ...options, timeoutMs, engine: "podman" });
  const own = options.asker?.uid ?? effectiveUid();
  return inspectors.flatMap(({ argv, scene, user }) => {
    const said = askClient([...argv, "ps", "--no-trunc", "--format", "json"], scene);
    return said.isGood ? toContainers(parseOrNone(said.text), "podman", user ?? (own === 0 ? undefined : own)) : [];
  });
}

function parseOrNone(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    // What is no list names no container.
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

function toContainers(
  value: unknown,
  engine: ListedContainer["engine"],
  user: number | undefined,
): readonly ListedContainer[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  return list.flatMap((each) => {
    const id = isTable(each) ? each["Id"] : undefined;
    if (!isTable(each) || typeof id !== "string") return [];
    const [image, project] = [each["Image"], valueAt(each, "Labels", "com.docker.compose.project")].map(textOrNone);
    return [{ id, engine, user, name: textsOf(each["Names"])?.[0]?.replace(/^\//, ""), image, project }];
  });
}

function textOrNone(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
