import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askFor, NO_NETWORK } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { runBerth } from "./lib/berth.ts";
import { dockerAt, dockerSettings, importImage, type Docker } from "./lib/daemon.ts";
import { describeWith, program } from "./lib/gate.ts";
import { run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { startService, type Service } from "./lib/service.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";
import { treeState } from "./lib/tree-state.ts";

describeWith(["docker", "dockerd", "debootstrap"], "berth setup docker", () => {
  let scope: Scope;
  let host: SimHost;
  let service: Service;
  let docker: Omit<Docker, "pid">;
  let config: string;
  /** daemon.json as its owner wrote it. */
  let own: string;
  let folder: string;

  beforeAll(() => {
    scope = new Scope("setup-docker");
    host = simHost(scope, "h100x8");
    folder = scope.folder("docker");
    config = join(host.dir, "etc/docker/daemon.json");
    mkdirSync(join(host.dir, "etc/docker"), { recursive: true });
    const specs = join(host.dir, "var/run/cdi");
    const settings = { ...dockerSettings(folder), "cdi-spec-dirs": [specs], "live-restore": false };
    own = `${JSON.stringify(settings, undefined, "\t").replace("{", '{\n\t"log-level": "info",')}\n\n`;
    writeFileSync(config, own);
    const argv = ["unshare", "--mount", program("dockerd"), "--config-file", config];
    docker = dockerAt(scope, folder);
    service = startService(scope, "docker.service", argv, `${program("docker")} --host ${docker.host} version`);
    importImage(docker, debianTree(), "debian");
  }, 600_000);

  afterAll(() => scope.close());

  /** As a user's own call: the services are those of this machine. */
  function berth(...args: readonly string[]): Output {
    const env = { PATH: `${service.bin}:${process.env["PATH"]}`, HOME: scope.dir };
    return runBerth(host, args, { env, timeoutMs: 120_000 });
  }

  const listGpus = (...words: readonly string[]): Output =>
    docker.run("run", "--rm", ...NO_NETWORK, ...words, "debian", "nvidia-smi", "-L");
  const info = (format: string): string => docker.must("info", "--format", format);

  test("with --dry-run shows the difference, and writes nothing at all", () => {
    const before = treeState(host.dir);
    const { status, stdout, stderr } = berth("setup", "docker", "--dry-run");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toStartWith(`--- ${config}\n+++ ${config}\n@@ -`);
    expect(stdout).toContain(`"path": "${host.runtime}"`);
    expect(treeState(host.dir)).toEqual(before);
    expect(info("{{json .Runtimes}}")).not.toContain("nvidia");
  });

  test("writes the runtime, lets the daemon take it over without a restart, and a container has its GPUs", () => {
    const { pid } = service;
    const started = pid();
    const { status, stdout, stderr } = berth("setup", "docker");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toEndWith(
      [
        `docker 26.1.5: wrote ${config}`,
        "docker 26.1.5: reloaded, without a container being touched",
        "docker 26.1.5: a container with the runtime nvidia has used CUDA on 8 GPUs\n",
      ].join("\n"),
    );
    expect(listGpus("--runtime", "nvidia", ...askFor("2,5")).stdout).toBe(listing(pick(host, 2, 5)));
    expect(pid()).toBe(started);
  });

  test("again changes nothing", () => {
    const before = treeState(join(host.dir, "var/lib/berth"));
    const { status, stdout } = berth("setup", "docker", "--no-trial");
    expect(status).toBe(0);
    expect(stdout).toBe("docker 26.1.5: its files say everything already\n");
    expect(treeState(join(host.dir, "var/lib/berth"))).toEqual(before);
  });

  test("--undo gives the file back byte for byte, and the daemon forgets the runtime at once", () => {
    const { status, stdout, stderr } = berth("setup", "--undo");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(`${config} is as it was, byte for byte\n`);
    expect(readFileSync(config, "utf8")).toBe(own);
    expect(existsSync(join(host.dir, "var/lib/berth/setup.json"))).toBeFalse();
    expect(info("{{json .Runtimes}}")).not.toContain("nvidia");
    expect(berth("setup", "--undo")).toEqual({ status: 0, stdout: "nothing is set up\n", stderr: "" });
  });

  test("asks at a terminal before the daemon reads its file again, and does it another time when the answer was no", () => {
    const words = `${host.bin}/berth --root ${host.dir} setup docker --no-trial`;
    const env = { PATH: process.env["PATH"] ?? "", HOME: scope.dir, NO_COLOR: "1" };
    const at = (answer: string): string =>
      run(["script", "-qec", words, "/dev/null"], { env, stdin: `${answer}\n` }).stdout;
    expect(at("n")).toContain(`it has to read its file again before this counts: kill -HUP ${service.pid()}`);
    expect(info("{{json .Runtimes}}")).not.toContain("nvidia");
    expect(at("y")).toContain("docker 26.1.5: reloaded, without a container being touched");
    expect(info("{{json .Runtimes}}")).toContain("nvidia");
    expect(berth("setup", "--undo").status).toBe(0);
  });

  test("--default gives GPUs to containers that name no runtime, and --undo takes the default back without a restart", () => {
    const started = service.pid();
    expect(berth("setup", "docker", "--no-trial").status).toBe(0);
    expect(berth("setup", "docker", "--default", "--no-trial").status).toBe(0);
    expect(listGpus(...askFor("3")).stdout).toBe(listing(pick(host, 3)));
    expect(info("{{.DefaultRuntime}}")).toBe("nvidia");
    expect(berth("setup", "--undo", "docker").status).toBe(0);
    expect(readFileSync(config, "utf8")).toBe(own);
    expect(info("{{.DefaultRuntime}}")).toBe("runc");
    expect(docker.run("run", "--rm", ...NO_NETWORK, "debian", "true").status).toBe(0);
    expect(service.pid()).toBe(started);
  });

  test("--undo leaves what somebody has changed since, and takes only its own part out", () => {
    expect(berth("setup", "docker", "--default", "--no-trial").status).toBe(0);
    const changed = readFileSync(config, "utf8").replace('"log-level": "info"', '"log-level": "warn"');
    writeFileSync(config, changed);
    const { status, stdout } = berth("setup", "--undo");
    expect(status).toBe(0);
    expect(stdout).toContain("was changed by others since: only what berth had added is taken out\n");
    expect(JSON.parse(readFileSync(config, "utf8"))).toEqual({ ...JSON.parse(own), "log-level": "warn" });
    expect(info("{{.DefaultRuntime}}")).toBe("runc");
    writeFileSync(config, own);
  });

  test("gives the file back that the daemon refuses when it reads it again, with the daemon's own error", () => {
    // dockerd --validate does not see this one.
    const text = own.replace('"log-level": "info"', '"default-runtime": "gone"');
    writeFileSync(config, text);
    const { status, stderr } = runBerth(host, ["setup", "docker"], {
      env: { PATH: process.env["PATH"] ?? "", HOME: scope.dir },
    });
    expect(status).toBe(1);
    expect(stderr).toContain("BERTH-G015: Cannot set up docker: it did not take its new configuration over: ");
    expect(stderr).toContain("specified default runtime 'gone' does not exist");
    expect(stderr).toContain(`"${config}" is as before, and it goes on as it did`);
    expect(readFileSync(config, "utf8")).toBe(text);
    expect(existsSync(join(host.dir, "var/lib/berth/setup.json"))).toBeFalse();
    writeFileSync(config, own);
  });

  describe("--cdi, which takes a restart,", () => {
    test("is not followed by one without a terminal: the command and the containers that it stops are said", () => {
      const id = docker.must("run", "--detach", "--name", "work", ...NO_NETWORK, "debian", "sleep", "600");
      const started = service.pid();
      const { status, stdout } = berth("setup", "docker", "--cdi");
      expect(status).toBe(0);
      expect(stdout).toContain("a restart stops the container work\n");
      expect(stdout).toContain("systemctl restart docker.service\n");
      expect(service.pid()).toBe(started);
      expect(info("{{.CDISpecDirs}}")).toBe("[]");
      expect(info("{{json .Runtimes}}")).toContain("nvidia");
      docker.must("rm", "--force", id);
    });

    test("and --restart restarts the daemon, which then knows the CDI devices", () => {
      const started = service.pid();
      const { status, stdout, stderr } = berth("setup", "docker", "--cdi", "--restart", "--no-trial");
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toContain("docker 26.1.5: restarted\n");
      expect(service.pid()).not.toBe(started);
      expect(listGpus("--device", "nvidia.com/gpu=4").stdout).toBe(listing(pick(host, 4)));
    });

    test("is taken back with its CDI file", () => {
      const { status } = berth("setup", "--undo", "--restart");
      expect(status).toBe(0);
      expect(readFileSync(config, "utf8")).toBe(own);
      expect(existsSync(join(host.dir, "var/run/cdi/nvidia.yaml"))).toBeFalse();
      expect(info("{{.CDISpecDirs}}")).toBe("[]");
    });

    test("that the daemon does not survive gives the old file back, starts it with that, and shows its own error", () => {
      const bad = join(host.dir, "var/run/cdi/bad.json");
      mkdirSync(join(host.dir, "var/run/cdi"), { recursive: true });
      // dockerd 26.1 ends with a panic when it reads a class of one letter.
      writeFileSync(
        bad,
        JSON.stringify({
          cdiVersion: "0.5.0",
          kind: "vendor.com/x",
          devices: [{ name: "a", containerEdits: { env: ["A=b"] } }],
        }),
      );
      const { status, stderr } = berth("setup", "docker", "--cdi", "--restart");
      expect(status).toBe(1);
      expect(stderr).toContain("BERTH-G015: Cannot set up docker: ");
      expect(stderr).toContain(`"${config}" is as before, and it runs again`);
      expect(stderr).toContain("panic");
      expect(readFileSync(config, "utf8")).toBe(own);
      expect(docker.run("run", "--rm", ...NO_NETWORK, "debian", "true").status).toBe(0);
      rmSync(bad);
      expect(berth("setup", "--undo").status).toBe(0);
      for (const name of ["setup.json", "setup"]) expect(existsSync(join(host.dir, "var/lib/berth", name))).toBeFalse();
    });
  });
});
