import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Runtime, Spec } from "./bundle.ts";
import type { Scope } from "./scope.ts";
import type { SimHost } from "./sim-host.ts";

/** Adds to a spec what dockerd adds for `--gpus`. */
export function addPrestartHook(spec: Spec, host: SimHost, options: readonly string[] = []): void {
  const path = join(host.bin, "nvidia-container-runtime-hook");
  spec.hooks = {
    ...spec.hooks,
    prestart: [{ path, args: [path, ...options, "prestart"], env: ["PATH=/usr/bin:/bin"] }],
  };
}

/** A low-level runtime that does the same with every bundle before it starts: a script, so that whole groups of tests can run with the hook in place of the runtime. */
export function withPrestartHook(scope: Scope, host: SimHost, { argv, lowLevel }: Runtime): Runtime {
  const script = join(scope.folder("with-hook"), "runtime");
  const path = join(host.bin, "nvidia-container-runtime-hook");
  const hooks = `"hooks": {"prestart": [{"path": "${path}", "args": ["${path}", "prestart"], "env": ["PATH=/usr/bin:/bin"]}]},`;
  const lines = [
    "#!/bin/sh",
    'bundle="" next=""',
    'for word; do [ "$next" = --bundle ] && bundle=$word; next=$word; done',
    `[ -z "$bundle" ] || sed -i 's#^ "hostname"# ${hooks} "hostname"#' "$bundle/config.json"`,
    `exec ${argv.map((word) => `'${word}'`).join(" ")} "$@"`,
    "",
  ];
  writeFileSync(script, lines.join("\n"));
  chmodSync(script, 0o755);
  return { argv: [script], lowLevel };
}
