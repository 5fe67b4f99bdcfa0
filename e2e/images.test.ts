import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { GLIBC_LOADER, makeAlpineLike, makeDistroless, makeRhelLike, MUSL_LOADER } from "./images/copied.ts";
import { debianTree } from "./images/debian.ts";
import { addProgram, makeBundle, makePlainBundle, runContainer, type Bundle, type Runtime } from "./lib/bundle.ts";
import { cudaProgram, probeProgram } from "./lib/compile.ts";
import { describeWith, program } from "./lib/gate.ts";
import { parseProbe } from "./lib/probe.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

describeWith(["runc", "gcc", "busybox", "debootstrap"], "a GPU container from an image", () => {
  let scope: Scope;
  let debianHost: SimHost;
  let rhelHost: SimHost;

  beforeAll(() => {
    scope = new Scope("images");
    debianHost = simHost(scope, "h100x8");
    rhelHost = simHost(scope, "rtx4090x2");
    debianTree();
  }, 600_000);

  afterAll(() => scope.close());

  const IMAGES: Readonly<Record<string, (args: readonly string[]) => Bundle>> = {
    "like Debian": (args) => makeBundle(scope, debianTree(), gpuOne(args)),
    "with RHEL's layout": (args) => makePlainBundle(scope, makeRhelLike, gpuOne(args)),
    "without /etc, cache and shell": (args) => makePlainBundle(scope, makeDistroless, gpuOne(args)),
  };

  function gpuOne(args: readonly string[]): { readonly args: readonly string[]; readonly env: readonly string[] } {
    return { args, env: ["NVIDIA_VISIBLE_DEVICES=1"] };
  }

  function shimOf(host: SimHost): Runtime {
    return { argv: [host.runtime], lowLevel: program("runc") };
  }

  function cudaFor(loader: string): string {
    return cudaProgram(loader, join(debianHost.dir, "usr/lib/x86_64-linux-gnu/libcuda.so.1"));
  }

  for (const [name, make] of Object.entries(IMAGES)) {
    test(`${name}, on a host like Debian: nvidia-smi and CUDA programs find their libraries`, () => {
      const output = runContainer(shimOf(debianHost), make(["nvidia-smi", "-L"]));
      expect(output).toEqual({ status: 0, stdout: listing(pick(debianHost, 1)), stderr: "" });
      const bundle = make(["/cuda-program"]);
      addProgram(bundle, cudaFor(GLIBC_LOADER));
      expect(runContainer(shimOf(debianHost), bundle)).toEqual({ status: 0, stdout: "1 CUDA devices\n", stderr: "" });
    });

    test(`${name}, on a host like RHEL whose minors run against its indices`, () => {
      const output = runContainer(shimOf(rhelHost), make(["nvidia-smi", "-L"]));
      expect(output).toEqual({ status: 0, stdout: listing(pick(rhelHost, 1)), stderr: "" });
    });
  }

  test("with RHEL's layout keeps libcuda.so.1 when ldconfig runs in it", () => {
    const bundle = makePlainBundle(scope, makeRhelLike, gpuOne(["sh", "-c", "ldconfig && nvidia-smi -L"]));
    expect(runContainer(shimOf(rhelHost), bundle).stdout).toBe(listing(pick(rhelHost, 1)));
  });

  test("like Alpine: musl's loader finds libcuda.so.1, and exactly the granted GPU can be opened", () => {
    const bundle = makePlainBundle(scope, makeAlpineLike, gpuOne(["/cuda-program"]));
    addProgram(bundle, cudaFor(MUSL_LOADER));
    expect(runContainer(shimOf(debianHost), bundle)).toEqual({ status: 0, stdout: "1 CUDA devices\n", stderr: "" });
    const tries = ["open=/dev/nvidia1", "open=/dev/nvidiactl", "open=/dev/nvidia0", "mknod=/tmp/other:195:0"];
    const probed = makePlainBundle(scope, makeAlpineLike, gpuOne(["/probe", ...tries]));
    addProgram(probed, probeProgram());
    const probe = parseProbe(runContainer(shimOf(debianHost), probed).stdout);
    expect(Object.values(probe.tries)).toEqual(["ENXIO", "ENXIO", "ENOENT", "EPERM"]);
  });

  test("like Alpine keeps the folders that musl's loader searched before", () => {
    const bundle = makePlainBundle(
      scope,
      makeAlpineLike,
      gpuOne(["sh", "-c", `cat /etc/${MUSL_LOADER.slice(5, -5)}.path`]),
    );
    const folders = runContainer(shimOf(debianHost), bundle).stdout.split(/[\n:]/);
    expect(folders).toEqual(
      expect.arrayContaining(["/lib", "/usr/local/lib", "/usr/lib", "/usr/lib/x86_64-linux-gnu"]),
    );
  });
});
