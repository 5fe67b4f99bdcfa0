import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { program } from "./gate.ts";
import { must, run, type Output } from "./run.ts";
import { endProcess, isAlive, type Scope, waitFor } from "./scope.ts";

const READY_MS = 60_000;

/** Starts a daemon, which ends with the scope, and dies with this process however that ends. */
function startDaemon(scope: Scope, folder: string, argv: readonly string[]): number {
  const log = openSync(join(folder, "log"), "w");
  const child = Bun.spawn(["setpriv", "--pdeathsig", "KILL", ...argv], { stdin: "ignore", stdout: log, stderr: log });
  closeSync(log);
  scope.defer(() => endProcess(child.pid));
  return child.pid;
}

/** In a mount namespace of its own no mount of a daemon outlives it; it does not see later mounts of the machine either. */
function withOwnMounts(prepare: string, argv: readonly string[]): string[] {
  return ["unshare", "--mount", "sh", "-ec", `${prepare}; exec "$@"`, "sh", ...argv];
}

/** With networks of its own, too: the bridges and rules that it makes end with it, and its ports are nobody else's. */
export function withOwnNetworks(argv: readonly string[]): string[] {
  return ["unshare", "--net", ...withOwnMounts("busybox ifconfig lo 127.0.0.1 up", argv)];
}

/** Waits until a client's command is answered. Throws with the end of the daemon's log when it has ended or takes too long. */
function waitForAnswer(pid: number, folder: string, client: readonly string[]): void {
  const check = (): "answered" | "ended" | undefined => {
    if (!isAlive(pid)) return "ended";
    return run([...client, "version"]).status === 0 ? "answered" : undefined;
  };
  if (waitFor(check, READY_MS, () => tailOf(folder)) === "ended")
    throw new Error(`the daemon ended: ${tailOf(folder)}`);
}

function tailOf(folder: string): string {
  return readFileSync(join(folder, "log"), "utf8").slice(-2000);
}

export interface Docker {
  readonly host: string;
  readonly pid: number;
  /** `docker …` against this daemon. */
  readonly run: (...args: readonly string[]) => Output;
  /** The same, for a command that must end well: its standard output without the last line's end. */
  readonly must: (...args: readonly string[]) => string;
}

export interface DockerOptions {
  readonly runtime: string;
  /** Further keys of daemon.json. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Runs first, as root, in the daemon's mount namespace. */
  readonly prepare?: string;
  /** A folder that stands first in its PATH. */
  readonly path?: string;
  /** Whether it has networks of its own, and can make some. */
  readonly hasNetworks?: boolean;
}

/** A dockerd with data, socket and configuration of its own, whose runtime `nvidia` is the given program. */
export function startDocker(scope: Scope, options: DockerOptions): Docker {
  const { runtime, settings = {}, prepare = "true", path, hasNetworks = false } = options;
  const folder = scope.folder("docker");
  const host = `unix://${join(folder, "socket")}`;
  const config = { ...dockerSettings(folder), runtimes: { nvidia: { path: runtime } }, ...settings };
  writeFileSync(join(folder, "daemon.json"), JSON.stringify(config, undefined, 2));
  const env = path === undefined ? [] : ["env", `PATH=${path}:${process.env["PATH"] ?? ""}`];
  const argv = [...env, program("dockerd"), "--config-file", join(folder, "daemon.json")];
  const mounted = withOwnMounts(prepare, argv);
  const pid = startDaemon(scope, folder, hasNetworks ? withOwnNetworks(mounted) : mounted);
  waitForAnswer(pid, folder, [program("docker"), "--host", host]);
  return { ...dockerAt(scope, folder), pid };
}

/** The keys of a daemon.json that keep a dockerd to a folder of its own; its socket is there, too. */
export function dockerSettings(folder: string): Readonly<Record<string, unknown>> {
  return {
    "data-root": join(folder, "data"),
    "exec-root": join(folder, "exec"),
    pidfile: join(folder, "pid"),
    hosts: [`unix://${join(folder, "socket")}`],
    iptables: false,
    ip6tables: false,
    bridge: "none",
    "storage-driver": "overlay2",
  };
}

/** The client of a dockerd that has such settings, running or not yet. Its containers end with the scope. */
export function dockerAt(scope: Scope, folder: string): Omit<Docker, "pid"> {
  const host = `unix://${join(folder, "socket")}`;
  const client = [program("docker"), "--host", host];
  scope.defer(() => {
    const ids = run([...client, "ps", "--quiet"])
      .stdout.split("\n")
      .filter(Boolean);
    if (ids.length > 0) run([...client, "rm", "--force", ...ids]);
  });
  const clientEnv = { ...cleanEnv(), DOCKER_BUILDKIT: "0", DOCKER_CONFIG: folder };
  return {
    host,
    run: (...args) => run([...client, ...args], { env: clientEnv }),
    must: (...args) => must([...client, ...args], { env: clientEnv }).trimEnd(),
  };
}

function cleanEnv(): Record<string, string> {
  const entries = Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return Object.fromEntries(entries);
}

/** `docker import` of a tree. `changes` are lines of a Dockerfile, as ENV. */
export function importImage(
  docker: Pick<Docker, "host">,
  tree: string,
  name: string,
  changes: readonly string[] = [],
): void {
  const words = [
    "docker",
    "--host",
    docker.host,
    "import",
    ...changes.flatMap((line) => ["--change", line]),
    "-",
    name,
  ];
  must(["sh", "-ec", 'tar -C "$1" -c . | { shift; "$@"; }', "sh", tree, ...words]);
}

export interface Containerd {
  readonly address: string;
  readonly run: (...args: readonly string[]) => Output;
}

/** A containerd with folders and a socket of its own. `cri` turns on what the kubelet speaks to, and is TOML for that plugin. */
export function startContainerd(scope: Scope, cri?: string): Containerd {
  const folder = scope.folder("containerd");
  const address = join(folder, "socket");
  const config = join(folder, "config.toml");
  const plugin = "io.containerd.grpc.v1.cri";
  mkdirSync(join(folder, "root"));
  const lines = [
    `version = 2\nroot = "${folder}/root"\nstate = "${folder}/state"`,
    ...(cri === undefined ? [`disabled_plugins = ["${plugin}"]`] : []),
    `[grpc]\naddress = "${address}"`,
    ...(cri === undefined ? [] : [`[plugins."${plugin}"]\n${cri}`]),
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  return runContainerd(scope, folder, address, ["--config", config]);
}

/** The same on a configuration that is there; where its folders and its socket are is said beside it. */
export function startContainerdOn(scope: Scope, config: string): Containerd {
  const folder = scope.folder("containerd");
  const address = join(folder, "socket");
  const words = ["--root", join(folder, "root"), "--state", join(folder, "state"), "--address", address];
  return runContainerd(scope, folder, address, ["--config", config, ...words]);
}

function runContainerd(scope: Scope, folder: string, address: string, words: readonly string[]): Containerd {
  const pid = startDaemon(scope, folder, [program("containerd"), ...words]);
  const client = [program("ctr"), "--address", address];
  waitForAnswer(pid, folder, client);
  return { address, run: (...args) => run([...client, ...args]) };
}
