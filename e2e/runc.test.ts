import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { debianTree } from "./images/debian.ts";
import { runContainer, startContainer, type Runtime } from "./lib/bundle.ts";
import { describeWith, program } from "./lib/gate.ts";
import { bundleOf, testLowLevelRuntime } from "./lib/low-level-tests.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

describeWith(["runc", "gcc", "debootstrap"], "a container started by runc through nvidia-container-runtime", () => {
  let scope: Scope;
  let host: SimHost;
  let shim: Runtime;

  beforeAll(() => {
    scope = new Scope("runc");
    host = simHost(scope, "h100x8");
    shim = { argv: [host.runtime], lowLevel: program("runc") };
    debianTree();
  }, 600_000);

  afterAll(() => scope.close());

  testLowLevelRuntime(() => ({ scope, host, shim }), /nvidia-smi.*: executable file not found/);

  test("on a host with MIG lists the whole GPUs and every MIG device for all, and the parent alone for its index", () => {
    const mig = simHost(scope, "a100x8-mig");
    const list = (devices: string): string => {
      return runContainer({ ...shim, argv: [mig.runtime] }, bundleOf(scope, ["nvidia-smi", "-L"], devices)).stdout;
    };
    const profile: { gpus: { uuid: string; mig?: { uuid: string }[] }[] } = JSON.parse(
      readFileSync(join(import.meta.dir, "../src/sim/profiles/a100x8-mig.json"), "utf8"),
    );
    const uuids = profile.gpus.flatMap(({ uuid, mig: parts = [] }) => [uuid, ...parts.map((part) => part.uuid)]);
    expect(uuids.length).toBeGreaterThan(8);
    const seen = [...list("all").matchAll(/UUID: ([^)]+)\)/g)].map(([, uuid]) => uuid);
    expect(seen).toEqual(uuids);
    expect(list("0")).toBe(listing(pick(mig, 0)));
  });

  test("on a host whose driver does not know the UUIDs yet gets GPUs by index, and by UUID a refusal that says why", () => {
    const unknown = simHost(scope, "h100x8-uuid-unknown");
    const ask = (devices: string) =>
      runContainer({ ...shim, argv: [unknown.runtime] }, bundleOf(scope, ["nvidia-smi", "-L"], devices));
    expect(ask("1,6").stdout).toBe(listing(pick(unknown, 1, 6)));
    expect(ask(unknown.gpus[0]?.uuid ?? "").stderr).toMatch(/BERTH-R001.*not yet told the UUIDs/);
  });

  test("is one of 64 that start at once, and each sees its own GPU and no other", async () => {
    const bundles = Array.from({ length: 64 }, (_, number) =>
      bundleOf(scope, ["nvidia-smi", "-L"], String(number % 8)),
    );
    const outputs = await Promise.all(bundles.map((bundle) => startContainer(shim, bundle)));
    expect(outputs).toEqual(
      bundles.map((_, number) => ({ status: 0, stdout: listing(pick(host, number % 8)), stderr: "" })),
    );
  }, 120_000);

  test("has no GPU without the shim", () => {
    const runc = { ...shim, argv: [shim.lowLevel] };
    expect(runContainer(runc, bundleOf(scope, ["nvidia-smi", "-L"], "all")).status).not.toBe(0);
  });

  test("gives its exit status to whoever called the runtime", () => {
    expect(runContainer(shim, bundleOf(scope, ["sh", "-c", "exit 42"], "0")).status).toBe(42);
  });
});
