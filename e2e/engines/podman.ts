import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { program } from "../lib/gate.ts";
import { must, run, type Output } from "../lib/run.ts";
import type { Scope } from "../lib/scope.ts";

export interface Podman {
  /** The words before the command. */
  readonly client: readonly string[];
  readonly run: (...args: readonly string[]) => Output;
  /** The same, for a command that must end well: its standard output without the last line's end. */
  readonly must: (...args: readonly string[]) => string;
}

/** A podman with images and containers of its own, whose runtime is the given program. */
export function setUpPodman(scope: Scope, runtime: string): Podman {
  const folder = scope.folder("podman");
  const places = ["root", "runroot", "tmpdir", "volumepath"].flatMap((name) => {
    const path = join(folder, name);
    mkdirSync(path);
    return [`--${name}`, path];
  });
  const settings = ["--cgroup-manager", "cgroupfs", "--events-backend", "file", "--log-level", "error"];
  const client = [program("podman"), ...places, ...settings, "--runtime", runtime];
  // podman 5 warns of cgroups v1 on each call.
  const env = { PATH: process.env["PATH"] ?? "", PODMAN_IGNORE_CGROUPSV1_WARNING: "1" };
  scope.defer(() => run([...client, "rm", "--all", "--force", "--time", "0"], { env }));
  return {
    client,
    run: (...args) => run([...client, ...args], { env }),
    must: (...args) => must([...client, ...args], { env }).trimEnd(),
  };
}

/** `podman import` of a tree. `changes` are lines of a Dockerfile, as ENV. */
export function importIntoPodman(podman: Podman, tree: string, name: string, changes: readonly string[] = []): void {
  const words = [...podman.client, "import", "--quiet", ...changes.flatMap((line) => ["--change", line]), "-", name];
  must(["sh", "-ec", 'tar -C "$1" -c . | { shift; "$@"; }', "sh", tree, ...words]);
}
