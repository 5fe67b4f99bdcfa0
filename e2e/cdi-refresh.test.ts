import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { NO_NETWORK } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith, program } from "./lib/gate.ts";
import { must, run, type Output } from "./lib/run.ts";
import { endProcess, isAlive, Scope, waitFor } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

const NEW = "575.57.08";
const DEADLINE_MS = 20_000;
const SHOW =
  "nvidia-smi -L && ldconfig -p && cat /proc/self/mountinfo && grep -rl nvidia /etc/ld.so.conf.d | xargs cat";

/** Puts a program into a simulated host that is the machine's own, and a docker configuration. */
function installDocker(host: SimHost, settings: object): void {
  const wrapper = join(host.dir, "usr/bin/dockerd");
  mkdirSync(dirname(wrapper), { recursive: true });
  writeFileSync(wrapper, `#!/bin/sh\nexec ${program("dockerd")} "$@"\n`);
  chmodSync(wrapper, 0o755);
  mkdirSync(join(host.dir, "etc/docker"), { recursive: true });
  writeFileSync(join(host.dir, "etc/docker/daemon.json"), JSON.stringify(settings));
}

describeWith(["docker", "dockerd", "debootstrap"], "berth cdi refresh and check beside a real dockerd", () => {
  let scope: Scope;
  let host: SimHost;
  let file: string;
  let docker: Docker;
  let watch: { readonly pid: number; readonly exited: Promise<number>; readonly notes: () => string };

  const berth = (...args: readonly string[]): Output => run([join(host.bin, "berth"), "--root", host.dir, ...args]);
  const settings = () => ({ features: { cdi: true }, "cdi-spec-dirs": [dirname(file)] });

  function startWatch(): typeof watch {
    const log = join(scope.folder("watch"), "log");
    const child = Bun.spawn([join(host.bin, "berth"), "--root", host.dir, "cdi", "refresh", "--watch"], {
      stdin: "ignore",
      stdout: Bun.file(`${log}.out`),
      stderr: Bun.file(log),
    });
    scope.defer(() => endProcess(child.pid));
    return { pid: child.pid, exited: child.exited, notes: () => readFileSync(log, "utf8") };
  }

  const until = (isDone: () => boolean): true =>
    waitFor(
      () => isDone() || undefined,
      DEADLINE_MS,
      () => watch.notes(),
    );

  beforeAll(() => {
    scope = new Scope("cdi-refresh");
    host = simHost(scope, "rtx4090x2");
    file = join(host.dir, "var/run/cdi/nvidia.yaml");
    watch = startWatch();
    until(() => existsSync(file));
    docker = startDocker(scope, { runtime: host.runtime, settings: settings() });
    importImage(docker, debianTree(), "debian");
  }, 600_000);

  afterAll(() => scope.close());

  test("a driver upgrade under a watch: the container that exists and a new one have the new driver, and nothing of the old", async () => {
    const words = [...NO_NETWORK, "--device", "nvidia.com/gpu=1", "debian", "sh", "-c", SHOW];
    const id = docker.must("create", ...words);
    const before = docker.must("start", "--attach", id);
    expect(before).toStartWith(listing(pick(host, 1)));
    expect(before).toContain(`libcuda.so.${host.driver}`);
    must([join(host.bin, "berth"), "sim", "upgrade", host.dir, "--driver", NEW]);
    until(() => existsSync(file) && readFileSync(file, "utf8").includes(NEW));
    for (const after of [docker.must("start", "--attach", id), docker.must("run", "--rm", ...words)]) {
      expect(after).toStartWith(listing(pick(host, 1)));
      expect(after).toContain(`libcuda.so.${NEW}`);
      expect(after).not.toContain(host.driver);
    }
    expect(docker.must("diff", id)).not.toContain(host.driver);
    expect(readFileSync(file, "utf8")).not.toContain(host.driver);
    docker.must("rm", id);
  }, 120_000);

  test("a file that is deleted under a watch is there again", () => {
    rmSync(file);
    until(() => existsSync(file));
  }, 60_000);

  test("a watch ends well at SIGTERM, having said a line for each file", async () => {
    process.kill(watch.pid, "SIGTERM");
    expect(await watch.exited).toBe(0);
    expect(isAlive(watch.pid)).toBe(false);
    const lines = watch.notes().trimEnd().split("\n");
    expect(lines.every((line) => line.startsWith(`Wrote "${file}" for driver `))).toBe(true);
    expect(lines[0]).toContain(host.driver);
    expect(lines.at(-1)).toContain(NEW);
  }, 60_000);

  test("a refresh of an unchanged host leaves the file and its time alone", () => {
    const before = statSync(file, { bigint: true });
    const { status, stderr } = berth("cdi", "refresh");
    expect([status, stderr]).toEqual([0, expect.stringContaining("is right already")]);
    const { ino, mtimeNs } = statSync(file, { bigint: true });
    expect([ino, mtimeNs]).toEqual([before.ino, before.mtimeNs]);
    expect(readdirSync(dirname(file))).toEqual(["nvidia.yaml"]);
  });

  test("check says who reads the file, and ends well", () => {
    installDocker(host, { ...settings(), "cdi-spec-dirs": ["/etc/cdi", "/var/run/cdi"] });
    const { status, stdout, stderr } = berth("cdi", "check");
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^docker \d+\.\d+\.\d+: CDI on, reads up to \d\.\d\.\d/);
    expect(stdout).toContain(`${file}: CDI 0.5.0, nvidia.com/gpu, 11 names; read by docker `);
    expect(stdout).toEndWith("All is well\n");
    expect(status).toBe(0);
  });

  test("check names the line of a library that is gone, and Docker indeed starts no container", () => {
    const library = join(host.dir, `usr/lib64/libnvidia-ml.so.${NEW}`);
    const line =
      readFileSync(file, "utf8")
        .split("\n")
        .findIndex((text) => text.includes(library)) + 1;
    const kept = readFileSync(library);
    rmSync(library);
    const { status, stdout } = berth("cdi", "check");
    const started = docker.run("run", "--rm", ...NO_NETWORK, "--device", "nvidia.com/gpu=0", "debian", "true");
    writeFileSync(library, kept);
    expect(status).toBe(1);
    expect(stdout).toContain(
      `${file}:${line}: error: BERTH-D002: "${library}" does not exist; remedy: berth --root ${host.dir} cdi refresh\n`,
    );
    expect([started.status, started.stderr]).toEqual([expect.any(Number), expect.stringContaining(library)]);
    expect(started.status).not.toBe(0);
  }, 60_000);

  test("check says where a broken file is broken, and Docker reads the good one beside it", () => {
    const broken = join(dirname(file), "broken.yaml");
    writeFileSync(broken, "cdiVersion: 0.5.0\nkind: example.com/x\ndevices:\n  - name: 0\n    containerEdits: [\n");
    const { status, stdout } = berth("cdi", "check");
    const started = docker.run(
      "run",
      "--rm",
      ...NO_NETWORK,
      "--device",
      "nvidia.com/gpu=0",
      "debian",
      "nvidia-smi",
      "-L",
    );
    rmSync(broken);
    expect(status).toBe(1);
    expect(stdout).toMatch(new RegExp(`^${broken}:\\d+: error: BERTH-F00[12]: `, "m"));
    expect(stdout).toContain(`${file}: CDI 0.5.0, nvidia.com/gpu, 11 names; read by docker `);
    expect(started.stdout).toBe(listing(pick(host, 0)));
  }, 60_000);

  test("check knows of a CDI version that this Docker does not read, as Docker itself says", () => {
    const newest = /reads up to (\d\.\d\.\d), /.exec(berth("cdi", "check").stdout)?.[1];
    const declared = (version: string): boolean => {
      const path = join(dirname(file), "version.yaml");
      writeFileSync(
        path,
        `cdiVersion: ${version}\nkind: example.com/version\ndevices:\n  - name: x\n    containerEdits:\n      env: [A=b]\n`,
      );
      const { status, stdout } = berth("cdi", "check");
      const started = docker.run("run", "--rm", ...NO_NETWORK, "--device", "example.com/version=x", "debian", "true");
      rmSync(path);
      expect([version, status, started.stderr]).toEqual([version, started.status === 0 ? 0 : 1, expect.any(String)]);

      if (status !== 0)
        expect(stdout).toMatch(
          new RegExp(
            `^${path}:1: error: BERTH-F002: docker .* does not read CDI ${version}, only up to ${newest}`,
            "m",
          ),
        );
      return status === 0;
    };
    // Where it is not known what this Docker reads, there is nothing to compare.
    if (newest === undefined) return;
    const versions = ["0.3.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0"];
    expect(versions.filter(declared).at(-1)).toBe(newest);
  }, 120_000);

  test("check is an error of the file where Docker has CDI off", () => {
    installDocker(host, { features: { cdi: false } });
    const { status, stdout } = berth("cdi", "check");
    expect(status).toBe(1);
    expect(stdout).toMatch(
      new RegExp(
        `^${file}: error: CDI is off in docker .*: .*; remedy: set "features": \\{ "cdi": true \\} in /etc/docker/daemon.json`,
        "m",
      ),
    );
    expect(stdout).toEndWith("1 of 1 files is not well\n");
  });

  test("a refresh after the driver is gone removes the file, and is no failure", () => {
    rmSync(join(host.dir, "proc/driver/nvidia/version"));
    expect(berth("cdi", "refresh")).toMatchObject({ status: 0, stderr: expect.stringMatching(/^Removed /) });
    expect(existsSync(file)).toBe(false);
    expect(berth("cdi", "refresh")).toMatchObject({ status: 0, stderr: expect.stringMatching(/^Nothing to do: /) });
  });
});
