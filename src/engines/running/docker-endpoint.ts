import { join } from "node:path";
import { escapeControls, messageOf, sha256Of } from "../../base/index.ts";
import { readText } from "../../linux/index.ts";
import { isTable, valueAt } from "../any-value.ts";
import type { RunningScene } from "./running.ts";

/** The daemon that Docker's client speaks to. */
export interface DockerEndpoint {
  /** "unix:///var/run/docker.sock", "ssh://…", "tcp://…". */
  readonly endpoint: string;
  /** The context that says so; undefined: DOCKER_HOST does, or the daemon itself. */
  readonly context: string | undefined;
}

export const USUAL_ENDPOINT = "unix:///var/run/docker.sock";
const CONFIG_BYTES = 1024 * 1024;

/**
 * Where the client's commands of this caller go: DOCKER_HOST, then DOCKER_CONTEXT, then the current context of its
 * configuration, then the usual socket (docker/cli, "docker context"). Gives a sentence where that cannot be told.
 */
export function dockerEndpoint({ env }: Pick<RunningScene, "env">): DockerEndpoint | string {
  const named = env("DOCKER_HOST") ?? "";
  if (named !== "") return { endpoint: named, context: undefined };
  const folder = env("DOCKER_CONFIG") ?? join(env("HOME") ?? "/root", ".docker");
  const config = readObject(join(folder, "config.json"));
  if (typeof config === "string") return config;
  const context = firstText(env("DOCKER_CONTEXT"), config?.["currentContext"]) ?? "default";
  return context === "default" ? { endpoint: USUAL_ENDPOINT, context } : endpointOf(context, folder);
}

function firstText(...values: readonly unknown[]): string | undefined {
  return values.filter((value) => typeof value === "string").find((value) => value !== "");
}

/** The file of a context is named after the hash of its name (docker/cli, cli/context/store). */
function endpointOf(context: string, folder: string): DockerEndpoint | string {
  const hash = sha256Of(context);
  const meta = readObject(join(folder, "contexts/meta", hash, "meta.json"));
  if (typeof meta === "string") return meta;
  const endpoint = meta === undefined ? undefined : valueAt(meta, "Endpoints", "docker", "Host");
  if (typeof endpoint === "string" && endpoint !== "") return { endpoint, context };
  return `its client is to use the context ${JSON.stringify(context)}, which is not in "${folder}"`;
}

/** Undefined: there is no such file. A sentence: it cannot be used. */
function readObject(path: string): Readonly<Record<string, unknown>> | string | undefined {
  try {
    const text = readText(path, CONFIG_BYTES);
    if (text === undefined) return undefined;
    const value: unknown = JSON.parse(text);
    return isTable(value) ? value : `"${path}" holds no object`;
  } catch (thrown) {
    return `"${path}" cannot be read: ${escapeControls(messageOf(thrown))}`;
  }
}

/** The path of a Unix socket; undefined: the endpoint is none. */
export function socketOf(endpoint: string): string | undefined {
  const path = /^unix:\/\/(\/.+)$/.exec(endpoint)?.[1];
  return path;
}
