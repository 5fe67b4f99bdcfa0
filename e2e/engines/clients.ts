import { chmodSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Containerd, Docker } from "../lib/daemon.ts";
import { findProgram } from "../lib/gate.ts";
import type { Scope } from "../lib/scope.ts";
import type { Podman } from "./podman.ts";

/** The engines that a caller has. */
export interface Engines {
  readonly docker?: Docker;
  readonly podman?: Podman;
  readonly containerd?: Containerd;
}

/** The environment of a caller whose clients are those of these engines. podman has no variable that names its storage: a program of the same name has it. */
export function clientEnv(scope: Scope, { docker, podman, containerd }: Engines): Readonly<Record<string, string>> {
  const bin = scope.folder("bin");
  const put = (name: string, script: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  put("podman", podman === undefined ? "exit 1" : `exec ${podman.client.join(" ")} "$@"`);
  // The real one would wait for a daemon that is not there.
  if (containerd === undefined) put("ctr", "exit 1");
  const folders = ["docker", "ctr"].flatMap((name) => {
    const path = findProgram(name);
    return path === null ? [] : [dirname(path)];
  });
  return {
    PATH: [bin, ...folders, "/usr/sbin", "/usr/bin", "/sbin", "/bin"].join(":"),
    HOME: scope.dir,
    DOCKER_HOST: docker?.host ?? `unix://${scope.dir}/no-docker`,
    CONTAINERD_ADDRESS: containerd?.address ?? `${scope.dir}/no-containerd`,
  };
}
