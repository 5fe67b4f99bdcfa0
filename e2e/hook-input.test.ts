import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeDistroless } from "./images/copied.ts";
import { debianTree } from "./images/debian.ts";
import {
  addProgram,
  makeBundle,
  makePlainBundle,
  runContainer,
  type Bundle,
  type Runtime,
  type Spec,
} from "./lib/bundle.ts";
import { WITH_CGROUP2 } from "./lib/cgroup2.ts";
import { probeProgram } from "./lib/compile.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { holdProcess } from "./lib/namespace.ts";
import { addPrestartHook } from "./lib/prestart.ts";
import { parseProbe } from "./lib/probe.ts";
import { must, run, type Output } from "./lib/run.ts";
import { readMountTable, Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";
import { makeTraps, type Traps } from "./lib/traps.ts";
import { treeState } from "./lib/tree-state.ts";

const LIBRARIES = "/usr/lib/x86_64-linux-gnu";

describeWith(["runc", "crun", "gcc", "strace", "debootstrap"], "the prestart hook", () => {
  let scope: Scope;
  let host: SimHost;

  beforeAll(() => {
    scope = new Scope("hook-input");
    host = simHost(scope, "h100x8");
    debianTree();
  }, 600_000);

  afterAll(() => scope.close());

  /** A host with further lines at the end of its config.toml. */
  function hostWith(lines: string, first = ""): SimHost {
    const made = simHost(scope, "h100x8", mkdtempSync(join(scope.dir, "at-")));
    writeFileSync(made.configPath, `${first}\n${readFileSync(made.configPath, "utf8")}\n${lines}\n`);
    return made;
  }

  /** A process that only waits has none of what a low-level runtime mounts. */
  function withoutMounts(spec: Spec): void {
    spec.mounts = [];
  }

  const pathOf = (on: SimHost): string => join(on.bin, "nvidia-container-runtime-hook");

  describe("called by hand", () => {
    let bundle: Bundle;
    /** A process with mounts of its own, the bundle's root file system among them. */
    let holder: number;
    /** The same, with the root of another bundle as its whole world: a machine that a test may spoil. */
    let other: Bundle;
    let otherHolder: number;

    beforeAll(() => {
      bundle = makeBundle(scope, debianTree(), { args: [], env: ["NVIDIA_VISIBLE_DEVICES=3"], edit: withoutMounts });
      holder = holdProcess(scope);
      other = makeBundle(scope, debianTree(), { args: [] });
      symlinkSync("/", join(other.rootfs, "all"));
      otherHolder = holdProcess(scope, other.rootfs);
    });

    function call(state: unknown, words: readonly string[] = ["prestart"], on = host): Output {
      const stdin = typeof state === "string" ? state : JSON.stringify(state);
      return run([pathOf(on), ...words], { stdin });
    }

    function stateOf(more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
      return { ociVersion: "1.0.2", id: "c1", status: "created", pid: holder, bundle: bundle.dir, ...more };
    }

    function everything(): readonly unknown[] {
      const mounts = readFileSync(`/proc/${holder}/mountinfo`, "utf8");
      return [
        readMountTable(),
        mounts,
        treeState(bundle.layer),
        readdirSync("/dev"),
        readdirSync(join(host.dir, "dev")),
      ];
    }

    function expectRefusal(output: Output, words: RegExp, code: string, before: readonly unknown[]): void {
      expect([output.status, output.stdout]).toEqual([1, ""]);
      const [first = "", second = ""] = output.stderr.split("\n");
      expect(first).toMatch(/^nvidia-container-cli: [a-z-]+ error: /);
      expect(first).toMatch(words);
      expect(second).toStartWith(`nvidia-container-cli: ${code}: `);
      expect(second).toMatch(/; remedy: \S/);
      expect(everything()).toEqual(before);
    }

    test.each([
      ["nothing", "", "BERTH-S002"],
      ["half a text", '{"pid": 1, "bundle', "BERTH-S002"],
      ["bytes that are no text", "\u0000\u0001\ufffd", "BERTH-S002"],
      ["a list", "[]", "BERTH-S001"],
      ["no bundle", '{"pid": 1}', "BERTH-S001"],
      ["a bundle that is a number", '{"pid": 1, "bundle": 7}', "BERTH-S005"],
      ["a relative bundle", '{"pid": 1, "bundle": "bundle"}', "BERTH-S001"],
      ["a bundle that is not there", '{"pid": 1, "bundle": "/nowhere"}', "BERTH-S001"],
      ["more than a MiB", `{"pid": 1, "bundle": "${"x".repeat(1024 * 1024)}"}`, "BERTH-S001"],
    ])("refuses a state that is %s", (_, state, code) => {
      const before = everything();
      expectRefusal(call(state), /container error/, code, before);
    });

    test("refuses a standard input that is closed", () => {
      const before = everything();
      const output = run(["sh", "-c", `exec ${pathOf(host)} prestart <&-`]);
      expectRefusal(output, /container error/, "BERTH-S002", before);
    });

    const NUMBERS: readonly (readonly [string, () => unknown, string])[] = [
      ["none", () => undefined, "BERTH-P004"],
      ["zero", () => 0, "BERTH-P004"],
      ["negative", () => -1, "BERTH-P004"],
      ["that of a process that has ended", () => Number(run(["sh", "-c", "echo $$"]).stdout), "BERTH-P004"],
      ["that of a process with the machine's own mounts", () => process.pid, "BERTH-P004"],
      ["too large for a process", () => 2 ** 53 - 1, "BERTH-P004"],
      ["a text", () => `${holder}`, "BERTH-S005"],
      ["a fraction", () => holder + 0.5, "BERTH-S005"],
    ];

    for (const [what, number, code] of NUMBERS) {
      test(`refuses a state whose pid is ${what}`, () => {
        const before = everything();
        expectRefusal(call(stateOf({ pid: number() })), /container error/, code, before);
      });
    }

    const CONFIGS: readonly (readonly [string, (path: string) => void, string])[] = [
      ["is not there", (path) => rmSync(path), "BERTH-S001"],
      ["is half a text", (path) => writeFileSync(path, '{"root": '), "BERTH-S002"],
      ["is a list", (path) => writeFileSync(path, "[]"), "BERTH-S005"],
      ["is a folder", (path) => [rmSync(path), mkdirSync(path)], "BERTH-S001"],
      ["is a pipe", (path) => [rmSync(path), must(["mkfifo", path])], "BERTH-S001"],
      ["is a link", (path) => [rmSync(path), symlinkSync(bundle.configPath, path)], "BERTH-S001"],
      ["names no root file system", (path) => editConfig(path, (spec) => void (spec.root.path = "")), "BERTH-S005"],
      [
        "has a root file system that is not there",
        (path) => editConfig(path, (spec) => void (spec.root.path = "none")),
        "BERTH-P001",
      ],
      [
        "has a file as root file system",
        (path) => editConfig(path, (spec) => void (spec.root.path = "config.json")),
        "BERTH-P001",
      ],
    ];

    function editConfig(path: string, edit: (spec: Spec) => void): void {
      const spec: Spec = JSON.parse(readFileSync(path, "utf8"));
      edit(spec);
      writeFileSync(path, JSON.stringify(spec));
    }

    for (const [what, spoil, code] of CONFIGS) {
      test(`refuses a bundle whose config.json ${what}`, () => {
        const dir = scope.folder("spoilt");
        must(["cp", bundle.configPath, join(dir, "config.json")]);
        spoil(join(dir, "config.json"));
        const before = everything();
        expectRefusal(call(stateOf({ bundle: dir })), /(container|mount|initialization) error/, code, before);
      });
    }

    test.each(["/", "../../../../../../..", "/all"])(
      "refuses a root file system that is the machine's own: %s",
      (path) => {
        const dir = scope.folder("spoilt");
        must(["cp", bundle.configPath, join(dir, "config.json")]);
        editConfig(join(dir, "config.json"), (spec) => void (spec.root.path = path));
        const before = [
          everything(),
          must(["find", other.layer]),
          readFileSync(`/proc/${otherHolder}/mountinfo`, "utf8"),
        ];
        const output = call(stateOf({ bundle: dir, pid: otherHolder }));
        expectRefusal(output, /container error: .* is that of this machine$/, "BERTH-P004", everything());
        const after = [
          everything(),
          must(["find", other.layer]),
          readFileSync(`/proc/${otherHolder}/mountinfo`, "utf8"),
        ];
        expect(after).toEqual(before);
      },
    );

    test("finds a root file system behind links with absolute targets, as where an administrator moved an engine's folder", () => {
      const moved = makeBundle(scope, debianTree(), { args: [], env: ["NVIDIA_VISIBLE_DEVICES=5"] });
      const link = join(scope.folder("links"), "engine");
      symlinkSync(moved.dir, link);
      editConfig(moved.configPath, (spec) => {
        withoutMounts(spec);
        spec.root.path = join(link, "rootfs");
      });
      const pid = holdProcess(scope);
      expect(call(stateOf({ bundle: moved.dir, pid }))).toEqual({ status: 0, stdout: "", stderr: "" });
      const inside = ["nsenter", `--mount=/proc/${pid}/ns/mnt`, "chroot", moved.rootfs];
      expect(run([...inside, "nvidia-smi", "-L"]).stdout).toBe(listing(pick(host, 5)));
    });

    test("refuses a config.toml that cannot be read, and one that -config names", () => {
      const before = everything();
      const broken = hostWith("[nvidia-container-cli\n");
      expectRefusal(call(stateOf(), ["prestart"], broken), /initialization error/, "BERTH-C001", before);
      const words = [`-config=${broken.configPath}`, "prestart"];
      expectRefusal(call(stateOf(), words), /initialization error/, "BERTH-C001", before);
    });

    test("says with -debug what it does, gives the GPU, and does nothing a second time", () => {
      const { status, stdout, stderr } = call(stateOf(), ["-debug", "prestart"]);
      expect([status, stdout]).toEqual([0, ""]);
      expect(stderr).toContain(`${LIBRARIES}/libcuda.so.${host.driver}`);
      const inside = ["nsenter", `--mount=/proc/${holder}/ns/mnt`, "chroot", bundle.rootfs];
      expect(run([...inside, "nvidia-smi", "-L"])).toEqual({ status: 0, stdout: listing(pick(host, 3)), stderr: "" });
      const before = everything();
      expect(call(stateOf())).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(everything()).toEqual(before);
    });
  });

  describe("of runc", () => {
    const runc: Runtime = { argv: [program("runc")], lowLevel: program("runc") };

    function start(env: readonly string[], args: readonly string[], on = host): Output {
      const bundle = makeBundle(scope, debianTree(), { args, env, edit: (spec) => addPrestartHook(spec, on) });
      addProgram(bundle, probeProgram());
      return runContainer(runc, bundle);
    }

    const LIST = ["sh", "-c", "cd /dev && echo nvidia*"];

    test("leaves the permissions alone with no-cgroups, though the node is there", () => {
      const other = hostWith("[nvidia-container-cli]\nno-cgroups = true");
      const [minor] = pick(host, 3).map((gpu) => gpu.minor);
      const open = (on: SimHost): readonly string[] => {
        const { stdout } = start(["NVIDIA_VISIBLE_DEVICES=3"], ["/probe", `open=/dev/nvidia${minor}`], on);
        return Object.values(parseProbe(stdout).tries);
      };
      expect([open(host), open(other)]).toEqual([["ENXIO"], ["EPERM"]]);
    });

    test("starts a container without rights that may not ask, without a GPU", () => {
      const other = hostWith("", "accept-nvidia-visible-devices-envvar-when-unprivileged = false");
      expect(start(["NVIDIA_VISIBLE_DEVICES=all"], LIST, other)).toEqual({
        status: 0,
        stdout: "nvidia*\n",
        stderr: "",
      });
    });

    test.each([
      [
        "a capability that there is not",
        "",
        ["NVIDIA_DRIVER_CAPABILITIES=compute,fly"],
        /capability .*fly.*there is no such capability/,
      ],
      [
        "a capability that config.toml does not allow",
        'supported-driver-capabilities = "compute,utility"',
        ["NVIDIA_DRIVER_CAPABILITIES=video"],
        /capability .*video.*supported-driver-capabilities/,
      ],
      [
        "a CUDA that the driver does not have",
        "",
        ["NVIDIA_REQUIRE_CUDA=cuda>=99"],
        /nvidia-container-cli: requirement error: unsatisfied condition: cuda>=99, please update your driver to a newer version, or use an earlier cuda container/,
      ],
    ])("stops the start for %s", (_, first, env, words) => {
      const { status, stdout, stderr } = start(["NVIDIA_VISIBLE_DEVICES=1", ...env], LIST, hostWith("", first));
      expect([status === 0, stdout]).toEqual([false, ""]);
      expect(stderr).toMatch(words);
    });

    test("takes no notice of an unmet condition with NVIDIA_DISABLE_REQUIRE", () => {
      const env = ["NVIDIA_VISIBLE_DEVICES=1", "NVIDIA_REQUIRE_CUDA=cuda>=99", "NVIDIA_DISABLE_REQUIRE=1"];
      expect(start(env, ["nvidia-smi", "-L"])).toEqual({ status: 0, stdout: listing(pick(host, 1)), stderr: "" });
    });
  });

  describe("against who chooses its environment and the folder that it is started in", () => {
    let traps: Traps;

    beforeAll(() => {
      traps = makeTraps(scope);
    });

    const runtimes: Readonly<Record<string, Runtime>> = {
      runc: { argv: [program("runc")], lowLevel: program("runc") },
      crun: { argv: [...WITH_CGROUP2, program("crun")], lowLevel: program("crun") },
    };

    /** A container whose image and whose engine set the traps. */
    function startTrapped(runtime: Runtime, path: string, words: readonly string[]): Output {
      const hostile = { ...traps.env, BUN_BE_BUN: "1" };
      const env = Object.entries(hostile).map(([name, value]) => `${name}=${value}`);
      const bundle = makeBundle(scope, debianTree(), {
        args: ["/usr/bin/env", "-i", "/usr/bin/nvidia-smi", "-L"],
        env: ["NVIDIA_VISIBLE_DEVICES=0", ...env],
        edit: (spec) => {
          spec.hooks = { prestart: [{ path, args: [path, ...words] }] };
        },
      });
      for (const folder of [bundle.dir, bundle.rootfs]) traps.plant(folder);
      return runContainer(runtime, bundle, { env: { ...hostile, PATH: process.env["PATH"] ?? "" }, cwd: bundle.dir });
    }

    for (const [name, runtime] of Object.entries(runtimes)) {
      test(`runs nothing of a hostile environment, which another hook would (${name})`, () => {
        startTrapped(runtime, must(["readlink", "-f", program("true")]).trim(), []);
        expect(traps.takeRan().length).toBeGreaterThan(0);
        const output = startTrapped(runtime, pathOf(host), ["prestart"]);
        expect(traps.takeRan().filter((path) => path.includes("berth"))).toEqual([]);
        expect(output).toMatchObject({ status: 0, stdout: listing(pick(host, 0)) });
      });
    }

    test("starts the launcher and berth and no other program or process, and opens no file of that folder", () => {
      const env = ["NVIDIA_VISIBLE_DEVICES=0"];
      const bundle = makeBundle(scope, debianTree(), { args: [], env, edit: withoutMounts });
      const folder = scope.folder("traps");
      traps.plant(folder);
      const log = join(scope.folder("trace"), "log");
      const calls = "trace=open,openat,openat2,execve,execveat,fork,vfork,clone,clone3";
      const trace = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-s",
        "4096",
        "-e",
        calls,
        "-o",
        log,
        pathOf(host),
        "prestart",
      ];
      const state = JSON.stringify({ pid: holdProcess(scope), bundle: bundle.dir });
      expect(run(trace, { cwd: folder, stdin: state })).toEqual({ status: 0, stdout: "", stderr: "" });
      const lines = readFileSync(log, "utf8").split("\n");
      expect(lines.some((line) => line.includes(bundle.configPath))).toBe(true);
      expect(lines.filter((line) => line.includes(folder))).toEqual([]);
      expect(lines.filter((line) => line.includes(`"${bundle.rootfs}/`))).toEqual([]);
      expect(lines.flatMap((line) => /\bexecve(?:at)?\("([^"]*)"/.exec(line)?.[1] ?? [])).toEqual([
        pathOf(host),
        join(dist, "berth"),
      ]);
      expect(lines.filter((line) => /\b(v?fork|clone3?)\(/.test(line) && !line.includes("CLONE_THREAD"))).toEqual([]);
    });
  });

  describe("for an image with links that lead out of it", () => {
    let canary: string;
    let holder: number;
    let targets: readonly string[];

    beforeAll(() => {
      canary = scope.folder("canary");
      mkdirSync(join(canary, LIBRARIES), { recursive: true });
      writeFileSync(join(canary, "file"), "as it was\n");
      writeFileSync(join(canary, "ld.so.cache"), readFileSync("/etc/ld.so.cache"));
      holder = holdProcess(scope);
      const bundle = imageWith(() => {});
      const list = (): readonly string[] => readdirSync(bundle.rootfs, { recursive: true, encoding: "utf8" });
      const before = new Set(list());
      expect(callHook(bundle)).toEqual({ status: 0, stdout: "", stderr: "" });
      const made = list().filter((path) => !before.has(path));
      // One library, and whatever is no file of the driver's library folder, stand for all.
      const main = made.filter((path) => !path.startsWith(LIBRARIES.slice(1)) || path.endsWith("/libcuda.so.1"));
      targets = [...new Set([...main, "usr/local/cuda/compat/libcuda.so.999.1.1"].flatMap(withParents))].toSorted();
    });

    function withParents(path: string): readonly string[] {
      const parts = path.split("/");
      return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
    }

    function imageWith(change: (rootfs: string) => void): Bundle {
      const fill = (rootfs: string): void => {
        makeDistroless(rootfs);
        mkdirSync(join(rootfs, "usr/local/cuda/compat"), { recursive: true });
        writeFileSync(join(rootfs, "usr/local/cuda/compat/libcuda.so.999.1.1"), "");
        change(rootfs);
      };
      return makePlainBundle(scope, fill, {
        args: [],
        env: ["NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_DRIVER_CAPABILITIES=all"],
        edit: withoutMounts,
      });
    }

    function callHook({ dir }: Bundle): Output {
      return run([pathOf(host), "prestart"], {
        stdin: JSON.stringify({ pid: holder, bundle: dir }),
        timeoutMs: 10_000,
      });
    }

    /** What is mounted anywhere but in a bundle's root file system. */
    function mountsElsewhere(): readonly string[] {
      const table = readFileSync(`/proc/${holder}/mountinfo`, "utf8").split("\n");
      return table.filter((line) => !/^\/\S+-bundle\/rootfs\//.test(line.split(" ")[4] ?? ""));
    }

    const WAYS: Readonly<Record<string, () => string>> = {
      "an absolute link to a folder": () => canary,
      "a relative link to a folder": () => `../../../../../../../..${canary}`,
      "an absolute link to a file": () => join(canary, "file"),
      "a link through /proc": () => `/proc/1/root${canary}`,
      "a link to itself": () => "self",
    };

    /** A link's text is nothing to the kernel's rule but where it leads: what is tried everywhere for one kind is tried here for all. */
    const MAIN_TARGETS = ["dev", "dev/nvidia0", "etc", "etc/ld.so.cache", LIBRARIES.slice(1)];

    for (const [name, way] of Object.entries(WAYS)) {
      const isEverywhere = name === "an absolute link to a folder";
      test(`never touches the machine's files by ${name}, in the place of ${isEverywhere ? "any" : "a main"} destination`, () => {
        expect(targets).toEqual(expect.arrayContaining([...MAIN_TARGETS, "etc/nvidia", "usr"]));
        const before = [treeState(canary), readMountTable(), mountsElsewhere()];
        for (const path of isEverywhere ? targets : MAIN_TARGETS) {
          const bundle = imageWith((rootfs) => {
            rmSync(join(rootfs, path), { recursive: true, force: true });
            mkdirSync(dirname(join(rootfs, path)), { recursive: true });
            const target = way();
            symlinkSync(target === "self" ? `/${path}` : target, join(rootfs, path));
          });
          const { status, stderr } = callHook(bundle);
          expect({ path, isDone: status === 0 || (status === 1 && stderr.includes("BERTH-P00")) }).toEqual({
            path,
            isDone: true,
          });
          const after = [treeState(canary), readMountTable(), mountsElsewhere()];
          expect({ path, after }).toEqual({ path, after: before });
          rmSync(bundle.dir, { recursive: true });
        }
      });
    }
  });
});
