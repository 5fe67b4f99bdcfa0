import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { clientEnv } from "./engines/clients.ts";
import { writeOciArchive } from "./engines/oci-image.ts";
import { importIntoPodman, setUpPodman, type Podman } from "./engines/podman.ts";
import { NO_NETWORK } from "./engines/words.ts";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";

const NEWER_CUDA = ["ENV CUDA_VERSION=99.1.0", "ENV NVIDIA_REQUIRE_CUDA=cuda>=99.1"];

interface Explained {
  readonly kind: string;
  readonly id?: string;
  readonly cause?: string;
  readonly remedy?: string;
  readonly here?: { readonly cause: string } | null;
  readonly container?: { readonly status: string; readonly exitCode: number | null } | null;
}

describeWith(["docker", "dockerd", "podman", "runc", "busybox"], "errors and images of real engines", () => {
  let scope: Scope;
  let host: SimHost;
  let docker: Docker;
  let podman: Podman;
  let env: Readonly<Record<string, string>>;
  let tree: string;

  beforeAll(() => {
    scope = new Scope("explain");
    host = simHost(scope, "rtx4090x2");
    tree = busyboxTree();
    const gone = { path: "/usr/bin/nvidia-container-runtime.gone" };
    const settings = { features: { cdi: false }, runtimes: { nvidia: { path: host.runtime }, gone } };
    docker = startDocker(scope, { runtime: host.runtime, settings });
    podman = setUpPodman(scope, program("runc"));
    importImage(docker, tree, "box");
    importImage(docker, tree, "newer", NEWER_CUDA);
    importIntoPodman(podman, tree, "box");
    importIntoPodman(podman, tree, "newer", NEWER_CUDA);
    env = clientEnv(scope, { docker, podman });
  }, 600_000);

  afterAll(() => scope.close());

  /** A shell and little else. */
  function busyboxTree(): string {
    const folder = scope.folder("tree");
    for (const name of ["bin", "etc", "usr", "lib", "tmp"]) mkdirSync(join(folder, name));
    copyFileSync(program("busybox"), join(folder, "bin/busybox"));
    for (const name of ["sh", "true", "echo"]) symlinkSync("busybox", join(folder, "bin", name));
    return folder;
  }

  const berth = (words: readonly string[], stdin?: string): Output =>
    run([join(dist, "bin/berth"), ...words], { env, ...(stdin === undefined ? {} : { stdin }) });
  /** With the GPUs of the simulated host, or with the dockerd that runs here. */
  const hostRoot = (): readonly string[] => ["--root", host.dir];

  function explain({ status, stderr }: Output, atHost = hostRoot()): Explained {
    expect(status).not.toBe(0);
    return JSON.parse(berth([...atHost, "explain", "--json"], stderr).stdout);
  }

  const runDocker = (...args: readonly string[]): Output => docker.run("run", "--rm", ...NO_NETWORK, ...args);
  const runPodman = (...args: readonly string[]): Output => podman.run("run", "--rm", ...NO_NETWORK, ...args);

  describe("berth explain knows what Docker prints", () => {
    test("of --gpus without a hook", () => {
      expect(explain(runDocker("--gpus", "all", "box", "true"))).toMatchObject({
        id: "docker-no-gpu-driver",
        here: { cause: expect.stringContaining(host.dir) },
      });
    });

    test("of a driver that is named", () => {
      const said = runDocker("--gpus", "driver=nvidia,count=1", "box", "true");
      expect(explain(said)).toMatchObject({ id: "docker-no-nvidia-driver" });
    });

    test("of a runtime that it does not know", () => {
      const said = runDocker("--runtime", "nvidia-legacy", "box", "true");
      expect(explain(said, [])).toMatchObject({
        id: "docker-unknown-runtime",
        here: { cause: expect.stringMatching(/^"\S+daemon.json" names only nvidia, gone$/) },
        remedy: expect.stringContaining('"nvidia-legacy"'),
      });
    });

    test("of a runtime whose program is gone", () => {
      expect(explain(runDocker("--runtime", "gone", "box", "true"), [])).toMatchObject({
        id: "runtime-program-gone",
        here: { cause: 'there is no "/usr/bin/nvidia-container-runtime.gone" on this machine' },
      });
    });

    test("of a CDI device while CDI is off", () => {
      const said = runDocker("--device", "nvidia.com/gpu=all", "box", "true");
      expect(explain(said, [])).toMatchObject({
        id: "docker-no-cdi-driver",
        here: { cause: expect.stringMatching(/^CDI is off in the dockerd \d[\d.]+ that answers$/) },
      });
    });

    test("of a device that is not there", () => {
      expect(explain(runDocker("--device", "/dev/nvidia99", "box", "true"))).toMatchObject({
        id: "device-node-missing",
      });
    });

    test("of a program of the driver in a container without a GPU", () => {
      expect(explain(runDocker("box", "nvidia-smi"))).toMatchObject({ id: "no-nvidia-smi" });
    });

    test("of a refusal of berth's own, with its cause and remedy", () => {
      const said = explain(runDocker("--runtime", "nvidia", "--env", "NVIDIA_VISIBLE_DEVICES=99", "box", "true"));
      expect(said).toMatchObject({ id: "BERTH-R001", cause: expect.stringMatching(/^Cannot find GPU 99: /) });
      expect(said.remedy).not.toContain("unknown");
    });

    test("of an image that demands too much", () => {
      const said = explain(runDocker("--runtime", "nvidia", "--env", "NVIDIA_VISIBLE_DEVICES=0", "newer", "true"));
      expect(said).toMatchObject({ id: "BERTH-R007", cause: expect.stringContaining("cuda>=99.1") });
    });

    test("of what has nothing to do with a GPU: that it does not know it", () => {
      expect(explain(runDocker("box", "no-such-program")).kind).toBe("unknown");
    });
  });

  describe("berth explain knows what podman prints", () => {
    test("of a CDI device that no file defines", () => {
      expect(explain(runPodman("--device", "nvidia.com/gpu=all", "box", "true"))).toMatchObject({
        id: "cdi-unresolvable",
      });
    });

    test("of a program of the driver in a container without a GPU", () => {
      expect(explain(runPodman("box", "nvidia-smi"))).toMatchObject({ id: "no-nvidia-smi" });
    });

    test("of a refusal of berth's own", () => {
      const said = podman.run(
        "--runtime",
        host.runtime,
        "run",
        "--rm",
        ...NO_NETWORK,
        "--env",
        "NVIDIA_VISIBLE_DEVICES=99",
        "box",
        "true",
      );
      expect(explain(said)).toMatchObject({ id: "BERTH-R001" });
    });
  });

  describe("berth explain NAME", () => {
    const explainName = (name: string): Explained =>
      JSON.parse(berth([...hostRoot(), "explain", "--json", name]).stdout);

    test("takes the error of a container that Docker could not start", () => {
      docker.must(
        "create",
        "--name",
        "refused",
        ...NO_NETWORK,
        "--runtime",
        "nvidia",
        "--env",
        "NVIDIA_VISIBLE_DEVICES=99",
        "box",
        "true",
      );
      expect(docker.run("start", "refused").status).not.toBe(0);
      expect(explainName("refused")).toMatchObject({
        id: "BERTH-R001",
        container: { engine: "docker", status: "created" },
      });
    });

    const SMI = 'echo "Failed to initialize NVML: Unknown Error"; echo done >&2; exit 255';

    test("reads what a container of Docker's has printed before it ended", () => {
      expect(docker.run("run", "--name", "ended", ...NO_NETWORK, "box", "sh", "-c", SMI).status).toBe(255);
      expect(explainName("ended")).toMatchObject({
        id: "nvml-unknown-error",
        container: { status: "exited", exitCode: 255 },
      });
    });

    test("and one of podman's", () => {
      expect(
        podman.run("run", "--log-driver", "k8s-file", "--name", "sunk", ...NO_NETWORK, "box", "sh", "-c", SMI).status,
      ).toBe(255);
      expect(explainName("sunk")).toMatchObject({
        id: "nvml-unknown-error",
        container: { engine: "podman", exitCode: 255 },
      });
    });

    test("ends with 1 for a container that ended well, and says so of one that is not there", () => {
      docker.must("run", "--name", "fine", ...NO_NETWORK, "box", "true");
      expect(berth([...hostRoot(), "explain", "fine"])).toMatchObject({
        status: 1,
        stdout: expect.stringContaining("exit code 0"),
      });
      expect(berth([...hostRoot(), "explain", "nobody"])).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("BERTH-E001"),
      });
    });
  });

  describe("berth preflight", () => {
    const verdict = (...words: readonly string[]) => {
      const { status, stdout } = berth([...hostRoot(), "preflight", "--json", ...words]);
      return { status, ...JSON.parse(stdout) };
    };

    test.each(["docker", "podman"])("says what a start would say, of an image that %s has", (engine) => {
      const source = { image: { source: engine } };
      expect(verdict("--engine", engine, "box")).toMatchObject({ status: 0, verdict: "starts", ...source });
      expect(verdict("--engine", engine, "newer")).toMatchObject({
        status: 1,
        verdict: "refused",
        problem: { code: "BERTH-R007" },
        image: { source: engine, cuda: "99.1", conditions: ["NVIDIA_REQUIRE_CUDA=cuda>=99.1"] },
      });
    });

    test("reads an OCI layout in a tar file, and what docker save writes", () => {
      const ENV = ["CUDA_VERSION=12.4.1", "NVIDIA_REQUIRE_CUDA=cuda>=12.4"];
      const archive = writeOciArchive(scope, [{ name: "example.org/box:1", tree, env: ENV }]);
      expect(verdict(archive)).toMatchObject({ status: 0, verdict: "starts", image: { cuda: "12.4" } });
      const saved = join(scope.folder("saved"), "newer.tar");
      docker.must("save", "newer", "--output", saved);
      expect(verdict(saved)).toMatchObject({ status: 1, verdict: "refused" });
    });

    test("starts nothing and says what it did not find", () => {
      expect(berth([...hostRoot(), "preflight", "no-such-image"])).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("BERTH-Q001"),
      });
    });
  });
});
