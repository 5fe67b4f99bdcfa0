import { afterAll, beforeAll, expect, test } from "bun:test";
import { debianTree } from "./images/debian.ts";
import { addProgram, makeBundle, runContainer, type Bundle, type Runtime } from "./lib/bundle.ts";
import { probeProgram } from "./lib/compile.ts";
import { describeWith, program } from "./lib/gate.ts";
import { expectedListing, visibleDevices, WISHES } from "./lib/grants.ts";
import { parseProbe } from "./lib/probe.ts";
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

  function bundleOf(args: readonly string[], devices: string | undefined): Bundle {
    const env = devices === undefined ? [] : [`NVIDIA_VISIBLE_DEVICES=${devices}`];
    return makeBundle(scope, debianTree(), { args, env });
  }

  for (const wish of WISHES) {
    test(`that asks for ${wish} lists exactly the GPUs that it was granted`, () => {
      const output = runContainer(shim, bundleOf(["nvidia-smi", "-L"], visibleDevices(wish, host)));
      const expected = expectedListing(wish, host);
      if (expected === undefined) expect(output.stderr).toContain("executable file `nvidia-smi` not found");
      else expect(output).toMatchObject({ stdout: expected, stderr: "" });
    });
  }

  test("cannot open a GPU that was not granted, even after making its node", () => {
    const bundle = bundleOf(["/probe", "mknod=/tmp/own:195:2", "mknod=/tmp/other:195:3"], "2");
    addProgram(bundle, probeProgram());
    const probe = parseProbe(runContainer(shim, bundle).stdout);
    expect(Object.values(probe.tries)).toEqual(["ENXIO", "EPERM"]);
  });
});
