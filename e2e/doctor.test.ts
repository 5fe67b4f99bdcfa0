import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { startContainerd, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { must, run, type Output } from "./lib/run.ts";
import { Scope, waitFor } from "./lib/scope.ts";

const BERTH = join(dist, "bin/berth");

interface Answer {
  readonly isWell: boolean;
  readonly checks: readonly {
    readonly id: string;
    readonly result: string;
    readonly cause: string | null;
    readonly mending: unknown;
  }[];
}

/** "fail driver-module" */
function faultsOf({ checks }: Answer): readonly string[] {
  return checks
    .filter(({ result }) => result === "fail" || result === "warning")
    .map(({ id, result }) => `${result} ${id}`);
}

describeWith(["runc"], "berth doctor on simulated hosts", () => {
  let scope: Scope;
  beforeAll(() => void (scope = new Scope("doctor")));
  afterAll(() => scope.close());

  function up(profile: string): string {
    const dir = join(scope.folder(profile), "host");
    must([BERTH, "sim", "up", dir, "--profile", profile]);
    return dir;
  }

  const doctor = (root: string, ...args: readonly string[]): Output => run([BERTH, "--root", root, "doctor", ...args]);
  const asked = (root: string, ...args: readonly string[]): Answer =>
    JSON.parse(doctor(root, "--json", ...args).stdout);

  test("all is well on a sound host, a container that runs nvidia's driver among it, and that is exit code 0", () => {
    const { status, stdout } = doctor(up("rtx4090x2"));
    expect(stdout).toMatch(/^pass {2}cuda-init +2 GPUs, CUDA 12\.8: a context was made$/m);
    expect(stdout).toMatch(/^pass {2}container +a container of runc /m);
    expect(stdout).toMatch(/^\d+ checks: \d+ passed, \d+ skipped\n$/m);
    expect(stdout.split("\n").filter((line) => Bun.stringWidth(line) > 80 && !line.includes("/"))).toEqual([]);
    expect(status).toBe(0);
  });

  test("a fault is exit code 1, a question that cannot be asked 2, and a check beside the fault 0", () => {
    const host = up("broken-driver-libraries");
    expect(doctor(host).status).toBe(1);
    const wrong = doctor(host, "--only", "drivr-libraries");
    expect(wrong.stderr).toContain('there is no such check: did you mean "driver-libraries"?');
    expect(wrong.status).toBe(2);
    const beside = doctor(host, "--only", "selinux", "--only", "driver-module");
    expect(beside.stdout.split("\n").map((line) => line.split(/ +/)[1])).toEqual([
      "pci-device",
      "driver-module",
      "selinux",
      "checks:",
      undefined,
    ]);
    expect(beside.status).toBe(0);
  });

  test("broken-container: only the container says that config.toml allows nothing of CUDA", () => {
    expect(faultsOf(asked(up("broken-container")))).toEqual(["fail container"]);
  });

  test("broken-mig: the container that would be refused for it is not tried", () => {
    expect(faultsOf(asked(up("broken-mig")))).toEqual(["fail mig"]);
  });

  /** What a fault's own command mends, whatever it was. */
  test.each(["broken-device-nodes", "broken-char-links", "broken-mig", "broken-imex", "broken-loader-cache"])(
    "%s: --fix shows its command, runs it, and nothing is wrong any more",
    (profile) => {
      const host = up(profile);
      const id = profile.slice("broken-".length);
      const { status, stdout, stderr } = doctor(host, "--fix", "--only", id);
      expect(stderr).toStartWith(`${id}: running: `);
      expect(stdout).toMatch(/^ {6}mended$/m);
      expect(status).toBe(0);
      expect(faultsOf(asked(host, "--only", id))).toEqual([]);
    },
  );

  test("after an upgrade of the driver --fix makes berth's CDI file anew", () => {
    const host = up("rtx4090x2");
    must([BERTH, "--root", host, "cdi", "refresh"]);
    expect(faultsOf(asked(host, "--only", "cdi-specs"))).toEqual([]);
    must([BERTH, "sim", "upgrade", host, "--driver", "575.57.08"]);
    expect(faultsOf(asked(host, "--only", "cdi-specs"))).toEqual(["fail cdi-specs"]);
    const fixed = asked(host, "--fix", "--only", "cdi-specs");
    expect(faultsOf(fixed)).toEqual([]);
    const argv = ["berth", "--root", host, "cdi", "refresh"];
    expect(fixed.checks.at(-1)?.mending).toEqual({ isRun: true, why: null, commands: [{ argv, failure: null }] });
  });

  test("what no command mends stays, and --fix runs nothing", () => {
    const { status, stdout, stderr } = doctor(up("broken-driver-version"), "--fix", "--only", "driver-version");
    expect(stdout).toMatch(/^FAIL {2}driver-version /m);
    expect(stderr).toBe("");
    expect(status).toBe(1);
  });
});

describeWith(["docker", "dockerd", "runc"], "berth doctor beside a real dockerd", () => {
  let scope: Scope;
  let docker: Docker;
  let file: string;
  let before: string;

  beforeAll(() => {
    scope = new Scope("doctor-docker");
    docker = startDocker(scope, { runtime: join(dist, "bin/nvidia-container-runtime") });
    file = join(dirname(docker.host.slice("unix://".length)), "daemon.json");
    before = readFileSync(file, "utf8");
  });
  afterAll(() => scope.close());

  const words = ["doctor", "--json", "--only", "docker-kind", "--only", "docker-config"];
  const ask = (...args: readonly string[]): Answer =>
    JSON.parse(
      run([BERTH, ...words, ...args], { env: { PATH: process.env["PATH"] ?? "", DOCKER_HOST: docker.host } }).stdout,
    );

  test("it says which daemon answers, and by which file that goes", () => {
    const { checks, isWell } = ask();
    expect(isWell).toBe(true);
    expect(JSON.stringify(checks)).toContain(docker.host);
    expect(JSON.stringify(checks)).toContain(file);
  });

  test("a runtime that was written into daemon.json and not read yet is a warning, which --fix mends without a restart", () => {
    const runtime = { path: join(dist, "bin/nvidia-container-runtime.cdi") };
    const config = JSON.parse(before);
    writeFileSync(file, JSON.stringify({ ...config, runtimes: { ...config.runtimes, later: runtime } }));
    expect(faultsOf(ask())).toEqual(["warning docker-config"]);
    ask("--fix");
    waitFor(
      () => faultsOf(ask()).length === 0 || undefined,
      10_000,
      () => "dockerd does not know it",
    );
    expect(docker.must("info", "--format", "{{json .Runtimes}}")).toContain('"later"');
  });

  test("a dockerd that was never told of GPUs is a warning, with the command that tells it", () => {
    // Runtimes that are not named at all stay at a reload.
    writeFileSync(file, JSON.stringify({ ...JSON.parse(before), runtimes: { other: { path: program("runc") } } }));
    process.kill(docker.pid, "SIGHUP");
    const cause = waitFor(
      () =>
        ask()
          .checks.at(-1)
          ?.cause?.match(/dockerd [\d.]+ has no way to GPUs/)?.[0],
      10_000,
      () => JSON.stringify(ask()),
    );
    expect(cause).toContain("has no way to GPUs");
    expect(faultsOf(ask())).toEqual(["warning docker-config"]);
  });

  test("a file that dockerd would not start with is a failure, with line and column", () => {
    writeFileSync(file, before.replace('"bridge": "none",', '"bridge": "none"'));
    const { checks, isWell } = ask();
    writeFileSync(file, before);
    expect(isWell).toBe(false);
    expect(checks.at(-1)?.cause).toMatch(/daemon\.json", line 11, column 3: /);
  });
});

describeWith(["containerd", "ctr"], "berth doctor beside a real containerd", () => {
  let scope: Scope;
  beforeAll(() => void (scope = new Scope("doctor-containerd")));
  afterAll(() => scope.close());

  test("a config.toml that was changed since containerd was started is a warning", () => {
    const { address } = startContainerd(scope);
    const file = join(dirname(address), "config.toml");
    const env = { PATH: process.env["PATH"] ?? "", CONTAINERD_ADDRESS: address };
    const ask = (): Answer =>
      JSON.parse(run([BERTH, "doctor", "--json", "--only", "containerd-config"], { env }).stdout);
    expect(faultsOf(ask())).toEqual([]);
    expect(JSON.stringify(ask().checks)).toContain(file);
    const later = Date.now() / 1000 + 60;
    utimesSync(file, later, later);
    expect(faultsOf(ask())).toEqual(["warning containerd-config"]);
  });
});
