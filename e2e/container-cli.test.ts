import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeWith } from "./lib/gate.ts";
import { run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { pick, simHost, type SimHost } from "./lib/sim-host.ts";

describeWith([], "nvidia-container-cli", () => {
  let scope: Scope;
  let host: SimHost;

  beforeAll(() => {
    scope = new Scope("container-cli");
    chmodSync(scope.dir, 0o755);
    host = simHost(scope, "h100x8");
  }, 60_000);

  afterAll(() => scope.close());

  function cli(args: readonly string[], { on = host, env = {} }: { on?: SimHost; env?: Record<string, string> } = {}) {
    return run([join(on.bin, "nvidia-container-cli"), ...args], { env: { PATH: "/usr/bin:/bin", ...env } });
  }

  /** The lines of stdout without the folder of the host. */
  const linesOf = ({ stdout }: Output, on = host): readonly string[] =>
    stdout.replaceAll(on.dir, "").split("\n").slice(0, -1);

  test("info says of each GPU what the machine does, and needs no root for it", () => {
    const output = cli(["info"]);
    expect(output).toMatchObject({ status: 0, stderr: "" });
    const blocks = output.stdout.split("\n\n");
    expect(blocks[0]).toBe(`NVRM version:   ${host.driver}\nCUDA version:   12.8`);
    expect(blocks.slice(1).map((block) => /GPU UUID: +(.*)/.exec(block)?.[1])).toEqual(
      host.gpus.map(({ uuid }) => uuid),
    );
    const program = join(host.bin, "nvidia-container-cli");
    const asNobody = run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "info"]);
    expect(asNobody).toEqual(output);
  });

  test("info asks the driver for a UUID that no file says", () => {
    const unknown = simHost(scope, "h100x8-uuid-unknown");
    const { status, stdout, stderr } = cli(["--load-kmods", "info", "--csv"], { on: unknown });
    expect([status, stderr]).toEqual([0, ""]);
    for (const { uuid } of unknown.gpus) expect(stdout).toContain(`,${uuid},`);
  });

  test("list as Apptainer and SingularityCE call it prints files that are there", () => {
    const output = cli(["list", "--binaries", "--ipcs", "--libraries"]);
    expect(output).toMatchObject({ status: 0, stderr: "" });
    const paths = linesOf(output);
    expect(paths[0]).toBe("/usr/bin/nvidia-smi");
    expect(paths).toContain(`/usr/lib/x86_64-linux-gnu/libcuda.so.${host.driver}`);
    expect(paths.at(-1)).toBe("/run/nvidia-persistenced/socket");
    for (const path of output.stdout.trimEnd().split("\n")) expect(lstatSync(path).isSymbolicLink()).toBe(false);
  });

  test("list prints the nodes of the GPUs that are named, by index, UUID and PCI address", () => {
    const [gpu] = pick(host, 5);
    const nodes = ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia5"].map(
      (name) => `/dev/${name}`,
    );
    for (const id of ["5", gpu?.uuid ?? "", gpu?.bus ?? "", `0000${gpu?.bus}`]) {
      expect(linesOf(cli(["list", `--device=${id}`]))).toEqual(nodes);
    }
  });

  test("list asks the driver for a MIG device that is named by its UUID", () => {
    const mig = simHost(scope, "a100x8-mig");
    const [, device] = mig.gpus[0]?.mig ?? [];
    const paths = linesOf(cli(["list", "-d", device?.uuid ?? ""], { on: mig }), mig);
    expect(paths.slice(4)).toEqual([
      "/dev/nvidia0",
      `/proc/driver/nvidia/capabilities/gpu0/mig/gi${device?.gpuInstance}/access`,
      `/proc/driver/nvidia/capabilities/gpu0/mig/gi${device?.gpuInstance}/ci0/access`,
      "/dev/nvidia-caps/nvidia-cap48",
      "/dev/nvidia-caps/nvidia-cap49",
    ]);
  });

  test.each([
    [["list", "--device=99"], "device error: 99: unknown device", "BERTH-R001"],
    [["configure", "--device=0", "rootfs"], "input error: invalid rootfs directory", "BERTH-U001"],
    [["--user", "configure", "--pid=x", "/rootfs"], "input error: parse pid failed: invalid argument", "BERTH-U001"],
  ])("%j fails with exit code 1, first in the known words, then in ours", (args, words, code) => {
    const { status, stdout, stderr } = cli(args);
    expect([status, stdout]).toEqual([1, ""]);
    const [first, second] = stderr.split("\n");
    expect(first).toBe(`nvidia-container-cli: ${words}`);
    expect(second).toStartWith(`nvidia-container-cli: ${code}: `);
  });

  test("without a driver fails in the words that everybody searches for", () => {
    const none = simHost(scope, "none");
    for (const command of ["info", "list"]) {
      const { status, stderr } = cli([command], { on: none });
      expect(status).toBe(1);
      expect(stderr).toStartWith("nvidia-container-cli: initialization error: nvml error: driver not loaded\n");
    }
  });

  test("writes its log to the file of NVC_DEBUG_FILE, too, and obeys no variable of Bun or the loader", () => {
    const file = join(scope.dir, "debug.log");
    const env = { NVC_DEBUG_FILE: file, BUN_OPTIONS: "--print 1", LD_PRELOAD: "/nowhere.so" };
    expect(linesOf(cli(["list", "--ipcs"], { env }))).toEqual(["/run/nvidia-persistenced/socket"]);
    expect(readFileSync(file, "utf8")).toContain("nvidia-container-cli list, version");
  });
});
