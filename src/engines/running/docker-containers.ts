import { escapeControls } from "../../base/index.ts";
import { isTable, textsOf } from "../any-value.ts";
import type { RunningDocker } from "./docker.ts";
import { socketOf } from "./docker-endpoint.ts";
import { getJson } from "./get-json.ts";
import type { RunningScene } from "./running.ts";

/** The names of a daemon's running containers; undefined: it does not say. Source: Docker Engine API, GET /containers/json. */
export async function runningContainers(
  { endpoint }: Pick<RunningDocker, "endpoint">,
  { timeoutMs }: Pick<RunningScene, "timeoutMs">,
): Promise<readonly string[] | undefined> {
  const socket = socketOf(endpoint);
  if (socket === undefined) return undefined;
  const got = await getJson(socket, "/containers/json", timeoutMs);
  if (!got.isGood || !Array.isArray(got.value)) return undefined;
  return got.value.map((each: unknown) => nameOf(each));
}

/** Without the slash that its names begin with. */
function nameOf(container: unknown): string {
  const name = isTable(container) ? textsOf(container["Names"])?.[0] : undefined;
  return escapeControls((name ?? "?").replace(/^\//, ""));
}
