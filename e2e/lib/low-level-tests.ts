import { expect, test } from "bun:test";
import { join } from "node:path";
import { GLIBC_LOADER } from "../images/copied.ts";
import { debianTree } from "../images/debian.ts";
import { addProgram, makeBundle, runContainer, type Bundle, type Runtime } from "./bundle.ts";
import { cudaProgram, probeProgram } from "./compile.ts";
import { expectedListing, visibleDevices, WISHES } from "./grants.ts";
import { parseProbe } from "./probe.ts";
import type { Scope } from "./scope.ts";
import { pick, type SimHost } from "./sim-host.ts";

/** What the tests of one low-level runtime stand on, once their scope is open. */
export interface Stage {
  readonly scope: Scope;
  readonly host: SimHost;
  /** nvidia-container-runtime of that host, with this low-level runtime behind it. */
  readonly shim: Runtime;
}

/** A bundle of the Debian-like image that asks for `devices`; undefined: it does not ask. */
export function bundleOf(scope: Scope, args: readonly string[], devices: string | undefined): Bundle {
  const env = devices === undefined ? [] : [`NVIDIA_VISIBLE_DEVICES=${devices}`];
  return makeBundle(scope, debianTree(), { args, env });
}

/** The tests that every low-level runtime has to pass; `notFound` is how it says that there is no nvidia-smi. */
export function testLowLevelRuntime(stage: () => Stage, notFound: RegExp): void {
  const run = (devices: string | undefined, ...args: readonly string[]) => {
    return runContainer(stage().shim, bundleOf(stage().scope, args, devices));
  };

  for (const wish of WISHES) {
    test(`that asks for ${wish} lists exactly the GPUs that it was granted`, () => {
      const output = run(visibleDevices(wish, stage().host), "nvidia-smi", "-L");
      const expected = expectedListing(wish, stage().host);
      if (expected === undefined) expect(output.stderr).toMatch(notFound);
      else expect(output).toMatchObject({ stdout: expected, stderr: "" });
    });
  }

  test("finds libcuda.so.1 in its loader cache, together with the image's own libraries", () => {
    const { stdout } = run("all", "/sbin/ldconfig", "-p");
    expect(stdout).toMatch(/^\tlibcuda\.so\.1 \(libc6,\S+\) => \/usr\/lib\/\S+\/libcuda\.so\.\S+$/m);
    expect(stdout).toMatch(/^\tlibz\.so\.1 /m);
  });

  test("starts a program that is linked against libcuda.so.1", () => {
    const { scope, host, shim } = stage();
    const bundle = bundleOf(scope, ["/cuda-program"], "0,5");
    addProgram(bundle, cudaProgram(GLIBC_LOADER, join(host.dir, "usr/lib/x86_64-linux-gnu/libcuda.so.1")));
    expect(runContainer(shim, bundle)).toEqual({ status: 0, stdout: "2 CUDA devices\n", stderr: "" });
  });

  test("cannot open a GPU that was not granted, even after making its node", () => {
    const { scope, host, shim } = stage();
    const [granted, other] = pick(host, 2, 3);
    const nodes = [`mknod=/tmp/own:195:${granted?.minor}`, `mknod=/tmp/other:195:${other?.minor}`];
    const bundle = bundleOf(scope, ["/probe", `open=/dev/nvidia${granted?.minor}`, ...nodes], "2");
    addProgram(bundle, probeProgram());
    const probe = parseProbe(runContainer(shim, bundle).stdout);
    // Nothing is behind a simulated node: allowed is ENXIO, refused is EPERM.
    expect(Object.values(probe.tries)).toEqual(["ENXIO", "ENXIO", "EPERM"]);
  });
}
