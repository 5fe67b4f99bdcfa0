import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { program } from "./gate.ts";
import { must, run, type Output } from "./run.ts";
import { endProcess, type Scope, waitFor } from "./scope.ts";

const READY_MS = 60_000;

/**
 * Starts a daemon in a mount namespace of its own, so that no mount of it outlives it, and ends it with the scope. `prepare` is a
 * shell line that runs first in that namespace. It dies with this process, however that ends.
 */
function startDaemon(scope: Scope, folder: string, argv: readonly string[], prepare = "true"): void {
  const log = openSync(join(folder, "log"), "w");
  const inside = ["sh", "-ec", `${prepare}; exec "$@"`, "sh", ...argv];
  const child = Bun.spawn(
    ["unshare", "--mount", "--propagation", "private", "setpriv", "--pdeathsig", "KILL", ...inside],
    {
      stdin: "ignore",
      stdout: log,
      stderr: log,
    },
  );
  closeSync(log);
  scope.defer(() => endProcess(child.pid));
}

function tailOf(folder: string): string {
  return readFileSync(join(folder, "log"), "utf8").slice(-2000);
}

export interface Docker {
  readonly host: string;
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
}

/** A dockerd with data, socket and configuration of its own, whose runtime `nvidia` is the given program. */
export function startDocker(scope: Scope, { runtime, settings = {}, prepare }: DockerOptions): Docker {
  const folder = scope.folder("docker");
  const host = `unix://${join(folder, "socket")}`;
  const config = {
    "data-root": join(folder, "data"),
    "exec-root": join(folder, "exec"),
    pidfile: join(folder, "pid"),
    hosts: [host],
    iptables: false,
    ip6tables: false,
    bridge: "none",
    "storage-driver": "overlay2",
    runtimes: { nvidia: { path: runtime } },
    ...settings,
  };
  writeFileSync(join(folder, "daemon.json"), JSON.stringify(config, undefined, 2));
  startDaemon(scope, folder, [program("dockerd"), "--config-file", join(folder, "daemon.json")], prepare);
  const client = [program("docker"), "--host", host];
  const isReady = (): true | undefined => (run([...client, "version"]).status === 0 ? true : undefined);
  waitFor(isReady, READY_MS, () => tailOf(folder));
  scope.defer(() => {
    const ids = run([...client, "ps", "--quiet"])
      .stdout.split("\n")
      .filter(Boolean);
    if (ids.length > 0) run([...client, "rm", "--force", ...ids]);
  });
  const env = { ...cleanEnv(), DOCKER_BUILDKIT: "0", DOCKER_CONFIG: folder };
  return {
    host,
    run: (...args) => run([...client, ...args], { env }),
    must: (...args) => must([...client, ...args], { env }).trimEnd(),
  };
}

function cleanEnv(): Record<string, string> {
  const entries = Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return Object.fromEntries(entries);
}

/** `docker import` of a tree. `changes` are lines of a Dockerfile, as ENV. */
export function importImage(docker: Docker, tree: string, name: string, changes: readonly string[] = []): void {
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

/** A containerd with folders and a socket of its own. */
export function startContainerd(scope: Scope): Containerd {
  const folder = scope.folder("containerd");
  const address = join(folder, "socket");
  const config = join(folder, "config.toml");
  mkdirSync(join(folder, "root"));
  writeFileSync(
    config,
    `version = 2\nroot = "${folder}/root"\nstate = "${folder}/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "${address}"\n`,
  );
  startDaemon(scope, folder, [program("containerd"), "--config", config]);
  const client = [program("ctr"), "--address", address];
  const isReady = (): true | undefined => (run([...client, "version"]).status === 0 ? true : undefined);
  waitFor(isReady, READY_MS, () => tailOf(folder));
  return { address, run: (...args) => run([...client, ...args]) };
}
