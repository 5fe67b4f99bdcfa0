import { afterAll, beforeAll, expect, test } from "bun:test";
import { debianTree } from "./images/debian.ts";
import { makeBundle, runContainer, type Runtime } from "./lib/bundle.ts";
import { WITH_CGROUP2 } from "./lib/cgroup2.ts";
import { describeWith, program } from "./lib/gate.ts";
import { testLowLevelRuntime } from "./lib/low-level-tests.ts";
import { addPrestartHook, withPrestartHook } from "./lib/prestart.ts";
import { readMountTable, Scope } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";

describeWith(["runc", "gcc", "debootstrap"], "a container that runc starts with the prestart hook", () => {
  let scope: Scope;
  let host: SimHost;
  let runtime: Runtime;

  beforeAll(() => {
    scope = new Scope("hook-runc");
    host = simHost(scope, "h100x8");
    runtime = withPrestartHook(scope, host, { argv: [program("runc")], lowLevel: program("runc") });
    debianTree();
  }, 600_000);

  afterAll(() => scope.close());

  testLowLevelRuntime(() => ({ scope, host, shim: runtime }), /nvidia-smi.*: executable file not found/);

  test("without a mount namespace of its own is refused: what is mounted for it would stay on the machine", () => {
    const bundle = makeBundle(scope, debianTree(), {
      args: ["true"],
      env: ["NVIDIA_VISIBLE_DEVICES=3"],
      edit: (spec) => {
        addPrestartHook(spec, host);
        spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "mount");
        spec.mounts = [];
        spec.linux.maskedPaths = [];
        spec.linux.readonlyPaths = [];
      },
    });
    const ofDriver = (): string[] => readMountTable().filter((line) => line.includes(host.dir));
    const before = ofDriver();
    const runc = { argv: [program("runc")], lowLevel: program("runc") };
    const { status, stderr } = runContainer(runc, bundle);
    expect(status).not.toBe(0);
    expect(stderr).toContain("BERTH-P004");
    expect(ofDriver()).toEqual(before);
  });
});

describeWith(
  ["crun", "gcc", "debootstrap"],
  "a container that crun starts with the prestart hook, on cgroups v2",
  () => {
    let scope: Scope;
    let host: SimHost;
    let runtime: Runtime;

    beforeAll(() => {
      scope = new Scope("hook-crun");
      host = simHost(scope, "h100x8");
      runtime = withPrestartHook(scope, host, { argv: [...WITH_CGROUP2, program("crun")], lowLevel: program("crun") });
      debianTree();
    }, 600_000);

    afterAll(() => scope.close());

    testLowLevelRuntime(() => ({ scope, host, shim: runtime }), /nvidia-smi.*No such file/);
  },
);
