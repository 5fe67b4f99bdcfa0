import { afterAll, beforeAll, expect, test } from "bun:test";
import { importIntoPodman, setUpPodman, type Podman } from "./engines/podman.ts";
import { askFor, LIST_NODES, NO_NETWORK } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { describeWith } from "./lib/gate.ts";
import { expectedListing, visibleDevices, WISHES } from "./lib/grants.ts";
import type { Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

describeWith(["podman", "runc", "debootstrap"], "a container of podman with berth as its runtime", () => {
  let scope: Scope;
  let host: SimHost;
  let podman: Podman;

  beforeAll(() => {
    scope = new Scope("podman");
    host = simHost(scope, "h100x8");
    podman = setUpPodman(scope, host.runtime);
    importIntoPodman(podman, debianTree(), "debian");
    importIntoPodman(podman, debianTree(), "cuda", ["ENV NVIDIA_VISIBLE_DEVICES=all"]);
  }, 600_000);

  afterAll(() => scope.close());

  function runGpu(devices: string | undefined, args: readonly string[], options: readonly string[] = []): Output {
    return podman.run("run", "--rm", ...NO_NETWORK, ...askFor(devices), ...options, "debian", ...args);
  }

  for (const wish of WISHES) {
    test(`that asks for ${wish} lists exactly the GPUs that it was granted`, () => {
      const output = runGpu(visibleDevices(wish, host), ["nvidia-smi", "-L"]);
      const expected = expectedListing(wish, host);
      if (expected === undefined) {
        expect(output.stderr).toMatch(/nvidia-smi.*: executable file not found/);
        expect(output.status).toBe(127);
      } else expect(output).toMatchObject({ stdout: expected, stderr: "" });
    });
  }

  test("has the nodes of the GPUs that it was granted and of no other", () => {
    expect(runGpu("2,5", ["sh", "-c", LIST_NODES]).stdout).toBe(
      "nvidia-uvm nvidia-uvm-tools nvidia2 nvidia5 nvidiactl\n",
    );
    expect(runGpu("void", ["sh", "-c", LIST_NODES]).stdout).toBe("nvidia*\n");
  });

  test("gets the GPUs of its image's environment, and --env is stronger", () => {
    const list = (devices: string | undefined): Output =>
      podman.run("run", "--rm", ...NO_NETWORK, ...askFor(devices), "cuda", "nvidia-smi", "-L");
    expect(list(undefined)).toEqual({ status: 0, stdout: listing(host.gpus), stderr: "" });
    expect(list("5")).toEqual({ status: 0, stdout: listing(pick(host, 5)), stderr: "" });
  });

  test("lists its GPUs with a root file system that it cannot write", () => {
    expect(runGpu("3", ["nvidia-smi", "-L"], ["--read-only"]).stdout).toBe(listing(pick(host, 3)));
  });

  test("lists its GPUs as a user without rights", () => {
    expect(runGpu("3", ["nvidia-smi", "-L"], ["--user", "1000"]).stdout).toBe(listing(pick(host, 3)));
  });

  test("finds libcuda.so.1 before and after ldconfig has run in it", () => {
    const { status, stdout } = runGpu("0", ["sh", "-ec", "ldconfig -p; ldconfig; ldconfig -p"]);
    expect(status).toBe(0);
    expect(stdout.match(/^\tlibcuda\.so\.1 /gm)).toHaveLength(2);
  });

  test("cannot open a GPU that was not granted, even after making its node", () => {
    const script = "mknod /own c 195 2; mknod /other c 195 3; cat /own; cat /other";
    const { stderr } = runGpu("2", ["sh", "-c", script], ["--cap-add", "MKNOD"]);
    // Nothing is behind a simulated node: this is what an allowed one says.
    expect(stderr).toBe("cat: /own: No such device or address\ncat: /other: Operation not permitted\n");
  });

  test("shows its GPUs to what podman exec starts in it, and stops and goes as with runc", () => {
    const id = podman.must("run", "--detach", ...NO_NETWORK, ...askFor("6,0"), "debian", "sleep", "600");
    expect(podman.must("exec", id, "nvidia-smi", "-L")).toBe(listing(pick(host, 0, 6)).trimEnd());
    podman.must("stop", "--time", "0", id);
    expect(podman.must("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", id)).toBe("exited 137");
    podman.must("rm", id);
    expect(podman.must("ps", "--all", "--quiet")).toBe("");
  });

  test("has the same files after the second and the third start", () => {
    const id = podman.must("create", ...NO_NETWORK, ...askFor("0,1"), "debian", "nvidia-smi", "-L");
    const traces = ["first", "second", "third"].map(() => {
      expect(podman.must("start", "--attach", id)).toBe(listing(pick(host, 0, 1)).trimEnd());
      return podman.must("diff", id).split("\n").toSorted();
    });
    expect(traces[0]).toContain("A /etc/ld.so.conf.d/00-berth.conf");
    expect(traces[1]).toEqual(traces[0]);
    expect(traces[2]).toEqual(traces[0]);
    podman.must("rm", id);
  });

  test("gives its exit status to podman", () => {
    expect(runGpu("0", ["sh", "-c", "exit 9"]).status).toBe(9);
  });

  test("that asks for a GPU that is not there is refused with the reason in podman's own message", () => {
    const { status, stderr } = runGpu("12", ["true"]);
    expect(status).toBe(126);
    expect(stderr).toContain(
      "nvidia-container-runtime: BERTH-R001: Cannot find GPU 12: this host has 8 GPUs, 0 to 7; " +
        'remedy: list the devices with "berth host"',
    );
  });
});
