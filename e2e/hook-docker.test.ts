import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { copyOut, traceLayer } from "./engines/docker.ts";
import { makeVolume } from "./engines/volume.ts";
import { LIST_NODES, NO_NETWORK } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith } from "./lib/gate.ts";
import type { Output } from "./lib/run.ts";
import { readMountTable, Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

const LIBRARIES = "/usr/lib/x86_64-linux-gnu";

describeWith(["docker", "dockerd", "debootstrap"], "docker run --gpus, with the hook in dockerd's PATH", () => {
  let scope: Scope;
  let host: SimHost;
  let docker: Docker;
  /** A folder that shares its mounts with whoever has it mounted. */
  let shared: string;

  beforeAll(() => {
    scope = new Scope("hook-docker");
    host = simHost(scope, "h100x8");
    shared = scope.folder("shared");
    const prepare = `mount --make-rprivate / && mount --bind ${shared} ${shared} && mount --make-shared / && mount --make-shared ${shared}`;
    docker = startDocker(scope, { runtime: host.runtime, path: host.bin, prepare });
    importImage(docker, debianTree(), "debian");
  }, 600_000);

  afterAll(() => scope.close());

  function runGpu(gpus: string, args: readonly string[], options: readonly string[] = []): Output {
    return docker.run("run", "--rm", ...NO_NETWORK, "--gpus", gpus, ...options, "debian", ...args);
  }

  function mountsOfDaemon(): string[] {
    return readFileSync(`/proc/${docker.pid}/mountinfo`, "utf8").split("\n");
  }

  const all = (): string => listing(host.gpus);

  for (const [how, options] of [
    ["alone", []],
    ["and berth as the runtime besides", ["--runtime", "nvidia"]],
  ] as const) {
    describe(how, () => {
      test.each([
        ["all", () => all()],
        ["2", () => listing(pick(host, 0, 1))],
        ['"device=1,3"', () => listing(pick(host, 1, 3))],
        ["all,capabilities=utility", () => all()],
        ['"device=7","capabilities=compute,utility"', () => listing(pick(host, 7))],
      ])("--gpus %s lists exactly these GPUs", (gpus, expected) => {
        expect(runGpu(gpus, ["nvidia-smi", "-L"], options)).toEqual({ status: 0, stdout: expected(), stderr: "" });
      });

      test("has the nodes of its GPUs and of no other, and nothing is mounted twice", () => {
        const script = `${LIST_NODES}; cut -d' ' -f5 /proc/self/mountinfo | sort | uniq -d`;
        const { stdout } = runGpu('"device=2,5"', ["sh", "-c", script], options);
        expect(stdout).toBe("nvidia-uvm nvidia-uvm-tools nvidia2 nvidia5 nvidiactl\n");
      });

      test("cannot open a GPU that was not granted, even after making its node", () => {
        const [granted, other] = pick(host, 2, 3);
        const make = `mknod /granted c 195 ${granted?.minor}; mknod /other c 195 ${other?.minor}`;
        const { stderr } = runGpu("device=2", ["sh", "-c", `${make}; cat /granted; cat /other`], options);
        // Nothing is behind a simulated node: this is what an allowed one says.
        expect(stderr).toBe("cat: /granted: No such device or address\ncat: /other: Operation not permitted\n");
      });

      test("ten starts leave in the layer what one leaves", () => {
        const id = docker.must("create", ...NO_NETWORK, "--gpus", "all", ...options, "debian", "nvidia-smi", "-L");
        docker.must("start", "--attach", id);
        const first = traceLayer(scope, docker, id);
        for (let count = 0; count < 9; count++) expect(docker.must("start", "--attach", id)).toBe(all().trimEnd());
        expect(traceLayer(scope, docker, id)).toEqual(first);
        docker.must("rm", id);
      });
    });
  }

  for (const options of [
    "--user 1000",
    "--user 1000 --read-only --cap-drop ALL --security-opt no-new-privileges",
    "--read-only --tmpfs /run --tmpfs /tmp --tmpfs /etc/ld.so.conf.d",
    "--tmpfs /etc",
    "--init --pid host --ipc host",
    "--privileged",
  ]) {
    test(`lists its GPU with ${options}`, () => {
      const output = runGpu("device=3", ["nvidia-smi", "-L"], options.split(" "));
      expect(output).toMatchObject({ status: 0, stdout: listing(pick(host, 3)) });
    });
  }

  test("utility alone brings no CUDA library; compute does, and the loader finds it", () => {
    const count = (capabilities: string): string => {
      return runGpu(`"device=0","capabilities=${capabilities}"`, [
        "sh",
        "-c",
        "/sbin/ldconfig -p | grep -c libcuda.so.1",
      ]).stdout;
    };
    expect([count("utility"), count("compute")]).toEqual(["0\n", "1\n"]);
  });

  test("its files and nodes are mounted read-only, and no program inside can change them", () => {
    const id = docker.must("run", "--detach", ...NO_NETWORK, "--gpus", "device=0", "debian", "sleep", "600");
    const table = docker.must("exec", id, "cat", "/proc/self/mountinfo").split("\n");
    const ours = table.filter((line) => /(libcuda|nvidia)/.test(line.split(" ")[4] ?? ""));
    expect(ours.length).toBeGreaterThan(10);
    // A socket that is mounted read-only could not be written to on older kernels.
    const writable = ours.filter((line) => line.split(" ")[5]?.startsWith("ro,nosuid") !== true);
    expect(writable.map((line) => line.split(" ")[4])).toEqual(["/run/nvidia-persistenced/socket"]);
    // Shared or a slave: what is mounted elsewhere later would come in, or the other way round.
    expect(ours.filter((line) => / (shared|master):/.test(line))).toEqual([]);
    expect(docker.run("exec", id, "chmod", "600", "/dev/nvidia0").stderr).toContain("Read-only file system");
    expect(docker.run("exec", id, "sh", "-c", "echo >/usr/bin/nvidia-smi").stderr).toContain("Read-only file system");
    docker.must("rm", "--force", id);
  });

  test("a volume over the libraries' folder is not written to, and they are elsewhere", () => {
    const volume = makeVolume(scope, join(debianTree(), LIBRARIES));
    const before = volume.snapshot();
    const output = runGpu("device=4", ["nvidia-smi", "-L"], ["--volume", `${volume.path}:${LIBRARIES}`]);
    expect(output).toMatchObject({ status: 0, stdout: listing(pick(host, 4)) });
    expect(volume.snapshot()).toBe(before);
  });

  test("a volume that shares its mounts with the machine leaves no mount on it", () => {
    const before = mountsOfDaemon();
    const options = ["--mount", `type=bind,source=${shared},target=/shared,bind-propagation=rshared`];
    const output = runGpu("device=4", ["nvidia-smi", "-L"], options);
    expect(output).toMatchObject({ stdout: listing(pick(host, 4)) });
    expect(mountsOfDaemon()).toEqual(before);
  });

  test("Docker's restart of a container, and docker cp and commit, work as ever", () => {
    const id = docker.must("run", "--detach", ...NO_NETWORK, "--gpus", "device=6", "debian", "sleep", "600");
    docker.must("restart", "--time", "0", id);
    expect(docker.must("exec", id, "nvidia-smi", "-L")).toBe(listing(pick(host, 6)).trimEnd());
    expect(copyOut(scope, docker, `${id}:/etc/ld.so.conf.d/00-berth.conf`).length).toBeGreaterThan(0);
    docker.must("commit", id, "committed");
    docker.must("rm", "--force", id);
    const output = docker.run(
      "run",
      "--rm",
      ...NO_NETWORK,
      "committed",
      "sh",
      "-c",
      "ls /dev/nvidia* 2>/dev/null; true",
    );
    expect(output).toMatchObject({ status: 0, stdout: "" });
  });

  test("a GPU that is not there stops the start, in the words that people search for", () => {
    const { status, stderr } = runGpu("device=99", ["true"]);
    expect(status).not.toBe(0);
    expect(stderr).toContain("nvidia-container-cli: device error: 99: unknown device");
    expect(stderr).toContain("BERTH-R001");
  });

  test("nothing of a start is left among the machine's mounts and processes", () => {
    const before = [readMountTable(), mountsOfDaemon()];
    runGpu("all", ["true"]);
    expect([readMountTable(), mountsOfDaemon()]).toEqual(before);
    expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain("/proc/driver");
  });
});
