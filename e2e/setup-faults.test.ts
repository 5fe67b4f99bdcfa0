import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { runBerth } from "./lib/berth.ts";
import { killAt } from "./lib/compile.ts";
import { describeWith, program } from "./lib/gate.ts";
import { must, run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";
import { treeState } from "./lib/tree-state.ts";

const OWN = '{\n  "log-level": "warn",\n  "features": { "buildkit": true }\n}\n';

/** The calls that change something for others; the memory of a program and its threads are not among them. */
const CHANGES =
  "openat,openat2,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,fsync,fchmod,fchown,write,flock";

/** No engine runs: it is about files, and about dockerd's judgement of them. */
describeWith(["dockerd", "containerd", "gcc", "strace"], "berth setup, when something goes wrong,", () => {
  let scope: Scope;
  let host: SimHost;
  let config: string;
  let docker: string;

  beforeAll(() => {
    scope = new Scope("setup-faults");
    host = simHost(scope, "h100x8");
    docker = join(host.dir, "etc/docker");
    config = join(docker, "daemon.json");
  });

  afterAll(() => scope.close());

  beforeEach(() => {
    run(["umount", docker]);
    for (const path of [docker, join(host.dir, "etc/containerd"), join(host.dir, "var/lib/berth")])
      rmSync(path, { recursive: true, force: true });
    mkdirSync(docker, { recursive: true });
    writeFileSync(config, OWN);
  });

  const env = (): Readonly<Record<string, string>> => ({ PATH: process.env["PATH"] ?? "", HOME: scope.dir });
  const berth = (...args: readonly string[]): Output => runBerth(host, args, { env: env() });
  const setUp = (...args: readonly string[]): Output => berth("setup", "docker", ...args);
  /** Nothing was written, and nothing is left beside. */
  const expectUntouched = (text = OWN): void => {
    expect(readFileSync(config, "utf8")).toBe(text);
    expect(readdirSync(docker)).toEqual(["daemon.json"]);
    expect(existsSync(join(host.dir, "var/lib/berth/setup.json"))).toBeFalse();
  };

  /** The new text, as a setup without a fault makes it. */
  function made(): string {
    expect(setUp().status).toBe(0);
    const text = readFileSync(config, "utf8");
    expect(berth("setup", "--undo").status).toBe(0);
    expectUntouched();
    return text;
  }

  describe("is killed", () => {
    function countCalls(args: readonly string[]): ReadonlyMap<string, number> {
      const log = join(scope.folder("trace"), "log");
      const words = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-c",
        "-o",
        log,
        "-e",
        `trace=${CHANGES}`,
        join(host.bin, "berth"),
        "--root",
        host.dir,
        ...args,
      ];
      must(words, { env: env() });
      const lines = readFileSync(log, "utf8").matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$/gm);
      return new Map([...lines].map(([, count, name = ""]) => [name, Number(count)]));
    }

    function killedAt(call: string, count: number, args: readonly string[]): Output {
      const words = [...killAt(call, count), join(host.bin, "berth"), "--root", host.dir, ...args];
      return run(words, { env: env() });
    }

    /** The calls by which files change are few: each of them. */
    const POINTS = ["renameat2", "rename", "unlink", "fsync"];

    test("at any call that changes a file, the old file or the new one is there, and --undo gives the old one back", () => {
      const text = made();
      const calls = countCalls(["setup", "docker"]);
      const points = POINTS.flatMap((call) =>
        Array.from({ length: calls.get(call) ?? 0 }, (_, index) => [call, index + 1] as const),
      );
      expect(points.length).toBeGreaterThan(5);
      must([join(host.bin, "berth"), "--root", host.dir, "setup", "--undo"], { env: env() });
      for (const [call, count] of points) {
        killedAt(call, count, ["setup", "docker"]);
        expect([OWN, text]).toContain(readFileSync(config, "utf8"));
        expect(berth("setup", "--undo").status).toBe(0);
        expectUntouched();
      }
      expect(made()).toBe(text);
    }, 240_000);

    test("while it takes everything back, the next --undo goes on", () => {
      const text = made();
      expect(setUp().status).toBe(0);
      const calls = countCalls(["setup", "--undo"]);
      for (const [call, count] of ["renameat2", "unlink"].flatMap((name) =>
        Array.from({ length: calls.get(name) ?? 0 }, (_, index) => [name, index + 1] as const),
      )) {
        expect(setUp().status).toBe(0);
        killedAt(call, count, ["setup", "--undo"]);
        expect([OWN, text]).toContain(readFileSync(config, "utf8"));
        expect(berth("setup", "--undo").status).toBe(0);
        expectUntouched();
      }
    }, 240_000);
  });

  test("two at once both end well, and one --undo gives the old file back", async () => {
    const words = [join(host.bin, "berth"), "--root", host.dir, "setup", "docker"];
    const children = [0, 1, 2].map(() =>
      Bun.spawn(words, { env: env(), stdin: "ignore", stdout: "ignore", stderr: "ignore" }),
    );
    expect(await Promise.all(children.map(async (child) => child.exited))).toEqual([0, 0, 0]);
    expect(JSON.parse(readFileSync(config, "utf8"))).toMatchObject({ runtimes: { nvidia: { path: host.runtime } } });
    expect(berth("setup", "--undo").status).toBe(0);
    expectUntouched();
  });

  test("on a full file system leaves the old file, and says so", () => {
    must(["mount", "-t", "tmpfs", "-o", "size=16k,mode=755", "tmpfs", docker]);
    writeFileSync(config, OWN);
    run(["dd", "if=/dev/zero", `of=${docker}/filler`, "bs=4k"]);
    const { status, stderr } = setUp();
    expect(status).toBe(1);
    expect(stderr).toContain(`Cannot change "${config}": its file system is full; remedy: make room`);
    rmSync(join(docker, "filler"));
    expectUntouched();
  });

  test("on a read-only file system leaves everything as it is, and says so", () => {
    must(["mount", "--bind", "-o", "ro", docker, docker]);
    must(["mount", "-o", "remount,bind,ro", docker]);
    const { status, stderr } = setUp();
    expect(status).toBe(1);
    expect(stderr).toContain("its file system is mounted read-only; remedy: mount -o remount,rw");
    expectUntouched();
  });

  test("where nothing can be kept of what it does, does nothing", () => {
    mkdirSync(join(host.dir, "var/lib/berth"), { recursive: true });
    must(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", join(host.dir, "var/lib/berth")]);
    const { status, stderr } = setUp();
    must(["umount", join(host.dir, "var/lib/berth")]);
    expect(status).toBe(1);
    expect(stderr).toContain("BERTH-G012");
    expectUntouched();
  });

  test("says line and column of a file that it cannot read, and writes none", () => {
    const text = '{\n  "log-level": "warn",\n}\n';
    writeFileSync(config, text);
    mkdirSync(join(host.dir, "etc/containerd"));
    writeFileSync(join(host.dir, "etc/containerd/config.toml"), "version = 2\n[[[\n");
    const json = setUp();
    expect(json).toMatchObject({ status: 1, stdout: "" });
    expect(json.stderr).toContain(`"${config}", line 3, column 1: a comma before`);
    const toml = berth("setup", "containerd");
    expect(toml).toMatchObject({ status: 1, stdout: "" });
    expect(toml.stderr).toContain(`config.toml", line 2, column `);
    // A good file beside it is not written either.
    expect(berth("setup", "podman", "docker").status).toBe(1);
    expect(existsSync(join(host.dir, "etc/containers/containers.conf.d"))).toBeFalse();
    expectUntouched(text);
  });

  test("has dockerd judge the file before it takes its place: the daemon's own words, and nothing written", () => {
    const text = '{\n  "no-such-key": 1\n}\n';
    writeFileSync(config, text);
    const { status, stderr } = setUp();
    expect(status).toBe(1);
    expect(stderr).toContain(`BERTH-G014: Cannot set up docker: it would not accept the new "${config}": `);
    expect(stderr).toContain("the following directives don't match any configuration option: no-such-key");
    expectUntouched(text);
  });

  test("says what to do about a folder in the file's place, an unknown engine, a link to nowhere and a runtime that is not there", () => {
    rmSync(config);
    mkdirSync(config);
    const folder = setUp();
    expect(folder.status).toBe(1);
    expect(folder.stderr).toContain(config);
    expect(folder.stderr).toMatch(/; remedy: ./);
    rmSync(config, { recursive: true });
    symlinkSync("/no/where", config);
    expect(setUp()).toMatchObject({ status: 1 });
    const unknown = berth("setup", "dokcer");
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toContain('"dokcer": berth knows no such engine; did you mean "docker"?');
    expect(setUp("--runtime", "/no/runtime").stderr).toContain("BERTH-G011");
    expect(berth("setup", "--undo", "--cdi").status).toBe(2);
  });

  test("without a name sees all engines that are here, but for a containerd that serves Docker alone", () => {
    mkdirSync(join(host.dir, "etc/containerd"));
    writeFileSync(join(host.dir, "etc/containerd/config.toml"), 'disabled_plugins = ["cri"]\n');
    const { status, stdout, stderr } = berth("setup", "--dry-run");
    expect(status).toBe(0);
    expect(stdout).toContain(`+++ ${config}\n`);
    expect(stderr).toContain("warning: containerd is left alone: ");
    expect(berth("setup", "containerd", "--dry-run").stdout).toContain("99-berth.toml\n");
    expectUntouched();
  });

  test("without rights changes nothing, and says who can", () => {
    chmodSync(host.dir, 0o755);
    const before = treeState(join(host.dir, "etc"));
    const user = ["setpriv", "--reuid", "4242", "--regid", "4242", "--clear-groups"];
    const { status, stderr } = run([...user, join(host.bin, "berth"), "--root", host.dir, "setup", "docker"], {
      env: env(),
    });
    expect(status).toBe(1);
    expect(stderr).toContain("remedy: run it as root");
    expect(treeState(join(host.dir, "etc"))).toEqual(before);
  });

  test("a dockerd is not there to be reloaded: the file is written, and that it was not tried is said", () => {
    const { status, stdout } = setUp();
    expect(status).toBe(0);
    expect(stdout).toContain(`: wrote ${config}\n`);
    expect(stdout).toContain(`not tried: no dockerd runs whose configuration file is under "${host.dir}"`);
    expect(run([program("dockerd"), "--validate", "--config-file", config]).status).toBe(0);
  });
});
