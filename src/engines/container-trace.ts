import { BerthError } from "../base/index.ts";
import { askClient } from "./ask-client.ts";
import { valueAt } from "./any-value.ts";
import { checkName } from "./find-container.ts";
import { parseInspection, textAt, type Inspector } from "./inspect-container.ts";
import { findInspectors, type InspectorOptions } from "./inspectors.ts";

/** What an engine keeps of a container that did not start, or has ended. */
export interface ContainerTrace {
  readonly engine: "docker" | "podman";
  readonly id: string;
  /** "exited", "created", "running". */
  readonly status: string;
  readonly exitCode: number | undefined;
  /** Why it could not be started; "": it could. */
  readonly error: string;
  /** The end of what it printed. */
  readonly log: string;
}

const LINES = "200";

/**
 * What Docker or podman says of a container, running or not, by its name, its id or the beginning of one. The first
 * that knows it counts; containerd keeps no error. Throws BERTH-U001 for what can be no name, and E001 when none has
 * it.
 */
export function readContainerTrace(name: string, options: InspectorOptions): ContainerTrace {
  checkName(name);
  const whys: string[] = [];
  for (const inspector of findInspectors(options)) {
    const said = askClient([...inspector.argv, "container", "inspect", "--", name], inspector.scene);
    const trace = said.isGood ? readTrace(said.text, inspector) : undefined;
    if (trace !== undefined) return trace;
    whys.push(`${inspector.by}: ${said.isGood ? "its answer cannot be understood" : said.why}`);
  }
  throw new BerthError({
    code: "BERTH-E001",
    message: `Cannot find the container "${name}": neither Docker nor podman has it (${whys.join("; ") || "neither is in PATH"})`,
    remedy: "docker ps --all and podman ps --all list what there is; an error text goes in quotes, or on stdin",
  });
}

function readTrace(text: string, inspector: Inspector): ContainerTrace | undefined {
  const top = parseInspection(text);
  const id = textAt(top, ["Id"]);
  if (top === undefined || id === undefined) return undefined;
  const exitCode = valueAt(top, "State", "ExitCode");
  return {
    engine: inspector.engine,
    id,
    status: textAt(top, ["State", "Status"]) ?? "unknown",
    exitCode: typeof exitCode === "number" ? exitCode : undefined,
    error: textAt(top, ["State", "Error"]) ?? "",
    log: readLog(id, inspector),
  };
}

/** A container that never ran has no log, and some log drivers give none back. */
function readLog(id: string, { argv, scene }: Inspector): string {
  const said = askClient([...argv, "logs", "--tail", LINES, id], scene);
  return said.isGood ? `${said.text}${said.errors}` : "";
}
