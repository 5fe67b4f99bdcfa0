import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeOciArchive } from "./engines/oci-image.ts";
import { askFor, LIST_NODES } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { makeBundle, newContainerId } from "./lib/bundle.ts";
import { startContainerd, type Containerd } from "./lib/daemon.ts";
import { describeWith } from "./lib/gate.ts";
import { expectedListing, visibleDevices, WISHES } from "./lib/grants.ts";
import type { Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

const DEBIAN = "example.org/debian:e2e";
const CUDA = "example.org/cuda:e2e";
const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

describeWith(["containerd", "ctr", "runc", "debootstrap"], "a container of containerd with berth as its runc", () => {
  let scope: Scope;
  let host: SimHost;
  let containerd: Containerd;

  beforeAll(() => {
    scope = new Scope("containerd");
    host = simHost(scope, "h100x8");
    containerd = startContainerd(scope);
    const tree = debianTree();
    const archive = writeOciArchive(scope, [
      { name: DEBIAN, tree, env: [PATH] },
      { name: CUDA, tree, env: [PATH, "NVIDIA_VISIBLE_DEVICES=all"] },
    ]);
    expect(containerd.run("images", "import", archive)).toMatchObject({ status: 0 });
  }, 600_000);

  afterAll(() => scope.close());

  function runGpu(devices: string | undefined, args: readonly string[], image = DEBIAN): Output {
    return containerd.run(
      "run",
      "--rm",
      "--runc-binary",
      host.runtime,
      ...askFor(devices),
      image,
      newContainerId(),
      ...args,
    );
  }

  for (const wish of WISHES) {
    test(`that asks for ${wish} lists exactly the GPUs that it was granted`, () => {
      const output = runGpu(visibleDevices(wish, host), ["nvidia-smi", "-L"]);
      const expected = expectedListing(wish, host);
      if (expected === undefined) expect(output.stderr).toMatch(/exec: "nvidia-smi": executable file not found/);
      else expect(output).toMatchObject({ stdout: expected, stderr: "" });
    });
  }

  test("has the nodes of the GPUs that it was granted, and none without --runc-binary", () => {
    const nodes = ["sh", "-c", LIST_NODES];
    expect(runGpu("2,5", nodes).stdout).toBe("nvidia-uvm nvidia-uvm-tools nvidia2 nvidia5 nvidiactl\n");
    expect(containerd.run("run", "--rm", ...askFor("2"), DEBIAN, newContainerId(), ...nodes).stdout).toBe("nvidia*\n");
  });

  test("gets the GPUs of its image's environment, and --env is stronger", () => {
    expect(runGpu(undefined, ["nvidia-smi", "-L"], CUDA).stdout).toBe(listing(host.gpus));
    expect(runGpu("5", ["nvidia-smi", "-L"], CUDA).stdout).toBe(listing(pick(host, 5)));
  });

  test("lists its GPUs on a root file system that containerd did not make", () => {
    const { rootfs } = makeBundle(scope, debianTree(), { args: [] });
    const env = [...askFor("3"), "--env", PATH];
    const words = ["run", "--rm", "--runc-binary", host.runtime, ...env, "--rootfs", rootfs, newContainerId()];
    expect(containerd.run(...words, "nvidia-smi", "-L")).toMatchObject({ stdout: listing(pick(host, 3)), stderr: "" });
  });

  test("lists its GPUs with a root file system that it cannot write", () => {
    const words = [
      "run",
      "--rm",
      "--read-only",
      "--runc-binary",
      host.runtime,
      ...askFor("3"),
      DEBIAN,
      newContainerId(),
    ];
    expect(containerd.run(...words, "nvidia-smi", "-L")).toMatchObject({ stdout: listing(pick(host, 3)), stderr: "" });
  });

  test("finds libcuda.so.1 before and after ldconfig has run in it", () => {
    const { status, stdout } = runGpu("0", ["sh", "-ec", "ldconfig -p; ldconfig; ldconfig -p"]);
    expect(status).toBe(0);
    expect(stdout.match(/^\tlibcuda\.so\.1 /gm)).toHaveLength(2);
  });

  test("cannot open a GPU that was not granted, even after making its node", () => {
    const { stderr } = runGpu("2", ["sh", "-c", "mknod /own c 195 2; mknod /other c 195 3; cat /own; cat /other"]);
    // Nothing is behind a simulated node: this is what an allowed one says.
    expect(stderr).toBe("cat: /own: No such device or address\ncat: /other: Operation not permitted\n");
  });

  test("shows its GPUs to what ctr task exec starts in it, and can be killed", () => {
    const id = newContainerId();
    const words = ["run", "--detach", "--runc-binary", host.runtime, ...askFor("1,4"), DEBIAN, id, "sleep", "600"];
    expect(containerd.run(...words).status).toBe(0);
    const output = containerd.run("task", "exec", "--exec-id", "look", id, "nvidia-smi", "-L");
    expect(output).toEqual({ status: 0, stdout: listing(pick(host, 1, 4)), stderr: "" });
    expect(containerd.run("task", "ls", "--quiet").stdout).toBe(`${id}\n`);
    containerd.run("task", "kill", "--signal", "KILL", id);
    containerd.run("task", "rm", "--force", id);
    expect(containerd.run("container", "rm", id)).toMatchObject({ status: 0, stderr: "" });
    expect(containerd.run("task", "ls", "--quiet").stdout).toBe("");
  });

  test("gives its exit status to ctr", () => {
    expect(runGpu("0", ["sh", "-c", "exit 9"]).status).toBe(9);
  });

  test("that asks for a GPU that is not there is refused with the reason in ctr's own message", () => {
    const { status, stderr } = runGpu("12", ["true"]);
    expect(status).toBe(1);
    expect(stderr).toContain(
      "OCI runtime create failed: nvidia-container-runtime: BERTH-R001: Cannot find GPU 12: this host has 8 GPUs, 0 to 7; " +
        'remedy: list the devices with "berth host"',
    );
  });
});
