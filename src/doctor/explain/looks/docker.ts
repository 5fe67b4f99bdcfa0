import { compareVersions } from "../../../base/index.ts";
import { GPUS_HOOK, type RunningDocker } from "../../../engines/index.ts";
import type { Daemon } from "../daemon.ts";
import { titleOf } from "../../cdi/check-engines.ts";
import { seen, unseen, type Here } from "../known-error.ts";
import type { Machine, ProgramFile } from "../machine.ts";
import { lookAtDriver } from "./driver.ts";

const FIRST_WITH_CDI = "25";
const RESTART = "systemctl restart docker";

/**
 * Why dockerd has no GPU driver, the first of the reasons that holds: another daemon, no dockerd here, no GPU, no hook,
 * a dockerd that is older than the hook.
 */
export async function lookForGpuDriver(machine: Machine): Promise<Here> {
  const docker = await machine.docker();
  const elsewhere = docker.isKnown ? lookAtKind(docker.value) : lookForDockerd(machine);
  const reason = elsewhere ?? lookAtDriver(machine);
  if (reason !== undefined) return reason;
  return lookForHook(machine, docker.isKnown ? docker.value.process?.pid : undefined);
}

/** The hook that dockerd looks for when it starts; `pid`: the one that answers. */
function lookForHook(machine: Machine, pid: number | undefined): Here {
  const daemon = machine.daemon(pid ?? "dockerd");
  if (!daemon.isKnown) return unseen("dockerd", daemon.why);
  if (pid !== undefined && daemon.value === undefined)
    return unseen(`what PATH dockerd has (process ${pid})`, `it is no process of the root "${machine.root}"`);
  const hook = machine.program(GPUS_HOOK, daemon.value?.searchPath);
  if (!hook.isKnown) return unseen(GPUS_HOOK, hook.why);
  if (hook.value !== undefined) return lookAtAge(daemon.value, hook.value);
  const folders = daemon.value?.searchPath?.join(":") ?? "the usual folders";
  return seen(
    `dockerd looks for the program "${GPUS_HOOK}" in its PATH when it starts, and it is not there (${folders})`,
    `berth install; ${RESTART}`,
  );
}

/** The hook is there: dockerd may have been started before it came. */
function lookAtAge(daemon: Daemon | undefined, { path, changedAt }: ProgramFile): Here {
  if (daemon === undefined)
    return seen(
      `"${path}" is there and no dockerd runs here: the client speaks to another daemon`,
      "docker context ls",
    );
  if (isOlder(daemon, changedAt))
    return seen(`dockerd (process ${daemon.pid}) was started before "${path}" came here`, RESTART);
  return seen(
    `dockerd (process ${daemon.pid}) was started when "${path}" was there: it has a GPU driver now, or the client speaks to another daemon`,
    "docker context ls; then start the container again",
  );
}

/** A daemon that cannot have this machine's GPUs; undefined: it can. */
function lookAtKind({ kind, endpoint, context }: RunningDocker): Here | undefined {
  switch (kind) {
    case "desktop":
      return seen(
        `the client speaks to Docker Desktop (${context ?? endpoint}), whose virtual machine has no GPU of this machine`,
        "docker context use default, with Docker's own packages installed",
      );
    case "remote":
      return seen(
        `the client speaks to "${endpoint}", a daemon of another machine`,
        "docker context ls; or run this there",
      );
    case "snap":
      return snap();
    case "rootless":
    case "system":
      return undefined;
  }
}

function snap(): Here {
  return seen(
    "the Docker of this machine is a snap, which sees neither the driver nor programs in /usr/bin",
    "snap remove docker, then install Docker's own packages",
  );
}

/** No daemon answers: what the files say. Undefined: a dockerd is installed here. */
function lookForDockerd(machine: Machine): Here | undefined {
  const engine = machine.engine("docker");
  if (!engine.isKnown) return unseen("Docker", engine.why);
  return engine.value === undefined ? noDockerd(machine) : undefined;
}

function isOlder({ startedAt }: Daemon, changedAt: Date | undefined): boolean {
  return startedAt !== undefined && changedAt !== undefined && startedAt < changedAt;
}

function noDockerd(machine: Machine): Here {
  return (
    lookForVirtual(machine) ??
    seen(
      `there is no dockerd under "${machine.root}": the daemon runs on another machine`,
      "docker context ls; then run this where the daemon runs",
    )
  );
}

/** A daemon of this machine that sees another one's files; undefined: there is none. */
function lookForVirtual(machine: Machine): Here | undefined {
  const folder = machine.stat("/var/snap/docker");
  if (folder.isKnown && folder.value !== undefined) return snap();
  const desktop = machine.stat("/opt/docker-desktop");
  if (desktop.isKnown && desktop.value !== undefined)
    return seen(
      "Docker Desktop runs its daemon in a virtual machine, which has no GPU of this machine",
      "docker context use default, with Docker's own packages installed",
    );
  return undefined;
}

