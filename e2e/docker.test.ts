import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { debianTree } from "./images/debian.ts";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { expectedListing, visibleDevices, WISHES, type Wish } from "./lib/grants.ts";
import { must, run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

const NEW_DRIVER = "575.57.08";
const LIBRARIES = "/usr/lib/x86_64-linux-gnu";
/** A daemon without a bridge gives no other network. */
const RUN = ["run", "--network", "none"];

describeWith(["docker", "dockerd", "debootstrap"], "a container of Docker with --runtime=nvidia", () => {
  let scope: Scope;
  let host: SimHost;
  let docker: Docker;

  beforeAll(() => {
    scope = new Scope("docker");
    host = simHost(scope, "h100x8");
    docker = startDocker(scope, { runtime: host.runtime });
    importImage(docker, debianTree(), "debian");
  }, 600_000);

  afterAll(() => scope.close());

  function runGpu(devices: string | undefined, args: readonly string[], options: readonly string[] = []): Output {
    const wish = devices === undefined ? [] : ["--env", `NVIDIA_VISIBLE_DEVICES=${devices}`];
    return docker.run(...RUN, "--rm", "--runtime", "nvidia", ...wish, ...options, "debian", ...args);
  }

  function expectListing(output: Output, wish: Wish): void {
    const expected = expectedListing(wish, host);
    if (expected === undefined) expect(output.stderr).toMatch(/nvidia-smi.*: executable file not found/);
    else expect(output).toMatchObject({ stdout: expected, stderr: "" });
  }

  for (const wish of WISHES) {
    test(`that asks for ${wish} lists exactly the GPUs that it was granted`, () => {
      expectListing(runGpu(visibleDevices(wish, host), ["nvidia-smi", "-L"]), wish);
    });
  }

  test("lists its GPUs with a root file system that it cannot write", () => {
    expectListing(runGpu("3", ["nvidia-smi", "-L"], ["--read-only"]), "one index");
  });

  test("lists its GPUs as a user without rights", () => {
    expectListing(runGpu("3", ["nvidia-smi", "-L"], ["--user", "1000"]), "one index");
  });

  test("keeps libcuda.so.1 and every library of its own when ldconfig runs in it", () => {
    const { stdout } = runGpu("all", ["sh", "-ec", "ldconfig -p | sort >/before; ldconfig; ldconfig -p"]);
    expect(stdout).toMatch(/^\tlibcuda\.so\.1 /m);
    expect(stdout).toMatch(/^\tlibz\.so\.1 /m);
    expect(runGpu("0", ["sh", "-ec", "ldconfig && nvidia-smi -L"]).stdout).toBe(listing(pick(host, 0)));
  });

  test("has the same files after a second start", () => {
    const id = docker.must(
      ...RUN,
      "--detach",
      "--runtime",
      "nvidia",
      "--env",
      "NVIDIA_VISIBLE_DEVICES=0,1",
      "debian",
      "nvidia-smi",
      "-L",
    );
    docker.must("wait", id);
    const before = changes(docker, id);
    expect(docker.must("start", "--attach", id)).toBe(listing(pick(host, 0, 1)).trimEnd());
    expect(changes(docker, id)).toEqual(before);
    docker.must("rm", id);
  });

  test("needs no -e when its image has ENV NVIDIA_VISIBLE_DEVICES=all", () => {
    importImage(docker, debianTree(), "cuda", ["ENV NVIDIA_VISIBLE_DEVICES=all"]);
    const words = [...RUN, "--rm", "--runtime", "nvidia"];
    expect(docker.run(...words, "cuda", "nvidia-smi", "-L").stdout).toBe(listing(host.gpus));
    const narrow = docker.run(...words, "--env", "NVIDIA_VISIBLE_DEVICES=5", "cuda", "nvidia-smi", "-L");
    expect(narrow.stdout).toBe(listing(pick(host, 5)));
  });

  test("that asks for a GPU that is not there is refused in one line with code and remedy", () => {
    const { status, stderr } = runGpu("8", ["true"]);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/nvidia-container-runtime: BERTH-R001: .*GPU 8.*; remedy: .*$/m);
  });

  test("started by nvidia-docker run with NV_GPU has those GPUs, and gives its exit status", () => {
    const nvidiaDocker = (command: string): Output => {
      const env = {
        PATH: process.env["PATH"] ?? "",
        DOCKER_HOST: docker.host,
        NV_DOCKER: program("docker"),
        NV_GPU: "2,4",
      };
      return run([join(host.bin, "nvidia-docker"), ...RUN, "--rm", "debian", "sh", "-c", command], { env });
    };
    expect(nvidiaDocker("nvidia-smi -L")).toEqual({ status: 0, stdout: listing(pick(host, 2, 4)), stderr: "" });
    expect(nvidiaDocker("exit 7").status).toBe(7);
  });

  describe("with a volume", () => {
    /** A folder of the machine with the files of the image's folder, and how to see that it stayed as it was. */
    function makeVolume(from: string): { readonly path: string; readonly snapshot: () => string } {
      const path = scope.folder("volume");
      must(["cp", "-a", `${debianTree()}${from}/.`, path]);
      return {
        path,
        snapshot: () => must(["sh", "-ec", 'cd "$1" && find . -printf "%p %y %m %s %T@ %l\\n" | sort', "sh", path]),
      };
    }

    test("over /etc lists its GPUs, and the volume stays as it was", () => {
      const volume = makeVolume("/etc");
      // Docker itself puts mount points there.
      docker.must(...RUN, "--rm", "--volume", `${volume.path}:/etc`, "debian", "true");
      const before = volume.snapshot();
      expectListing(runGpu("3", ["nvidia-smi", "-L"], ["--volume", `${volume.path}:/etc`]), "one index");
      expect(volume.snapshot()).toBe(before);
    });

    test("over the library folder lists its GPUs, and the volume stays as it was", () => {
      const volume = makeVolume(LIBRARIES);
      const before = volume.snapshot();
      expectListing(runGpu("3", ["nvidia-smi", "-L"], ["--volume", `${volume.path}:${LIBRARIES}`]), "one index");
      expect(volume.snapshot()).toBe(before);
    });
  });

  describe("where nvidia is the default runtime", () => {
    let byDefault: Docker;

    beforeAll(() => {
      byDefault = startDocker(scope, { runtime: host.runtime, settings: { "default-runtime": "nvidia" } });
      importImage(byDefault, debianTree(), "debian");
    });

    test("has the GPUs that it asks for, and a plain container has nothing of the driver", () => {
      const gpu = byDefault.run(...RUN, "--rm", "--env", "NVIDIA_VISIBLE_DEVICES=3", "debian", "nvidia-smi", "-L");
      expectListing(gpu, "one index");
      const plain = byDefault.must(
        ...RUN,
        "--detach",
        "debian",
        "sh",
        "-c",
        "ls /dev | grep nvidia; ls /usr/bin/nvidia*",
      );
      byDefault.must("wait", plain);
      expect(byDefault.run("logs", plain).stdout).toBe("");
      expect(byDefault.must("diff", plain)).toBe("");
    });

    test("is built by docker build", () => {
      const folder = scope.folder("build");
      writeFileSync(join(folder, "Dockerfile"), 'FROM debian\nRUN echo built >/built\nCMD ["cat", "/built"]\n');
      byDefault.must("build", "--quiet", "--network", "none", "--tag", "built", folder);
      expect(byDefault.must(...RUN, "--rm", "built")).toBe("built");
    });
  });

  test("whose root is another user of the machine (userns-remap) lists its GPUs", () => {
    const subids = scope.folder("subids");
    writeFileSync(join(subids, "map"), "nobody:200000:65536\n");
    for (const name of ["upper", "work"]) mkdirSync(join(subids, name));
    // The machine's own /etc/subuid and /etc/subgid stay as they are: only this daemon sees others.
    const prepare = [
      `mount -t overlay overlay -o lowerdir=/etc,upperdir=${subids}/upper,workdir=${subids}/work /etc`,
      `cp ${subids}/map /etc/subuid`,
      `cp ${subids}/map /etc/subgid`,
    ].join("; ");
    const remapped = startDocker(scope, {
      runtime: host.runtime,
      settings: { "userns-remap": "nobody:nogroup" },
      prepare,
    });
    importImage(remapped, debianTree(), "debian");
    const words = [...RUN, "--rm", "--runtime", "nvidia", "--env", "NVIDIA_VISIBLE_DEVICES=3", "debian"];
    expect(
      remapped
        .run(...words, "sh", "-c", "cat /proc/self/uid_map")
        .stdout.trim()
        .split(/\s+/),
    ).toEqual(["0", "200000", "65536"]);
    expectListing(remapped.run(...words, "nvidia-smi", "-L"), "one index");
    const owners = remapped.run(
      ...words,
      "sh",
      "-c",
      `stat -c %u /etc/ld.so.cache /etc/ld.so.conf.d/* ${LIBRARIES}/libcuda.so.1`,
    );
    expect(new Set(owners.stdout.trim().split("\n"))).toEqual(new Set(["0"]));
  });

  // The last one: the host has another driver afterwards.
  test("has nothing of the old driver when it is started again after an upgrade", () => {
    const script = `nvidia-smi --query-gpu=driver_version --format=csv,noheader; ldconfig -p; find / -xdev -name "*${host.driver}*"; grep -r "${host.driver}" /etc || true`;
    const words = ["--runtime", "nvidia", "--env", "NVIDIA_VISIBLE_DEVICES=0", "debian", "sh", "-c", script];
    const id = docker.must(...RUN, "--detach", ...words);
    docker.must("wait", id);
    expect(docker.must("logs", id)).toContain(`libcuda.so.${host.driver}`);
    must([join(dist, "bin/berth"), "sim", "upgrade", host.dir, "--driver", NEW_DRIVER]);
    const after = docker.must("start", "--attach", id);
    expect(after).toContain(NEW_DRIVER);
    expect(after).not.toContain(host.driver);
    expect(after).toMatch(/^\tlibcuda\.so\.1 /m);
    expect(docker.must("diff", id)).not.toContain(host.driver);
    docker.must("rm", id);
  });

  test("leaves no file of berth in the folder of its bundle", () => {
    const left = readdirSync(join(host.dir, "run/berth"));
    expect(left.filter((name) => name.startsWith("."))).toEqual([]);
    expect(existsSync(join(host.dir, "run/berth/host.json"))).toBe(true);
    expect(readFileSync(join(host.dir, "var/log/nvidia-container-runtime.log"), "utf8")).toContain("BERTH-R001");
  });
});

/** What `docker diff` says, whose order is by chance. */
function changes(docker: Docker, id: string): string[] {
  return docker.must("diff", id).split("\n").toSorted();
}
