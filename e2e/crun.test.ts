import { afterAll, beforeAll } from "bun:test";
import { debianTree } from "./images/debian.ts";
import type { Runtime } from "./lib/bundle.ts";
import { WITH_CGROUP2 } from "./lib/cgroup2.ts";
import { describeWith, program } from "./lib/gate.ts";
import { testLowLevelRuntime } from "./lib/low-level-tests.ts";
import { Scope } from "./lib/scope.ts";
import { setConfig, simHost, type SimHost } from "./lib/sim-host.ts";

describeWith(["crun", "gcc", "debootstrap"], "a container started by crun through nvidia-container-runtime", () => {
  let scope: Scope;
  let host: SimHost;
  let shim: Runtime;

  beforeAll(() => {
    scope = new Scope("crun");
    host = simHost(scope, "h100x8");
    setConfig(host, ['runtimes = ["runc", "crun"]', `runtimes = ["${program("crun")}"]`]);
    shim = { argv: [...WITH_CGROUP2, host.runtime], lowLevel: program("crun") };
    debianTree();
  }, 600_000);

  afterAll(() => scope.close());

  testLowLevelRuntime(() => ({ scope, host, shim }), /executable file `nvidia-smi` not found/);
});
