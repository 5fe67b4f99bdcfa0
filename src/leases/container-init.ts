import { existsSync } from "node:fs";
import { join } from "node:path";
import { tryJson } from "../base/index.ts";
import { readText } from "../linux/index.ts";

/** A container's first process, as its low-level runtime has written it down. */
export interface ContainerInit {
  readonly pid: number;
  /** Clock ticks since the boot. */
  readonly start: string;
  /** Folders of its control groups. */
  readonly cgroups: readonly string[];
}

/** runc writes its whole configuration, with every mount, beside what is looked for. */
const MAX_BYTES = 16 * 2 ** 20;
const MAX_PID = 4_194_304;
const CGROUPS = "/sys/fs/cgroup";
/** The hierarchies in which a container's processes are, if in any; "" is that of version 2. */
const HIERARCHIES = ["", "name=systemd", "pids", "devices"];

/**
 * The init of the container whose state is in `folder`; undefined: it says none, or nothing that can be read. Formats: `state.json` of runc 1.1 (libcontainer's State), `status` of
 * crun 1.21 (libcrun_container_status_s).
 */
export function readContainerInit(folder: string): ContainerInit | undefined {
  return ofRunc(readFields(join(folder, "state.json"))) ?? ofCrun(readFields(join(folder, "status")));
}

type Fields = Readonly<Record<string, unknown>>;

function readFields(path: string): Fields | undefined {
  try {
    const value = tryJson(readText(path, MAX_BYTES) ?? "");
    return isFields(value) ? value : undefined;
  } catch {
    // Whatever keeps it from being read, it names no process then.
    return undefined;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function ofRunc(fields: Fields | undefined): ContainerInit | undefined {
  if (fields === undefined) return undefined;
  const paths = fields["cgroup_paths"];
  const groups = isFields(paths) ? HIERARCHIES.map((name) => ownGroup(paths[name])) : [];
  return initOf(fields["init_process_pid"], fields["init_process_start"], groups);
}

/** crun gives one path for all hierarchies. */
function ofCrun(fields: Fields | undefined): ContainerInit | undefined {
  if (fields === undefined) return undefined;
  const path = fields["cgroup-path"];
  const isPath = typeof path === "string" && path.startsWith("/") && path !== "/";
  const groups = isPath
    ? ["", "/unified", "/systemd", "/pids", "/devices"].map((name) => ownGroup(`${CGROUPS}${name}${path}`))
    : [];
  return initOf(fields["pid"], fields["process-start-time"], groups);
}

function initOf(pid: unknown, start: unknown, groups: readonly (string | undefined)[]): ContainerInit | undefined {
  const ticks = typeof start === "number" || typeof start === "string" ? `${start}` : "";
  if (typeof pid !== "number" || !Number.isInteger(pid) || pid < 1 || pid > MAX_PID) return undefined;
  if (!/^[1-9]\d{0,19}$/.test(ticks)) return undefined;
  return { pid, start: ticks, cgroups: groups.filter((group) => group !== undefined) };
}

/** Never the top of a hierarchy, nor anything beyond it: there somebody always lives. */
function ownGroup(path: unknown): string | undefined {
  if (typeof path !== "string" || !path.startsWith(`${CGROUPS}/`) || path.length > 4096) return undefined;
  const names = path.slice(CGROUPS.length + 1).split("/");
  const isPlain = names.every((name) => name !== "" && name !== "." && name !== ".." && !name.includes("\n"));
  return isPlain && !(names.length === 1 && !isUnified()) ? path : undefined;
}

/** In version 1 every folder below is the top of a hierarchy. */
function isUnified(): boolean {
  return existsSync(join(CGROUPS, "cgroup.controllers"));
}
