import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copyOut, deriveImage, runBeside, traceLayer, type LayerTrace } from "./engines/docker.ts";
import { addDockersFiles, makeVolume, snapshotOf } from "./engines/volume.ts";
import { askFor, LIST_NODES, NO_NETWORK } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { expectedListing, visibleDevices, WISHES, type Wish } from "./lib/grants.ts";
import { must, run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

const LIBRARIES = "/usr/lib/x86_64-linux-gnu";
/** What `docker logs` and `docker run` say about a program that an image does not have. */
const NO_NVIDIA_SMI = /exec: "nvidia-smi": executable file not found/;

/** The words before the image. */
function gpuWords(devices: string | undefined, options: readonly string[] = []): readonly string[] {
  return [...NO_NETWORK, "--runtime", "nvidia", ...askFor(devices), ...options];
}

describeWith(["docker", "dockerd", "debootstrap"], "a container of Docker with --runtime=nvidia", () => {
  let scope: Scope;
  let host: SimHost;
  /** Another machine, whose driver is upgraded; its runtime is called "upgraded". */
  let upgraded: SimHost;
  let docker: Docker;

  beforeAll(() => {
    scope = new Scope("docker");
    host = simHost(scope, "h100x8");
    upgraded = simHost(scope, "rtx4090x2");
    const runtimes = { nvidia: { path: host.runtime }, upgraded: { path: upgraded.runtime } };
    docker = startDocker(scope, { runtime: host.runtime, settings: { runtimes } });
    importImage(docker, debianTree(), "debian");
  }, 600_000);

  afterAll(() => scope.close());

  function runGpu(devices: string | undefined, args: readonly string[], options: readonly string[] = []): Output {
    return docker.run("run", "--rm", ...gpuWords(devices, options), "debian", ...args);
  }

  /** Starts a container that stays until the file's end, and gives its id. */
  function startGpu(devices: string, args: readonly string[]): string {
    return docker.must("run", "--detach", ...gpuWords(devices), "debian", ...args);
  }

  function expectListing(output: Output, wish: Wish): void {
    const expected = expectedListing(wish, host);
    if (expected === undefined) {
      expect(output.stderr).toMatch(NO_NVIDIA_SMI);
      expect(output.status).toBe(127);
    } else expect(output).toMatchObject({ stdout: expected, stderr: "" });
  }

  describe("in daemon.json as the runtime `nvidia`", () => {
    for (const wish of WISHES) {
      test(`that asks for ${wish} lists exactly the GPUs that it was granted`, () => {
        expectListing(runGpu(visibleDevices(wish, host), ["nvidia-smi", "-L"]), wish);
      });
    }

    test("has the nodes of the GPUs that it was granted and of no other", () => {
      const nodes = (devices: string): string => runGpu(devices, ["sh", "-c", LIST_NODES]).stdout;
      expect(nodes("2,5")).toBe("nvidia-uvm nvidia-uvm-tools nvidia2 nvidia5 nvidiactl\n");
      expect(nodes("none")).toBe("nvidia-uvm nvidia-uvm-tools nvidiactl\n");
      expect(nodes("void")).toBe("nvidia*\n");
    });

    test("that asks for nothing has a layer in which nothing was changed", () => {
      for (const devices of [undefined, "", "void"]) {
        const id = docker.must("create", ...gpuWords(devices), "debian", "true");
        expect(docker.run("start", "--attach", id)).toEqual({ status: 0, stdout: "", stderr: "" });
        expect(docker.must("diff", id)).toBe("");
        docker.must("rm", id);
      }
    });

    test("lists its GPUs with a root file system that it cannot write", () => {
      const output = runGpu("3", ["sh", "-c", "nvidia-smi -L && ! touch /file 2>/dev/null"], ["--read-only"]);
      expect(output).toEqual({ status: 0, stdout: listing(pick(host, 3)), stderr: "" });
    });

    for (const options of [
      "--user 1000",
      "--user 1000 --read-only --cap-drop ALL --security-opt no-new-privileges",
      "--read-only --tmpfs /run --tmpfs /tmp --tmpfs /etc/ld.so.conf.d",
      "--tmpfs /etc",
      "--init --pid host --ipc host",
      "--privileged",
    ]) {
      test(`lists its GPUs with ${options}`, () => {
        expectListing(runGpu("3", ["nvidia-smi", "-L"], options.split(" ")), "one index");
      });
    }

    test("lists its GPU once when --device and --volume give the same node and program", () => {
      const device = ["--device", `${host.dir}/dev/nvidia3:/dev/nvidia3`];
      const volume = ["--volume", `${host.dir}/usr/bin/nvidia-smi:/usr/bin/nvidia-smi`];
      expectListing(runGpu("3", ["nvidia-smi", "-L"], [...device, ...volume]), "one index");
    });

    test("shows them to what docker exec starts in it", () => {
      const id = startGpu("6,0", ["sleep", "600"]);
      expect(docker.must("exec", id, "nvidia-smi", "-L")).toBe(listing(pick(host, 0, 6)).trimEnd());
      expect(docker.must("exec", "--user", "1000", id, "nvidia-smi", "-L")).toBe(listing(pick(host, 0, 6)).trimEnd());
      docker.must("rm", "--force", id);
    });

    test("cannot open a GPU that was not granted, even after making its node", () => {
      const [granted, other] = pick(host, 2, 3);
      const make = `mknod /granted c 195 ${granted?.minor}; mknod /other c 195 ${other?.minor}`;
      const { stderr } = runGpu("2", ["sh", "-c", `${make}; cat /granted; cat /other`]);
      // Nothing is behind a simulated node: this is what an allowed one says.
      expect(stderr).toBe("cat: /granted: No such device or address\ncat: /other: Operation not permitted\n");
    });

    test("has a terminal, and the same descriptors as under runc alone, with docker run -t", () => {
      const look = ["sh", "-c", "tty; ls /proc/$$/fd; readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2"];
      const seen = (words: readonly string[]): string => docker.must("run", "--rm", "-t", ...words, "debian", ...look);
      expect(seen(gpuWords("0"))).toBe(seen(NO_NETWORK));
      expect(seen(gpuWords("0"))).toContain("/dev/pts/0");
    });

    test("gives its exit status to docker run", () => {
      expect(runGpu("0", ["sh", "-c", "exit 42"]).status).toBe(42);
    });

    test("needs no -e when its image has ENV NVIDIA_VISIBLE_DEVICES=all, and -e is stronger", () => {
      deriveImage(docker, "debian", "cuda", ["ENV NVIDIA_VISIBLE_DEVICES=all"]);
      const list = (devices: string | undefined): Output =>
        docker.run("run", "--rm", ...gpuWords(devices), "cuda", "nvidia-smi", "-L");
      expect(list(undefined).stdout).toBe(listing(host.gpus));
      expect(list("5").stdout).toBe(listing(pick(host, 5)));
      expect(list("void").stderr).toMatch(NO_NVIDIA_SMI);
    });

    test("sees only its own GPU when 8 containers start at once", async () => {
      const starts = host.gpus.map((_, index) =>
        runBeside(docker, ["run", "--rm", ...gpuWords(String(index)), "debian", "nvidia-smi", "-L"]),
      );
      expect((await Promise.all(starts)).map((output) => output.stdout)).toEqual(
        host.gpus.map((gpu) => listing([gpu])),
      );
    });
  });

  describe("and its loader", () => {
    test("finds libcuda.so.1 and the image's own libraries in the cache", () => {
      const { stdout } = runGpu("all", ["ldconfig", "-p"]);
      const path = `${LIBRARIES}/libcuda.so.${host.driver}`;
      expect(stdout).toContain(`\tlibcuda.so.1 (libc6,x86-64) => ${path}\n`);
      expect(stdout).toMatch(/^\tlibz\.so\.1 \(libc6,x86-64\) => \S+$/m);
    });

    test("finds the same libraries after ldconfig has run in the container, as after apt-get install", () => {
      const { status, stdout, stderr } = runGpu("3", [
        "sh",
        "-ec",
        "ldconfig -p; ldconfig; ldconfig -p; nvidia-smi -L",
      ]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const [before, after] = stdout.split(/^\d+ libs found in cache.*\n/m).slice(1);
      expect(sonames(after)).toEqual(expect.arrayContaining(sonames(before)));
      expect(sonames(after)).toContain("libcuda.so.1");
      expect(stdout).toEndWith(listing(pick(host, 3)));
    });

    test("finds every library once when a container in which ldconfig ran is started again", () => {
      const id = docker.must("create", ...gpuWords("3"), "debian", "sh", "-ec", "ldconfig; ldconfig -p; nvidia-smi -L");
      const first = docker.must("start", "--attach", id);
      expect(docker.must("start", "--attach", id)).toBe(first);
      expect(sonames(first).filter((name) => name === "libcuda.so.1")).toHaveLength(1);
      docker.must("rm", id);
    });
  });

  describe("that is started again", () => {
    test("has the same files after the second and the third start", () => {
      const id = docker.must("create", ...gpuWords("0,1"), "debian", "nvidia-smi", "-L");
      const traces = ["first", "second", "third"].map(() => {
        expect(docker.must("start", "--attach", id)).toBe(listing(pick(host, 0, 1)).trimEnd());
        return traceLayer(scope, docker, id);
      });
      expect(traces[0]?.changes).toContain("A /etc/ld.so.conf.d/00-berth.conf");
      expect(traces[1]).toEqual(traces[0]);
      expect(traces[2]).toEqual(traces[0]);
      docker.must("rm", id);
    });

    describe("after an upgrade of the driver", () => {
      const version = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"];

      /** A container with the old driver, and what its layer is to look like after the upgrade that is done meanwhile. */
      function upgradeAround(change: (id: string) => void): {
        id: string;
        old: string;
        expected: Pick<LayerTrace, "changes" | "record">;
      } {
        const old = upgraded.driver;
        const words = [...NO_NETWORK, "--runtime", "upgraded", ...askFor("1"), "debian", "sleep", "600"];
        const id = docker.must("run", "--detach", ...words);
        expect(docker.must("exec", id, ...version)).toBe(old);
        change(id);
        const { changes, record } = traceLayer(scope, docker, id);
        expect(changes.join("\n")).toContain(old);
        upgraded = upgradeDriver(upgraded);
        const renew = (text: string): string => text.replaceAll(old, upgraded.driver);
        return { id, old, expected: { changes: changes.map(renew).toSorted(), record: renew(record) } };
      }

      function expectNothingOf(old: string, id: string, expected: Pick<LayerTrace, "changes" | "record">): void {
        expect(docker.must("exec", id, ...version)).toBe(upgraded.driver);
        expect(docker.must("exec", id, "nvidia-smi", "-L")).toBe(listing(pick(upgraded, 1)).trimEnd());
        const { changes, record } = traceLayer(scope, docker, id);
        expect({ changes, record }).toEqual(expected);
        const listed = docker.must("exec", id, "ldconfig", "-p");
        expect(listed).toContain(`libcuda.so.${upgraded.driver}`);
        expect(listed).not.toContain(old);
      }

      test("runs with the new driver, and has nothing of the old one left", () => {
        const { id, old, expected } = upgradeAround(() => {});
        docker.must("restart", "--timeout", "0", id);
        expectNothingOf(old, id, expected);
        expect(copyOut(scope, docker, `${id}:/etc/ld.so.cache`).includes(old)).toBeFalse();
        docker.must("rm", "--force", id);
      });

      test("has nothing of the old driver left in its loader cache, when ldconfig ran in it before", () => {
        const { id, old, expected } = upgradeAround((each) => docker.must("exec", each, "ldconfig"));
        docker.must("restart", "--timeout", "0", id);
        expectNothingOf(old, id, expected);
        docker.must("rm", "--force", id);
      });

      test("has nothing of the old driver left, when its image was committed from a GPU container before", () => {
        const { id, old } = upgradeAround((each) => docker.must("commit", each, "committed"));
        const script = [version.join(" "), `find / -xdev -name "*${old}*"`, `grep -rs "${old}" /etc || true`].join(
          "; ",
        );
        const words = [...NO_NETWORK, "--runtime", "upgraded", ...askFor("0"), "committed", "sh", "-c", script];
        expect(docker.run("run", "--rm", ...words)).toEqual({ status: 0, stdout: `${upgraded.driver}\n`, stderr: "" });
        docker.must("rm", "--force", id);
      });
    });
  });

  describe("with a volume", () => {
    test("over /etc lists its GPUs and finds libcuda.so.1, and the volume stays as it was", () => {
      const volume = makeVolume(scope, `${debianTree()}/etc`);
      addDockersFiles(volume.path);
      const before = volume.snapshot();
      const output = runGpu("3", ["sh", "-c", "nvidia-smi -L; ldconfig -p"], ["--volume", `${volume.path}:/etc`]);
      expect(output.stdout).toStartWith(listing(pick(host, 3)));
      expect(sonames(output.stdout)).toEqual(expect.arrayContaining(["libcuda.so.1", "libz.so.1"]));
      expect(volume.snapshot()).toBe(before);
    });

    test("over /etc that has no loader cache lists its GPUs, and the volume stays as it was", () => {
      const volume = makeVolume(scope, `${debianTree()}/etc`);
      addDockersFiles(volume.path);
      rmSync(join(volume.path, "ld.so.cache"));
      const before = volume.snapshot();
      expectListing(runGpu("3", ["nvidia-smi", "-L"], ["--volume", `${volume.path}:/etc`]), "one index");
      expect(volume.snapshot()).toBe(before);
    });

    test("over the library folder lists its GPUs, and the volume stays as it was", () => {
      const volume = makeVolume(scope, `${debianTree()}${LIBRARIES}`);
      const before = volume.snapshot();
      const options = ["--volume", `${volume.path}:${LIBRARIES}`];
      expectListing(runGpu("3", ["nvidia-smi", "-L"], options), "one index");
      const { stdout } = runGpu("3", ["ldconfig", "-p"], options);
      expect(stdout).toContain(`\tlibcuda.so.1 (libc6,x86-64) => /usr/local/nvidia/lib64/libcuda.so.${host.driver}\n`);
      expect(volume.snapshot()).toBe(before);
    });

    test("over the loader cache alone finds libcuda.so.1, and the volume stays as it was", () => {
      const volume = makeVolume(scope, `${debianTree()}/etc/ld.so.conf.d`);
      copyFileSync(`${debianTree()}/etc/ld.so.cache`, join(volume.path, "cache"));
      const before = volume.snapshot();
      const options = ["--volume", `${volume.path}/cache:/etc/ld.so.cache`];
      expect(sonames(runGpu("3", ["ldconfig", "-p"], options).stdout)).toContain("libcuda.so.1");
      expect(volume.snapshot()).toBe(before);
    });

    test("that Docker made over /etc finds libcuda.so.1, and the volume is as after a plain container", () => {
      docker.must("run", "--rm", ...NO_NETWORK, "--volume", "made:/etc", "debian", "true");
      const path = docker.must("volume", "inspect", "--format", "{{.Mountpoint}}", "made");
      const before = snapshotOf(path);
      const { stdout } = runGpu("3", ["ldconfig", "-p"], ["--volume", "made:/etc"]);
      expect(sonames(stdout)).toEqual(expect.arrayContaining(["libcuda.so.1", "libz.so.1"]));
      expect(snapshotOf(path)).toBe(before);
    });

    test("over every folder that could take the driver's files is refused, and the volume stays as it was", () => {
      const volume = makeVolume(scope, `${debianTree()}${LIBRARIES}`);
      const before = volume.snapshot();
      const options = ["--volume", `${volume.path}:${LIBRARIES}`, "--volume", `${volume.path}:/usr/local`];
      const { status, stderr } = runGpu("3", ["nvidia-smi", "-L"], options);
      expect(status).toBe(125);
      expect(stderr).toMatch(/: nvidia-container-runtime: BERTH-P002: Cannot put "\S+" .*"\/usr\/local".*; remedy: /);
      expect(volume.snapshot()).toBe(before);
    });
  });

  test("that asks for a GPU that is not there is refused in one line with code, cause and remedy, and never starts", () => {
    const id = docker.must("create", ...gpuWords("99"), "debian", "true");
    const { status, stderr } = docker.run("start", "--attach", id);
    const refusal =
      "nvidia-container-runtime: BERTH-R001: Cannot find GPU 99: this host has 8 GPUs, 0 to 7; " +
      'remedy: list the devices with "berth host"';
    expect(status).toBe(1);
    expect(stderr).toStartWith(
      `Error response from daemon: failed to create task for container: failed to create shim task: OCI runtime create failed: ${refusal}: unknown\n`,
    );
    expect(docker.must("inspect", "--format", "{{.State.StartedAt}} {{.State.Pid}}", id)).toBe(
      "0001-01-01T00:00:00Z 0",
    );
    expect(docker.must("diff", id)).toBe("");
    docker.must("rm", id);
  });

  describe("through nvidia-docker", () => {
    function nvidiaDocker(args: readonly string[], more: Readonly<Record<string, string>> = {}): Output {
      const env = { PATH: process.env["PATH"] ?? "", DOCKER_HOST: docker.host, NV_DOCKER: program("docker"), ...more };
      return run([join(host.bin, "nvidia-docker"), ...args], { env });
    }

    test("run starts a container with the GPUs of NV_GPU, and gives its exit status", () => {
      const words = ["run", "--rm", ...NO_NETWORK, "debian", "sh", "-c"];
      const output = nvidiaDocker([...words, "nvidia-smi -L; exit 7"], { NV_GPU: "2" });
      expect(output).toEqual({ status: 7, stdout: listing(pick(host, 2)), stderr: "" });
      const two = nvidiaDocker([...words, "nvidia-smi -L"], { NV_GPU: "2 4" });
      expect(two).toEqual({ status: 0, stdout: listing(pick(host, 2, 4)), stderr: "" });
    });

    test("run starts a container with the GPUs of -e, as version 2 did", () => {
      const words = ["run", "--rm", ...NO_NETWORK, ...askFor("1"), "debian", "nvidia-smi", "-L"];
      expect(nvidiaDocker(words)).toEqual({ status: 0, stdout: listing(pick(host, 1)), stderr: "" });
    });

    test("passes other commands and unknown ones on to docker, with what docker says and its exit status", () => {
      for (const args of [["images", "--quiet"], ["no-such-command"], ["inspect", "no-such-container"]]) {
        expect(nvidiaDocker(args)).toEqual(docker.run(...args));
      }
      expect(nvidiaDocker(["inspect", "no-such-container"]).status).toBe(1);
    });
  });
});

describeWith(["docker", "dockerd", "debootstrap"], "a machine whose default runtime of Docker is nvidia", () => {
  let scope: Scope;
  let host: SimHost;
  let docker: Docker;

  beforeAll(() => {
    scope = new Scope("docker-default");
    host = simHost(scope, "h100x8");
    docker = startDocker(scope, { runtime: host.runtime, settings: { "default-runtime": "nvidia" } });
    importImage(docker, debianTree(), "debian");
    deriveImage(docker, "debian", "cuda", ["ENV NVIDIA_VISIBLE_DEVICES=all"]);
  }, 600_000);

  afterAll(() => scope.close());

  test("gives a container the GPUs that it asks for, without --runtime", () => {
    const output = docker.run("run", "--rm", ...NO_NETWORK, ...askFor("3"), "debian", "nvidia-smi", "-L");
    expect(output).toEqual({ status: 0, stdout: listing(pick(host, 3)), stderr: "" });
  });

  test("leaves a plain container without a node, a file or a change of the driver", () => {
    const id = docker.must("create", ...NO_NETWORK, "debian", "sh", "-c", LIST_NODES);
    expect(docker.must("start", "--attach", id)).toBe("nvidia*");
    expect(docker.must("diff", id)).toBe("");
    docker.must("rm", id);
  });

  test("stops, pauses, kills and restarts containers as with runc", () => {
    const id = docker.must("run", "--detach", ...NO_NETWORK, ...askFor("0"), "debian", "sleep", "600");
    const state = (): string => docker.must("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", id);
    for (const [verb, expected] of [
      ["pause", "paused 0"],
      ["unpause", "running 0"],
      ["kill", "exited 137"],
      ["start", "running 0"],
      ["restart --timeout 0", "running 0"],
      ["stop --timeout 0", "exited 137"],
    ] as const) {
      docker.must(...verb.split(" "), id);
      expect(`${verb}: ${state()}`).toBe(`${verb}: ${expected}`);
    }
    docker.must("rm", id);
  });

  describe("and docker build there", () => {
    function build(name: string, lines: readonly string[]): Output {
      const folder = scope.folder("build");
      writeFileSync(join(folder, "Dockerfile"), lines.join("\n"));
      return docker.run("build", "--no-cache", ...NO_NETWORK, "--tag", name, folder);
    }

    test("makes an image that has nothing of berth or the driver in it", () => {
      expect(build("plain", ["FROM debian", "RUN ls /dev >/nodes"]).status).toBe(0);
      const id = docker.must("create", "plain", "true");
      expect(copyOut(scope, docker, `${id}:/nodes`).toString()).not.toContain("nvidia");
      const tar = join(scope.dir, "plain.tar");
      docker.must("export", id, "--output", tar);
      const names = must(["tar", "-tf", tar]);
      expect(names).toContain("nodes\n");
      expect(names).not.toMatch(/nvidia|berth/);
      docker.must("rm", id);
    });

    test("gives GPUs to the steps of an image that asks for them, and what comes of it runs with other GPUs", () => {
      const output = build("tool", ["FROM cuda", "RUN nvidia-smi -L >/seen", "ENV NVIDIA_VISIBLE_DEVICES=7"]);
      expect(output.status).toBe(0);
      const seen = docker.run("run", "--rm", ...NO_NETWORK, "tool", "sh", "-c", "nvidia-smi -L; cat /seen");
      expect(seen).toEqual({ status: 0, stdout: listing(pick(host, 7)) + listing(host.gpus), stderr: "" });
    });
  });
});

/** Gives a simulated host the next driver. */
function upgradeDriver(host: SimHost): SimHost {
  const driver = `${Number.parseInt(host.driver, 10) + 5}.57.08`;
  must([join(dist, "bin/berth"), "sim", "upgrade", host.dir, "--driver", driver]);
  return { ...host, driver };
}

/** The names in the output of `ldconfig -p`, sorted. */
function sonames(text = ""): string[] {
  return [...text.matchAll(/^\t(\S+) \(/gm)].map(([, name = ""]) => name).toSorted();
}
