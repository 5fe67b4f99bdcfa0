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
  const own = join(bin, "podman");
  writeFileSync(
    own,
    podman === undefined ? "#!/bin/sh\nexit 1\n" : `#!/bin/sh\nexec ${podman.client.join(" ")} "$@"\n`,
  );
  chmodSync(own, 0o755);
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
