import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { debianTree } from "./images/debian.ts";
import { describeWith, program } from "./lib/gate.ts";
import { expectedListing, visibleDevices, WISHES } from "./lib/grants.ts";
import { must, run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

describeWith(["podman", "runc", "debootstrap"], "a container of podman with the shim as its runtime", () => {
  let scope: Scope;
  let host: SimHost;
  let podman: (...args: readonly string[]) => Output;

  beforeAll(() => {
    scope = new Scope("podman");
    host = simHost(scope, "h100x8");
    const folder = scope.folder("podman");
    const [root, runroot, tmp] = ["root", "run", "tmp"].map((name) => join(folder, name));
    for (const path of [root, runroot, tmp]) mkdirSync(path ?? "");
    const globals = ["--root", `${root}`, "--runroot", `${runroot}`, "--tmpdir", `${tmp}`];
    const quiet = ["--cgroup-manager", "cgroupfs", "--events-backend", "file", "--log-level", "error"];
    const words = [program("podman"), ...globals, ...quiet, "--runtime", host.runtime];
    podman = (...args) =>
      run([...words, ...args], { env: { PATH: process.env["PATH"] ?? "", PODMAN_IGNORE_CGROUPSV1_WARNING: "1" } });
    scope.defer(() => podman("rm", "--all", "--force", "--time", "0"));
    must([
      "sh",
      "-ec",
      'tar -C "$1" -c . | { shift; "$@"; }',
      "sh",
      debianTree(),
      ...words,
      "import",
      "--quiet",
      "-",
      "debian",
    ]);
  }, 600_000);

  afterAll(() => scope.close());

  function runGpu(devices: string | undefined, args: readonly string[], options: readonly string[] = []): Output {
    const wish = devices === undefined ? [] : ["--env", `NVIDIA_VISIBLE_DEVICES=${devices}`];
    return podman("run", "--rm", "--network", "none", ...wish, ...options, "debian", ...args);
  }

  for (const wish of WISHES) {
    test(`that asks for ${wish} lists exactly the GPUs that it was granted`, () => {
      const output = runGpu(visibleDevices(wish, host), ["nvidia-smi", "-L"]);
      const expected = expectedListing(wish, host);
      if (expected === undefined) expect(output.stderr).toMatch(/nvidia-smi.*: executable file not found/);
      else expect(output).toMatchObject({ stdout: expected, stderr: "" });
    });
  }

  test("lists its GPUs with a root file system that it cannot write", () => {
    expect(runGpu("3", ["nvidia-smi", "-L"], ["--read-only"]).stdout).toBe(listing(pick(host, 3)));
  });

  test("can be started in a second step, and executes further programs", () => {
    const wish = ["--env", "NVIDIA_VISIBLE_DEVICES=6", "debian", "sleep", "60"];
    const created = podman("create", "--network", "none", ...wish);
    const id = created.stdout.trim();
    expect(podman("start", id).status).toBe(0);
    expect(podman("exec", id, "nvidia-smi", "-L").stdout).toBe(listing(pick(host, 6)));
    expect(podman("rm", "--force", "--time", "0", id).status).toBe(0);
    expect(existsSync(join(host.dir, "run/berth/low-level"))).toBe(true);
  });
});
