import { afterAll, beforeAll, expect, test } from "bun:test";
import { debianTree } from "./images/debian.ts";
import { makeBundle, newContainerId } from "./lib/bundle.ts";
import { startContainerd, type Containerd } from "./lib/daemon.ts";
import { describeWith } from "./lib/gate.ts";
import { expectedListing, visibleDevices, WISHES } from "./lib/grants.ts";
import type { Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";

describeWith(
  ["containerd", "ctr", "runc", "debootstrap"],
  "a container of containerd with the shim as its runc",
  () => {
    let scope: Scope;
    let host: SimHost;
    let containerd: Containerd;

    beforeAll(() => {
      scope = new Scope("containerd");
      host = simHost(scope, "h100x8");
      debianTree();
      containerd = startContainerd(scope);
    }, 600_000);

    afterAll(() => scope.close());

    function runGpu(devices: string | undefined, args: readonly string[]): Output {
      const { rootfs } = makeBundle(scope, debianTree(), { args: [] });
      const wish = devices === undefined ? [] : ["--env", `NVIDIA_VISIBLE_DEVICES=${devices}`];
      // From an image, ctr would take the variable from there.
      const path = ["--env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"];
      const words = [
        "run",
        "--rm",
        "--runc-binary",
        host.runtime,
        ...path,
        ...wish,
        "--rootfs",
        rootfs,
        newContainerId(),
      ];
      return containerd.run(...words, ...args);
    }

    for (const wish of WISHES) {
      test(`that asks for ${wish} lists exactly the GPUs that it was granted`, () => {
        const output = runGpu(visibleDevices(wish, host), ["nvidia-smi", "-L"]);
        const expected = expectedListing(wish, host);
        if (expected === undefined) expect(output.stderr).toMatch(/nvidia-smi.*: executable file not found/);
        else expect(output).toMatchObject({ stdout: expected, stderr: "" });
      });
    }

    test("gives its exit status to ctr", () => {
      expect(runGpu("0", ["sh", "-c", "exit 9"]).status).toBe(9);
    });

    test("that is refused says why in ctr's own message", () => {
      expect(runGpu("12", ["true"]).stderr).toMatch(/nvidia-container-runtime: BERTH-R001: .*GPU 12.*; remedy: /);
    });
  },
);
