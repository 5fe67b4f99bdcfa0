import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { traceLayer, type LayerTrace } from "./engines/docker.ts";
import { snapshotOf } from "./engines/volume.ts";
import { LIST_NODES, NO_NETWORK } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith } from "./lib/gate.ts";
import { must, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

const LIBRARIES = "/usr/lib/x86_64-linux-gnu";

/** Makes the CDI file of a simulated host, as a user does. */
function generate(host: SimHost, file: string, ...flags: readonly string[]): void {
  must([join(host.bin, "berth"), "cdi", "generate", "--output", file, ...flags]);
}

describeWith(["docker", "dockerd", "debootstrap"], "a container of Docker with a CDI device of berth", () => {
  let scope: Scope;
  let host: SimHost;
  let specs: string;
  let docker: Docker;
  const hosts = new Map<string, SimHost>();

  beforeAll(() => {
    scope = new Scope("cdi-docker");
    host = simHost(scope, "h100x8");
    specs = join(scope.folder("specs"), "cdi");
    generate(host, join(specs, "nvidia.yaml"));
    const settings = { features: { cdi: true }, "cdi-spec-dirs": [specs] };
    docker = startDocker(scope, { runtime: host.runtime, settings });
    importImage(docker, debianTree(), "debian");
  }, 600_000);

  afterAll(() => scope.close());

  function runWith(devices: readonly string[], args: readonly string[], options: readonly string[] = []): Output {
    const words = devices.flatMap((name) => ["--device", `nvidia.com/gpu=${name}`]);
    return docker.run("run", "--rm", ...NO_NETWORK, ...words, ...options, "debian", ...args);
  }

  describe("(--device)", () => {
    test("lists exactly its GPUs: by index, all, UUID, several", () => {
      const list = (...devices: readonly string[]): Output => runWith(devices, ["nvidia-smi", "-L"]);
      const expected = (...indices: readonly number[]) => ({
        status: 0,
        stdout: listing(pick(host, ...indices)),
        stderr: "",
      });
      expect(list("0")).toEqual(expected(0));
      expect(list("all")).toEqual({ status: 0, stdout: listing(host.gpus), stderr: "" });
      expect(list(pick(host, 5)[0]?.uuid ?? "")).toEqual(expected(5));
      expect(list("2", "7")).toEqual(expected(2, 7));
    });

    test("has the nodes of its GPUs and of no other, and the loader finds libcuda", () => {
      expect(runWith(["2", "5"], ["sh", "-c", LIST_NODES]).stdout).toBe(
        "nvidia-modeset nvidia-uvm nvidia-uvm-tools nvidia2 nvidia5 nvidiactl\n",
      );
      const { stdout } = runWith(["2"], ["sh", "-c", "ldconfig -p; ls -l /dev/dri/by-path; env"]);
      expect(stdout).toContain(`libcuda.so.1 (libc6,x86-64) => ${LIBRARIES}/libcuda.so.${host.driver}`);
      const { bus, drm } = pick(host, 2)[0] ?? { bus: "", drm: { card: 0, render: 0 } };
      expect(stdout).toContain(`pci-${bus}-card -> ../card${drm.card}`);
      expect(stdout.match(/pci-/g)).toHaveLength(2);
      expect(stdout).toContain(`NVIDIA_CTK_LIBCUDA_DIR=${LIBRARIES}`);
    });

    test("cannot open a GPU that was not granted, even after making its node", () => {
      const [granted, other] = pick(host, 2, 3);
      const make = `mknod /granted c 195 ${granted?.minor}; mknod /other c 195 ${other?.minor}`;
      const { stderr } = runWith(["2"], ["sh", "-c", `${make}; cat /granted; cat /other`]);
      expect(stderr).toBe("cat: /granted: No such device or address\ncat: /other: Operation not permitted\n");
    });

    for (const options of [
      "--user 1000",
      "--read-only --user 1000 --cap-drop ALL",
      "--tmpfs /etc",
      "--runtime nvidia",
      "--privileged",
    ]) {
      test(`lists its GPU with ${options}`, () => {
        expect(runWith(["3"], ["nvidia-smi", "-L"], options.split(" "))).toMatchObject({
          stdout: listing(pick(host, 3)),
          stderr: "",
        });
      });
    }

    test("leaves nothing more in its layer after ten starts than after one", () => {
      const id = docker.must("create", ...NO_NETWORK, "--device", "nvidia.com/gpu=1", "debian", "nvidia-smi", "-L");
      const start = (): LayerTrace => {
        expect(docker.must("start", "--attach", id)).toBe(listing(pick(host, 1)).trimEnd());
        return traceLayer(scope, docker, id);
      };
      const first = start();
      for (let count = 2; count < 10; count += 1) expect(docker.must("start", "--attach", id)).not.toBe("");
      expect(start()).toEqual(first);
      docker.must("rm", id);
    });

    test("never writes into a volume that covers /etc, and finds the driver's libraries", () => {
      const volume = scope.folder("volume");
      must(["cp", "-a", `${debianTree()}/etc/.`, volume]);
      const ownFiles = (): string[] =>
        snapshotOf(volume)
          .split("\n")
          .filter((line) => /ld\.so|nvidia-application/.test(line));
      const before = ownFiles();
      const output = runWith(["3"], ["nvidia-smi", "-L"], ["--volume", `${volume}:/etc`]);
      expect(output).toEqual({ status: 0, stdout: listing(pick(host, 3)), stderr: "" });
      expect(ownFiles()).toEqual(before);
    });

    test("is refused, with the reason, where Docker mounts a volume over the libraries", () => {
      const volume = scope.folder("volume");
      must(["cp", "-a", `${debianTree()}${LIBRARIES}/.`, volume]);
      const { status, stderr } = runWith(["3"], ["nvidia-smi", "-L"], ["--volume", `${volume}:${LIBRARIES}`]);
      expect(status).not.toBe(0);
      expect(stderr).toContain(`BERTH-P002: Cannot give the container "${LIBRARIES}/`);
      expect(stderr).toContain(`the engine has mounted "${LIBRARIES}" over it`);
    });
  });

  test("a driver upgrade followed by a refresh leaves nothing of the old driver in a container that existed", () => {
    const other = simHost(scope, "rtx4090x2");
    const file = join(specs, "other.json");
    generate(other, file, "--vendor", "example.com");
    const id = docker.must(
      "create",
      ...NO_NETWORK,
      "--device",
      "example.com/gpu=1",
      "debian",
      "sh",
      "-c",
      "nvidia-smi -L && ldconfig -p",
    );
    const before = docker.must("start", "--attach", id);
    expect(before).toStartWith(listing(pick(other, 1)));
    must([join(other.bin, "berth"), "sim", "upgrade", other.dir, "--driver", "575.57.08"]);
    generate(other, file, "--vendor", "example.com");
    const after = docker.must("start", "--attach", id);
    expect(after).toContain(`libcuda.so.575.57.08`);
    expect(after).not.toContain(other.driver);
    expect(docker.must("diff", id)).not.toContain(other.driver);
    docker.must("rm", id);
  });

  for (const [profile, mode, list] of [
    ["a100x8-mig", "auto", "GPU 0: NVIDIA A100"],
    ["a100x8-mig", "management", ""],
    ["gb200x4-imex", "auto", "GPU 0: NVIDIA GB200"],
    ["gb200x4-imex", "imex", ""],
    ["gds", "gds", ""],
    ["gds", "mofed", ""],
    ["gds", "gdrcopy", ""],
    ["gds", "nvswitch", ""],
    ["l40s-graphics", "auto", "GPU 0: NVIDIA L40S"],
    ["orin-csv", "auto", ""],
    ["wsl", "auto", ""],
  ] as const) {
    test(`the file of ${profile} in the mode ${mode} is read by Docker, and a container gets everything in it`, () => {
      const other = hostOf(profile);
      const vendor = `${profile}-${mode}.example`;
      const file = join(specs, `${vendor}.yaml`);
      generate(other, file, "--mode", mode, "--vendor", vendor);
      const kind = /^kind: (.*)$/m.exec(readFileSync(file, "utf8"))?.[1];
      const script = list === "" ? "true" : "nvidia-smi -L";
      const output = docker.run("run", "--rm", ...NO_NETWORK, "--device", `${kind}=all`, "debian", "sh", "-c", script);
      expect(output).toMatchObject({ status: 0, stderr: "" });
      expect(output.stdout).toStartWith(list);
      rmSync(file);
    });
  }

  test("a MIG device is its own two capability nodes and its parent, by number and by UUID", () => {
    const other = hostOf("a100x8-mig");
    generate(other, join(specs, "mig.json"), "--vendor", "mig.example");
    const [, gpu] = other.gpus;
    const [first] = gpu?.mig ?? [];
    const run = (name: string): string =>
      docker.must(
        "run",
        "--rm",
        ...NO_NETWORK,
        "--device",
        `mig.example/gpu=${name}`,
        "debian",
        "sh",
        "-c",
        "nvidia-smi -L; ls /dev/nvidia-caps",
      );
    expect(run("1:0")).toContain(first?.uuid ?? "no UUID");
    expect(run("1:0").match(/MIG-/g)).toHaveLength(1);
    expect(run("1:0").match(/nvidia-cap\d+/g)).toHaveLength(2);
    expect(run(first?.uuid ?? "")).toBe(run("1:0"));
    rmSync(join(specs, "mig.json"));
  });

  test("the file can be read by everybody", () => {
    expect(statSync(join(specs, "nvidia.yaml")).mode & 0o777).toBe(0o644);
  });

  /** Each host is made once. */
  function hostOf(profile: string): SimHost {
    const known = hosts.get(profile) ?? simHost(scope, profile);
    hosts.set(profile, known);
    return known;
  }
});
