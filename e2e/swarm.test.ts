import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NO_NETWORK } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { runBerth } from "./lib/berth.ts";
import { dockerAt, dockerSettings, importImage, withOwnNetworks, type Docker } from "./lib/daemon.ts";
import { describeWith, program } from "./lib/gate.ts";
import type { Output } from "./lib/run.ts";
import { Scope, waitFor } from "./lib/scope.ts";
import { startService, type Service } from "./lib/service.ts";
import { listing, simHost, type SimHost } from "./lib/sim-host.ts";

const TASK_MS = 30_000;
const IMAGE = "ubuntu:24.04";
const STACK = join(import.meta.dir, "../docs/swarm/stack.yaml");

/** A GPU that is not there any more. */
const GONE = "NVIDIA-GPU=GPU-00000000-1111-2222-3333-444444444444";

describeWith(["docker", "dockerd", "debootstrap", "busybox"], "berth setup swarm", () => {
  let scope: Scope;
  let host: SimHost;
  let service: Service;
  let docker: Omit<Docker, "pid">;
  let config: string;
  /** daemon.json and config.toml as their owner wrote them. */
  let own: readonly [string, string];

  beforeAll(() => {
    scope = new Scope("swarm");
    host = simHost(scope, "rtx4090x2");
    const folder = scope.folder("docker");
    config = join(host.dir, "etc/docker/daemon.json");
    mkdirSync(join(host.dir, "etc/docker"), { recursive: true });
    const settings = { ...dockerSettings(folder), "node-generic-resources": ["disks=2", GONE] };
    own = [`${JSON.stringify(settings, undefined, 2)}\n`, readFileSync(host.configPath, "utf8")];
    writeFileSync(config, own[0]);
    docker = dockerAt(scope, folder);
    const argv = withOwnNetworks([program("dockerd"), "--config-file", config]);
    service = startService(scope, "docker.service", argv, `${program("docker")} --host ${docker.host} version`);
    importImage(docker, debianTree(), IMAGE);
    docker.must("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1");
    scope.defer(() => docker.run("swarm", "leave", "--force"));
  }, 600_000);

  afterAll(() => scope.close());

  function berth(...args: readonly string[]): Output {
    const env = { PATH: `${service.bin}:${process.env["PATH"]}`, HOME: scope.dir };
    return runBerth(host, args, { env, timeoutMs: 120_000 });
  }

  const files = (): readonly string[] => [config, host.configPath].map((path) => readFileSync(path, "utf8"));
  /** As "NVIDIA-GPU=GPU-…", sorted. */
  function offered(): string[] {
    const range = "{{range .Description.Resources.GenericResources}}";
    const each =
      "{{with .NamedResourceSpec}}{{.Kind}}={{.Value}} {{end}}{{with .DiscreteResourceSpec}}{{.Kind}}={{.Value}} {{end}}";
    return docker.must("node", "inspect", "self", "--format", `${range}${each}{{end}}`).trim().split(" ").toSorted();
  }

  /** A service of GPU containers that list what they have, and stay. */
  function serve(name: string, replicas: number, ...wish: readonly string[]): void {
    const words = ["--quiet", "--detach", "--no-resolve-image", "--network", "host", "--restart-condition", "none"];
    const script = "nvidia-smi -L; exec sleep infinity";
    const all = ["--name", name, ...words, ...wish, "--replicas", String(replicas)];
    docker.must("service", "create", ...all, "--stop-signal", "KILL", IMAGE, "sh", "-c", script);
  }

  /** What the tasks that run have written. */
  function listings(): readonly string[] {
    const ids = docker.must("ps", "--quiet").split("\n");
    return ids.map((id) =>
      waitFor(
        () => docker.must("logs", id) || undefined,
        TASK_MS,
        () => `${id} says nothing`,
      ),
    );
  }

  /** Takes a service or a stack away, and waits until its tasks are gone. */
  function remove(what: "service" | "stack", name: string): void {
    docker.must(what, "rm", name);
    waitFor(
      () => (docker.must("ps", "--quiet") === "" ? true : undefined),
      TASK_MS,
      () => docker.must("ps"),
    );
  }

  const oneEach = (): string[] => host.gpus.map((gpu) => listing([gpu]).trimEnd()).toSorted();

  /** A line a task, as soon as there are as many in that state. */
  function tasksIn(name: string, state: string, count: number): string[] {
    const format = "{{.CurrentState}}|{{.Error}}";
    const lines = (): string[] =>
      docker.must("service", "ps", name, "--no-trunc", "--format", format).split("\n").filter(Boolean);
    return waitFor(
      () => {
        const found = lines().filter((line) => line.startsWith(state));
        return found.length === count ? found : undefined;
      },
      TASK_MS,
      () => `${lines().join("; ")} ${service.log().slice(-1000)}`,
    );
  }

  test("with --dry-run shows what both files would say, and writes nothing", () => {
    const { status, stdout } = berth("setup", "swarm", "--dry-run");
    expect(status).toBe(0);
    expect(stdout).toContain(`+++ ${host.configPath}\n`);
    expect(stdout).toContain('+swarm-resource = "DOCKER_RESOURCE_NVIDIA-GPU"\n');
    expect(stdout).toContain(`+++ ${config}\n`);
    for (const { uuid } of host.gpus) expect(stdout).toContain(`"NVIDIA-GPU=${uuid}"`);
    expect(files()).toEqual(own);
  });

  test("writes both, says that dockerd has to be restarted, and with --restart the node offers its GPUs", () => {
    const first = berth("setup", "swarm", "--no-trial");
    expect(first).toMatchObject({ status: 0, stderr: "" });
    expect(first.stdout).toContain(
      "it has to be restarted before all of this counts: systemctl restart docker.service",
    );
    expect(offered()).toEqual([GONE, "disks=2"]);
    expect(berth("doctor", "--only", "swarm").stdout).toContain("BERTH-H009: dockerd does not offer to Swarm what");
    const again = berth("setup", "swarm", "--restart");
    expect(again).toMatchObject({ status: 0, stderr: "" });
    expect(again.stdout).toEndWith(
      [
        "docker 26.1.5: its files say everything already",
        "docker 26.1.5: restarted",
        "docker 26.1.5: a container with the runtime nvidia has used CUDA on 2 GPUs\n",
      ].join("\n"),
    );
    expect(docker.must("info", "--format", "{{.DefaultRuntime}}")).toBe("nvidia");
    const wished = [...host.gpus.map(({ uuid }) => `NVIDIA-GPU=${uuid}`), "disks=2"].toSorted();
    const isThere = (): true | undefined => (offered().join() === wished.join() ? true : undefined);
    expect(waitFor(isThere, TASK_MS, () => offered().join())).toBeTrue();
  });

  test("again finds that nothing is to be done, and so does the doctor", () => {
    expect(berth("doctor", "--only", "swarm").stdout).toContain('2 GPUs as "NVIDIA-GPU"');
    expect(berth("setup", "swarm", "--no-trial")).toEqual({
      status: 0,
      stdout: "docker 26.1.5: its files say everything already\n",
      stderr: "",
    });
  });

  test("gives each task a GPU of its own, and a third one has to wait for one", () => {
    serve("work", 3, "--generic-resource", "NVIDIA-GPU=1");
    tasksIn("work", "Running", 2);
    const [waiting] = tasksIn("work", "Pending", 1);
    expect(waiting).toContain("no suitable node (insufficient resources on 1 node)");
    expect(listings().toSorted()).toEqual(oneEach());
    docker.must("rm", "--force", docker.must("ps", "--latest", "--quiet"));
    tasksIn("work", "Pending", 0);
    tasksIn("work", "Running", 2);
    remove("service", "work");
  });

  test("serves the documentation's stack, on a network of its own", () => {
    docker.must("stack", "deploy", "--detach", "--compose-file", STACK, "docs");
    tasksIn("docs_train", "Running", 2);
    expect(listings().toSorted()).toEqual(oneEach());
    remove("stack", "docs");
    expect(readFileSync(join(STACK, "../../swarm.md"), "utf8")).toContain(
      `\`\`\`yaml\n${readFileSync(STACK, "utf8")}\`\`\`\n`,
    );
  });

  test("leaves the choice to berth where Swarm only counts", () => {
    appendFileSync(host.configPath, "lease-unchecked = true\n");
    serve("counted", 3, "--generic-resource", "disks=1", "--env", "NVIDIA_VISIBLE_DEVICES=any:1");
    tasksIn("counted", "Running", 2);
    tasksIn("counted", "Pending", 1);
    expect(listings().toSorted()).toEqual(oneEach());
    remove("service", "counted");
    const before = readFileSync(host.configPath, "utf8");
    writeFileSync(host.configPath, before.replace("lease-unchecked = true\n", ""));
  });

  describe("where a node says how many GPUs it has, and not which,", () => {
    test("a task is refused: the number is no GPU's", () => {
      const words = ["run", "--rm", ...NO_NETWORK, "--env", "DOCKER_RESOURCE_NVIDIA-GPU=1", IMAGE, "true"];
      const { status, stderr } = docker.run(...words);
      expect(status).not.toBe(0);
      expect(stderr).toContain("BERTH-T007: Cannot give GPUs by DOCKER_RESOURCE_NVIDIA-GPU=1: ");
      expect(stderr).toContain("berth setup swarm");
    });
  });

  describe("on a machine", () => {
    const setUp = (profile: string, ...words: readonly string[]): Output => {
      const machine = simHost(scope, profile);
      for (const each of words) expect(runBerth(machine, [each]).status).toBe(0);
      return runBerth(machine, ["setup", "swarm", "--dry-run", "--kind", "gpu"]);
    };

    test("with MIG offers its MIG devices, once the driver was asked for their UUIDs", () => {
      const { status, stderr } = setUp("a100x8-mig");
      expect(status).toBe(1);
      expect(stderr).toContain(
        "BERTH-T006: Cannot offer GPUs to Swarm: the UUID of MIG device gi1 ci0 of GPU 0 is not",
      );
      const { stdout } = setUp("a100x16-mig112", "host");
      expect(stdout.match(/"gpu=MIG-/g)).toHaveLength(112);
      expect(stdout).not.toContain("gpu=GPU-");
      expect(stdout).toContain('+swarm-resource = "DOCKER_RESOURCE_GPU"\n');
    });

    test("without a GPU is refused", () => {
      expect(setUp("none").stderr).toContain("BERTH-T006: Cannot offer GPUs to Swarm: the NVIDIA driver is not loaded");
    });
  });

  test("--undo gives both files back byte for byte, and with --restart the node offers what it did", () => {
    const { status, stdout } = berth("setup", "swarm", "--undo", "--restart");
    expect(status).toBe(0);
    expect(stdout).toContain(`${config} is as it was, byte for byte\n`);
    expect(stdout).toContain(`${host.configPath} is as it was, byte for byte\n`);
    expect(files()).toEqual(own);
    expect(existsSync(join(host.dir, "var/lib/berth/setup.json"))).toBeFalse();
    expect(docker.must("info", "--format", "{{.DefaultRuntime}} {{len .GenericResources}}")).toBe("runc 2");
    expect(berth("setup", "swarm", "--undo").stdout).toBe("Swarm was told of nothing\n");
  });

  test("--undo leaves what setup docker has done, and the other way round it is taken back with it", () => {
    expect(berth("setup", "docker", "--no-trial").status).toBe(0);
    const afterDocker = files();
    expect(berth("setup", "swarm", "--no-trial").status).toBe(0);
    expect(berth("setup", "swarm", "--undo")).toMatchObject({ status: 0, stderr: "" });
    expect(files()).toEqual(afterDocker);
    expect(docker.must("info", "--format", "{{.DefaultRuntime}} {{json .Runtimes}}")).toMatch(/^runc .*"nvidia"/);
    expect(berth("setup", "swarm", "--no-trial").status).toBe(0);
    expect(berth("setup", "--undo", "docker").status).toBe(0);
    expect(files()).toEqual(own);
  });
});
