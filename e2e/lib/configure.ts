import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Spec } from "./bundle.ts";
import type { Scope } from "./scope.ts";
import type { SimHost } from "./sim-host.ts";

/** The words of NVIDIA's hook for two GPUs, without the process and the root file system. Source: nvidia-container-toolkit 1.20, cmd/nvidia-container-runtime-hook. */
export const HOOK_WORDS = [
  "--load-kmods",
  "configure",
  "--cuda-compat-mode=ldconfig",
  "--ldconfig=@/sbin/ldconfig",
  "--device=0,3",
  "--compute",
  "--utility",
];

/** A prestart hook in place of NVIDIA's: a script that calls nvidia-container-cli with its own words, then the pid from the state on stdin, and the root file system. */
export function makeConfigureHook(scope: Scope, host: SimHost): string {
  const script = join(scope.folder("hook"), "hook");
  const lines = [
    "#!/bin/sh",
    `pid=$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p')`,
    "rootfs=$1; shift",
    `exec ${join(host.bin, "nvidia-container-cli")} "$@" "--pid=$pid" "$rootfs"`,
    "",
  ];
  writeFileSync(script, lines.join("\n"));
  chmodSync(script, 0o755);
  return script;
}

/** Has the low-level runtime start that script with these words. */
export function addConfigureHook(spec: Spec, script: string, rootfs: string, words: readonly string[]): void {
  spec.hooks = { prestart: [{ path: script, args: [script, rootfs, ...words], env: ["PATH=/usr/bin:/bin"] }] };
}
