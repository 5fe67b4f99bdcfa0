import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePlainBundle } from "./lib/bundle.ts";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { must, run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";

const RUNC_ID = "4f0c1f6f1f7b2d5a7f3a9e1b6c8d0e2f4a6b8c0d1e3f5a7b9c1d3e5f7a9b1c3d";

describeWith(["runc", "docker", "dockerd", "busybox"], "berth gpus", () => {
  let scope: Scope;
  let host: SimHost;
  let docker: Docker;

  beforeAll(() => {
    scope = new Scope("gpus");
    host = simHost(scope, "h100x8");
    mkdirSync(join(host.dir, "var/lib/berth-sim"), { recursive: true });
    docker = startDocker(scope, { runtime: host.runtime });
    const tree = scope.folder("worker");
    makeSleeper(tree);
    importImage(docker, tree, "worker");
  }, 600_000);

  afterAll(() => scope.close());

  const write = (...lines: readonly string[]): void =>
    writeFileSync(join(host.dir, "var/lib/berth-sim/nvml-state"), `${lines.join("\n")}\n`);
  const gpus = (...args: readonly string[]): Output =>
    run([join(dist, "bin/berth"), "--root", host.dir, "gpus", ...args], {
      env: { PATH: process.env["PATH"] ?? "", DOCKER_HOST: docker.host },
    });

  test("shows a container of Docker by name, with image, project and user, and one of runc by its id", () => {
    const labels = ["--label", "com.docker.compose.project=shop"];
    const words = [
      "--detach",
      "--runtime",
      "runc",
      "--network",
      "none",
      "--name",
      "web-1",
      "--user",
      "4321",
      ...labels,
    ];
    docker.must("run", ...words, "worker", "sleep", "600");
    const dockerPid = docker.must("inspect", "--format", "{{.State.Pid}}", "web-1").trim();
    const runcPid = startRunc(scope);
    write(`0 gpu-percent 96`, `0 memory-used-mib 11848`, `0 process ${dockerPid} 11821`, `5 process ${runcPid} 512`);

    const { status, stdout, stderr } = gpus();
    expect([status, stderr]).toEqual([0, ""]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(9);
    expect(lines[1]).toMatch(
      /^0  H100 80GB HBM3  30°C  96 %  11848 \/ 81559 MiB  web-1\/4321\(11821M, worker, shop\)$/,
    );
    expect(lines[6]).toMatch(/^5 .* 4f0c1f6f1f7b\/root\(512M\)$/);

    const json: { processes: unknown[]; containers: unknown[] } = JSON.parse(gpus("--json").stdout);
    expect(json.processes).toMatchObject([
      { gpu: 0, pid: Number(dockerPid), uid: 4321, command: "sleep" },
      { gpu: 5, pid: Number(runcPid), uid: 0, containerId: RUNC_ID },
    ]);
    expect(json.containers).toMatchObject([
      { name: "web-1", image: "worker", project: "shop" },
      { id: RUNC_ID, name: null },
    ]);
  });

  test("marks a GPU that hangs and one that is lost, and the others go on", () => {
    write("2 hang", "3 fail 15", "7 gpu-percent 44");
    const { status, stdout } = gpus();
    const lines = stdout.trimEnd().split("\n");
    expect(status).toBe(0);
    expect(lines[0]).toEndWith("8 GPUs, 2 sick");
    expect(lines[3]).toEndWith("SICK: it has not answered within 1 second");
    expect(lines[4]).toEndWith("GPU_IS_LOST");
    expect(lines[8]).toContain(" 44 % ");
  });
});

/** A root file system that can do nothing else. */
function makeSleeper(tree: string): void {
  mkdirSync(join(tree, "bin"));
  copyFileSync(program("busybox"), join(tree, "bin/sleep"));
}

/** A container of plain runc that sleeps for as long as the scope lasts; gives its process. */
function startRunc(scope: Scope): string {
  const bundle = makePlainBundle(scope, makeSleeper, { args: ["sleep", "600"] });
  const state = join(bundle.dir, "state");
  const pidFile = join(bundle.dir, "pid");
  const runc = [program("runc"), "--root", state];
  scope.defer(() => void run([...runc, "delete", "--force", RUNC_ID]));
  // Whoever reads its output would wait for the container's end.
  Bun.spawnSync([...runc, "create", "--pid-file", pidFile, "--bundle", bundle.dir, RUNC_ID], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  must([...runc, "start", RUNC_ID]);
  return readFileSync(pidFile, "utf8");
}
