import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { GLIBC_LOADER } from "./images/copied.ts";
import { debianTree } from "./images/debian.ts";
import { addProgram, makeBundle, runContainer, type Bundle, type Runtime } from "./lib/bundle.ts";
import { cudaProgram, probeProgram } from "./lib/compile.ts";
import { describeWith, program } from "./lib/gate.ts";
import { expectedListing, visibleDevices, WISHES } from "./lib/grants.ts";
import { parseProbe } from "./lib/probe.ts";
import { Scope } from "./lib/scope.ts";
import { pick, simHost, type SimHost } from "./lib/sim-host.ts";

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

  function bundleOf(args: readonly string[], devices: string | undefined): Bundle {
    const env = devices === undefined ? [] : [`NVIDIA_VISIBLE_DEVICES=${devices}`];
    return makeBundle(scope, debianTree(), { args, env });
  }

  for (const wish of WISHES) {
    test(`that asks for ${wish} lists exactly the GPUs that it was granted`, () => {
      const output = runContainer(shim, bundleOf(["nvidia-smi", "-L"], visibleDevices(wish, host)));
      const expected = expectedListing(wish, host);
      if (expected === undefined) expect(output.stderr).toMatch(/nvidia-smi.*: executable file not found/);
      else expect(output).toMatchObject({ stdout: expected, stderr: "" });
    });
  }

  test("finds libcuda.so.1 in its loader cache, together with the image's own libraries", () => {
    const { stdout } = runContainer(shim, bundleOf(["/sbin/ldconfig", "-p"], "all"));
    expect(stdout).toMatch(/^\tlibcuda\.so\.1 \(libc6,\S+\) => \/usr\/lib\/\S+\/libcuda\.so\.\S+$/m);
    expect(stdout).toMatch(/^\tlibz\.so\.1 /m);
  });

  test("starts a program that is linked against libcuda.so.1", () => {
    const bundle = bundleOf(["/cuda-program"], "0,5");
    addProgram(bundle, cudaProgram(GLIBC_LOADER, join(host.dir, "usr/lib/x86_64-linux-gnu/libcuda.so.1")));
    expect(runContainer(shim, bundle)).toEqual({ status: 0, stdout: "2 CUDA devices\n", stderr: "" });
  });

  test("cannot open a GPU that was not granted, even after making its node", () => {
    const [granted, other] = pick(host, 2, 3);
    const nodes = [`mknod=/tmp/own:195:${granted?.minor}`, `mknod=/tmp/other:195:${other?.minor}`];
    const bundle = bundleOf(["/probe", `open=/dev/nvidia${granted?.minor}`, ...nodes], "2");
    addProgram(bundle, probeProgram());
    const probe = parseProbe(runContainer(shim, bundle).stdout);
    // Nothing is behind a simulated node: allowed is ENXIO, refused is EPERM.
    expect(Object.values(probe.tries)).toEqual(["ENXIO", "ENXIO", "EPERM"]);
  });

  test("has no GPU without the shim", () => {
    const runc = { ...shim, argv: [shim.lowLevel] };
    expect(runContainer(runc, bundleOf(["nvidia-smi", "-L"], "all")).status).not.toBe(0);
  });

  test("gives its exit status to whoever called the runtime", () => {
    expect(runContainer(shim, bundleOf(["sh", "-c", "exit 42"], "0")).status).toBe(42);
  });
});
