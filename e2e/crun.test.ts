import { afterAll, beforeAll } from "bun:test";
import { debianTree } from "./images/debian.ts";
import type { Runtime } from "./lib/bundle.ts";
import { describeWith, program } from "./lib/gate.ts";
import { testLowLevelRuntime } from "./lib/low-level-tests.ts";
import { Scope } from "./lib/scope.ts";
import { setConfig, simHost, type SimHost } from "./lib/sim-host.ts";

/** crun refuses the mixed hierarchies of cgroups v1 and v2: here it sees version 2 only, in a mount namespace of its own. */
const WITH_CGROUP2 = [
  "unshare",
  "--mount",
  "sh",
  "-c",
  'umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"',
  "sh",
];

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
