import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, chmodSync } from "node:fs";
import { join } from "node:path";
import { GLIBC_LOADER } from "./images/copied.ts";
import { debianTree } from "./images/debian.ts";
import { makeBundle, runContainer, type Bundle, type Runtime } from "./lib/bundle.ts";
import { cudaProgram, probeProgram } from "./lib/compile.ts";
import { describeWith, program } from "./lib/gate.ts";
import { grantTable, wishOf } from "./lib/grants.ts";
import { parseProbe } from "./lib/probe.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

describeWith(["runc", "gcc", "debootstrap"], "a container started by runc through nvidia-container-runtime", () => {
  let scope: Scope;
  let host: SimHost;
  let shim: Runtime;
  let runc: Runtime;

  beforeAll(() => {
    scope = new Scope("runc");
    host = simHost(scope, "h100x8");
    runc = { argv: [program("runc")], lowLevel: program("runc") };
    shim = { argv: [host.runtime], lowLevel: program("runc") };
  }, 300_000);

  afterAll(() => scope.close());

  function bundleOf(args: readonly string[], env: readonly string[]): Bundle {
    return makeBundle(scope, debianTree(), { args, env });
  }

  for (const index of [0, 1, 2, 3, 4, 5]) {
    test(`sees exactly the GPUs of row ${index} of the table: ${rowName(index)}`, () => {
      const row = grantTable(host)[index];
      if (row === undefined) throw new RangeError("no such row");
      const bundle = bundleOf(["nvidia-smi", "-L"], wishOf(row));
      const output = runContainer(shim, bundle);
      if (row.gpus === undefined) {
        expect(output.stderr).toContain("nvidia-smi");
        expect(output.status).not.toBe(0);
      } else if (row.gpus.length === 0) {
        expect(output).toEqual({ status: 0, stdout: "No devices found.\n", stderr: "" });
      } else {
        expect(output).toEqual({ status: 0, stdout: listing(row.gpus), stderr: "" });
      }
    });
  }

  test("finds libcuda.so.1 in its loader cache, together with the image's own libraries", () => {
    const bundle = bundleOf(["/sbin/ldconfig", "-p"], ["NVIDIA_VISIBLE_DEVICES=all"]);
    const { stdout } = runContainer(shim, bundle);
    expect(stdout).toMatch(/^\tlibcuda\.so\.1 \(libc6,x86-64\) => \/usr\/lib\/x86_64-linux-gnu\/libcuda\.so\.1$/m);
    expect(stdout).toContain("libz.so.1 ");
  });

  test("starts a program that is linked against libcuda.so.1", () => {
    const library = join(host.dir, `usr/lib/x86_64-linux-gnu/libcuda.so.${host.driver}`);
    const bundle = bundleOf(["/cuda-program"], ["NVIDIA_VISIBLE_DEVICES=0,5"]);
    copyFileSync(cudaProgram(GLIBC_LOADER, library), join(bundle.rootfs, "cuda-program"));
    expect(runContainer(shim, bundle)).toEqual({ status: 0, stdout: "2 CUDA devices\n", stderr: "" });
  });

  test("cannot open a GPU that was not granted, even after making its node", () => {
    const [granted, other] = pick(host, 2, 3);
    const tries = [`open=/dev/nvidia${granted?.minor}`, `mknod=/tmp/own:195:${granted?.minor}`, `mknod=/tmp/other:195:${other?.minor}`];
    const bundle = bundleOf(["/probe", ...tries], ["NVIDIA_VISIBLE_DEVICES=2"]);
    copyFileSync(probeProgram(), join(bundle.rootfs, "probe"));
    chmodSync(join(bundle.rootfs, "probe"), 0o755);
    const probe = parseProbe(runContainer(shim, bundle).stdout);
    // Nothing is behind a simulated node: allowed is ENXIO, refused is EPERM.
    expect(Object.values(probe.tries)).toEqual(["ENXIO", "ENXIO", "EPERM"]);
  });

  test("gets nothing without the shim", () => {
    expect(runContainer(runc, bundleOf(["nvidia-smi", "-L"], ["NVIDIA_VISIBLE_DEVICES=all"])).status).not.toBe(0);
  });

  test("gives its own exit status to whoever called the runtime", () => {
    expect(runContainer(shim, bundleOf(["sh", "-c", "exit 42"], ["NVIDIA_VISIBLE_DEVICES=0"])).status).toBe(42);
  });
});

function rowName(index: number): string {
  return ["all", "one index", "two UUIDs", "none", "void", "unset"][index] ?? "";
}
