import { chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { program } from "../lib/gate.ts";
import { holdMountNamespace } from "../lib/namespace.ts";
import { must, run, type Output } from "../lib/run.ts";
import { endProcess, type Scope } from "../lib/scope.ts";

export interface Podman {
  /** The words before the command. */
  readonly client: readonly string[];
  readonly run: (...args: readonly string[]) => Output;
  /** The same, for a command that must end well: its standard output without the last line's end. */
  readonly must: (...args: readonly string[]) => string;
}

const SETTINGS = ["--cgroup-manager", "cgroupfs", "--events-backend", "file", "--log-level", "error"];

/**
 * A podman with images and containers of its own, whose runtime is the given program. `before` are words that stand before podman's own, as those that start it in a mount
 * namespace.
 */
export function setUpPodman(scope: Scope, runtime: string, before: readonly string[] = []): Podman {
  const folder = scope.folder("podman");
  const places = ["root", "runroot", "tmpdir", "volumepath"].flatMap((name) => {
    const path = join(folder, name);
    mkdirSync(path);
    return [`--${name}`, path];
  });
  const client = [...before, program("podman"), ...places, ...SETTINGS, "--runtime", runtime];
  // podman 5 warns of cgroups v1 on each call.
  const env = { PATH: process.env["PATH"] ?? "", PODMAN_IGNORE_CGROUPSV1_WARNING: "1", TMPDIR: folder };
  scope.defer(() => run([...client, "rm", "--all", "--force", "--time", "0"], { env }));
  return {
    client,
    run: (...args) => run([...client, ...args], { env }),
    must: (...args) => must([...client, ...args], { env }).trimEnd(),
  };
}

/** A user of the machine's that is there for one podman only, and the first of those that its containers have. */
const [USER, SUB_USER] = [4242, 300_000];

/**
 * The same for a user without rights, in a mount namespace. The user, its range of others and the given device nodes exist there alone: what cannot make a node has the
 * machine's own bound into its containers, by the same path. `mounts` is a shell script that runs there as root, with `etc` as a folder that goes over /etc.
 */
export function setUpRootlessPodman(
  scope: Scope,
  runtime: string,
  { nodes, mounts }: { readonly nodes: string; readonly mounts: (etc: string) => string },
): Podman {
  const folder = scope.folder("rootless");
  const etc = join(folder, "etc");
  for (const path of [etc, ...["home", "run", "dev"].map((name) => join(folder, name))]) mkdirSync(path);
  for (const name of ["subuid", "subgid"]) writeFileSync(join(etc, name), `${USER}:${SUB_USER}:65536\n`);
  writeFileSync(join(etc, "passwd"), `${readFileSync("/etc/passwd", "utf8")}rootless:x:${USER}:${USER}::/:/bin/sh\n`);
  writeFileSync(join(etc, "group"), `${readFileSync("/etc/group", "utf8")}rootless:x:${USER}:\n`);
  for (const name of ["home", "run"]) chownSync(join(folder, name), USER, USER);
  const prepare = `${mounts(etc)} && ${mountNodes(nodes, join(folder, "dev"))}`;
  const user = ["setpriv", "--reuid", `${USER}`, "--regid", `${USER}`, "--clear-groups", "env", "-i"];
  const env = [`PATH=${process.env["PATH"]}`, `HOME=${folder}/home`, `XDG_RUNTIME_DIR=${folder}/run`];
  const places = ["--root", `${folder}/home/root`, "--runroot", `${folder}/run/root`, "--tmpdir", `${folder}/run/tmp`];
  const podman = ["PODMAN_IGNORE_CGROUPSV1_WARNING=1", program("podman"), ...places, ...SETTINGS, "--runtime", runtime];
  const client = [...holdMountNamespace(scope, prepare), ...user, ...env, ...podman];
  scope.defer(() => endPause(`${folder}/run`));
  scope.defer(() => run([...client, "rm", "--all", "--force", "--time", "0"]));
  return {
    client,
    run: (...args) => run([...client, ...args]),
    must: (...args) => must([...client, ...args]).trimEnd(),
  };
}

/** The shell script that adds device nodes to /dev, which is another one from then on. `old` is an empty folder. */
export function mountNodes(nodes: string, old: string): string {
  return [
    `mount --rbind /dev ${old} && mount -t tmpfs -o mode=755 tmpfs /dev && mkdir /dev/pts /dev/shm`,
    `cp -a ${["null", "zero", "full", "random", "urandom", "tty", "ptmx", "fd"].map((name) => `${old}/${name}`).join(" ")} /dev`,
    `mount --bind ${old}/pts /dev/pts && mount -t tmpfs -o mode=1777 tmpfs /dev/shm && cp -a ${nodes}/. /dev`,
  ].join(" && ");
}

/** The process that keeps a user's namespaces for the next podman. */
function endPause(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith("pause.pid")) continue;
    endProcess(Number(readFileSync(join(folder, name), "utf8")));
  }
}

/** The shell script that makes `specs` the only folder of CDI files: podman 5.4 has them in /etc/cdi and /run/cdi, and nowhere else. `etc` goes over /etc. */
export function mountCdiFolder(specs: string, etc: string): string {
  mkdirSync(join(etc, "cdi"), { recursive: true });
  return [
    `mount -t overlay overlay -o lowerdir=${etc}:/etc /etc`,
    `mount --bind ${specs} /etc/cdi`,
    "if test -d /run/cdi; then mount -t tmpfs tmpfs /run/cdi; fi",
  ].join(" && ");
}

/** `podman import` of a tree. `changes` are lines of a Dockerfile, as ENV. */
export function importIntoPodman(podman: Podman, tree: string, name: string, changes: readonly string[] = []): void {
  const words = [...podman.client, "import", "--quiet", ...changes.flatMap((line) => ["--change", line]), "-", name];
  must(["sh", "-ec", 'tar -C "$1" -c . | { shift; "$@"; }', "sh", tree, ...words]);
}
