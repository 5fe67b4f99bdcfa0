import { tryJson } from "../base/index.ts";
import { askClient, type ClientScene } from "./ask-client.ts";
import { valueAt, isTable } from "./any-value.ts";
import type { Answer } from "./container.ts";

/** Docker's client, or podman for one user; both print the same fields. */
export interface Inspector {
  readonly engine: "docker" | "podman";
  /** For messages: "podman of user 1000". */
  readonly by: string;
  readonly user: number | undefined;
  /** The client, and what stands before it. */
  readonly argv: readonly string[];
  readonly scene: ClientScene;
}

/** What an engine says of a name, a whole id or the beginning of one, as its own commands take it. Source: docker-container-inspect(1), podman-container-inspect(1). */
export function inspectContainer(name: string, inspector: Inspector): Answer {
  const said = askClient([...inspector.argv, "container", "inspect", "--", name], inspector.scene);
  if (!said.isGood) return { kind: "nothing", by: inspector.by, why: said.why };
  return readInspection(said.text, inspector);
}

/** Reads the JSON array of one container. */
export function readInspection(text: string, { engine, by, user }: Omit<Inspector, "argv" | "scene">): Answer {
  const top = parseInspection(text);
  const [id, name, status] = [["Id"], ["Name"], ["State", "Status"]].map((keys) => textAt(top, keys));
  if (top === undefined || id === undefined) return { kind: "nothing", by, why: "its answer cannot be understood" };
  // Docker's names begin with a slash.
  const container = { engine, id, name: (name ?? id).replace(/^\//, ""), namespace: undefined, user };
  const pid = valueAt(top, "State", "Pid");
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0)
    return { kind: "stopped", container, status: status ?? "not running" };
  return { kind: "running", container: { ...container, pid }, startedAt: textAt(top, ["State", "StartedAt"]) };
}

type Table = Readonly<Record<string, unknown>>;

/** The first object of the JSON array that `inspect` prints. */
export function parseInspection(text: string): Table | undefined {
  const list = tryJson(text);
  const first: unknown = Array.isArray(list) ? list[0] : undefined;
  return isTable(first) ? first : undefined;
}

/** A text that is not empty. */
export function textAt(top: Table | undefined, keys: readonly string[]): string | undefined {
  const value = top === undefined ? undefined : valueAt(top, ...keys);
  return typeof value === "string" && value !== "" ? value : undefined;
}