/** Whether Docker knows CDI, for an error that says that it does not. */
export async function lookAtDockerCdi(machine: Machine): Promise<Here> {
  const docker = await machine.docker();
  const elsewhere = docker.isKnown ? lookAtKind(docker.value) : lookForDockerd(machine);
  if (elsewhere !== undefined) return elsewhere;
  if (docker.isKnown && docker.value.cdiSpecDirs.length === 0) {
    const { version } = docker.value;
    const isOld = compareVersions(version, FIRST_WITH_CDI) < 0;
    const remedy = isOld ? "install Docker 25 or newer" : "berth setup docker --cdi";
    return seen(`CDI is off in the dockerd ${version} that answers`, remedy);
  }
  if (docker.isKnown)
    return seen(`CDI is on in the dockerd ${docker.value.version} that answers now`, "start the container again");
  return lookAtCdiInFiles(machine);
}

function lookAtCdiInFiles(machine: Machine): Here {
  const engine = machine.engine("docker");
  if (!engine.isKnown) return unseen("Docker", engine.why);
  if (engine.value === undefined) return noDockerd(machine);
  const { cdi } = engine.value;
  const title = titleOf(engine.value);
  if (cdi.kind === "off") return seen(`CDI is off in ${title}: ${cdi.why}`, cdi.remedy);
  if (cdi.kind === "unknown") return unseen(`whether CDI is on in ${title}`, cdi.why);
  return (
    lookAtSettingsAge(machine) ??
    seen(
      `CDI is on in ${title}: the client speaks to another daemon, or the daemon was told otherwise by an option`,
      "docker info",
    )
  );
}

/** Why dockerd does not know a runtime. */
export async function lookForRuntime(machine: Machine, [name = "nvidia"]: readonly string[]): Promise<Here> {
  const docker = await machine.docker();
  const elsewhere = docker.isKnown ? lookAtKind(docker.value) : lookForDockerd(machine);
  if (elsewhere !== undefined) return elsewhere;
  if (docker.isKnown && docker.value.runtimes.has(name))
    return seen(`the dockerd that answers knows the runtime "${name}" now`, "start the container again");
  return lookInSettings(machine, docker.isKnown ? docker.value.configFile : undefined, name);
}

/** What daemon.json says of a runtime; `file`: the one of the dockerd that answers. */
function lookInSettings(machine: Machine, file: string | undefined, name: string): Here {
  const settings = machine.dockerSettings(file);
  if (!settings.isKnown) return seen(settings.why, `mend daemon.json, then: ${RESTART}`);
  const { path, top, runtimes } = settings.value;
  const add =
    name === "nvidia"
      ? "berth setup docker"
      : `add "runtimes": { "${name}": { "path": "nvidia-container-runtime" } } to ${path}, then: ${RESTART}`;
  if (top === undefined) return seen(`there is no "${path}", where runtimes are named`, add);
  if (!runtimes.includes(name)) {
    const others = runtimes.length === 0 ? "no runtime" : `only ${runtimes.join(", ")}`;
    return seen(`"${path}" names ${others}`, add);
  }
  return (
    lookAtSettingsAge(machine) ?? seen(`"${path}" names the runtime "${name}", and dockerd has not read it`, RESTART)
  );
}

function lookAtSettingsAge(machine: Machine): Here | undefined {
  const [settings, daemon] = [machine.dockerSettings(), machine.daemon("dockerd")];
  if (!settings.isKnown || !daemon.isKnown || daemon.value === undefined) return undefined;
  const { path, changedAt } = settings.value;
  if (!isOlder(daemon.value, changedAt)) return undefined;
  return seen(`dockerd (process ${daemon.value.pid}) was started before "${path}" was changed`, RESTART);
}

/** Whether daemon.json can be read at all. */
export function lookAtSettings(machine: Machine): Here {
  const settings = machine.dockerSettings();
  if (!settings.isKnown) return seen(settings.why, "mend that place, then: systemctl restart docker");
  const { path, top } = settings.value;
  return seen(top === undefined ? `there is no "${path}"` : `"${path}" is valid JSON now`, RESTART);
}

/** Why no dockerd answers. */
export async function lookForAnswer(machine: Machine): Promise<Here> {
  const docker = await machine.docker();
  if (docker.isKnown)
    return seen(`the dockerd ${docker.value.version} behind "${docker.value.endpoint}" answers now`, "try it again");
  const engine = machine.engine("docker");
  if (engine.isKnown && engine.value === undefined)
    return (
      lookForVirtual(machine) ??
      seen(`no dockerd is installed under "${machine.root}"`, "install docker-ce or docker.io")
    );
  const settings = machine.dockerSettings();
  if (!settings.isKnown) return seen(settings.why, `mend daemon.json, then: ${RESTART}`);
  const daemon = machine.daemon("dockerd");
  if (daemon.isKnown && daemon.value === undefined) return seen("no dockerd runs on this machine");
  return unseen("why", docker.why);
}

/** Whether the program of a runtime is there now. */
export function lookForRuntimeProgram(machine: Machine, [program = ""]: readonly string[]): Here {
  const [name = ""] = program.split("/").slice(-1);
  const found = program.startsWith("/") ? machine.stat(program) : machine.program(name);
  if (!found.isKnown) return unseen(`"${program}"`, found.why);
  if (found.value === undefined) return seen(`there is no "${program}" on this machine`);
  return seen(`"${program}" is there now`, "start the container again");
}
