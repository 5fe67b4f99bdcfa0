import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { makeDistroless } from "./images/copied.ts";
import { debianTree } from "./images/debian.ts";
import {
  makeBundle,
  makePlainBundle,
  newContainerId,
  readSpec,
  runContainer,
  type Bundle,
  type Runtime,
} from "./lib/bundle.ts";
import { killAt, killPoints } from "./lib/compile.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { bySharedFolder } from "./lib/link-places.ts";
import { must, run } from "./lib/run.ts";
import { readMountTable, Scope } from "./lib/scope.ts";
import { setConfig, simHost, type SimHost } from "./lib/sim-host.ts";
import { makeStandIn, useLowLevel } from "./lib/stand-in.ts";
import { treeState } from "./lib/tree-state.ts";

describeWith(["runc", "gcc", "strace", "debootstrap"], "nvidia-container-runtime against an attacker", () => {
  let scope: Scope;
  let host: SimHost;
  let shim: Runtime;

  beforeAll(() => {
    scope = new Scope("security");
    host = simHost(scope, "h100x8");
    shim = { argv: [host.runtime], lowLevel: program("runc") };
    debianTree();
  }, 600_000);

  afterAll(() => scope.close());

  function bundleOf(devices: string | undefined, args: readonly string[] = ["/bin/true"]): Bundle {
    const env = devices === undefined ? [] : [`NVIDIA_VISIBLE_DEVICES=${devices}`];
    return makeBundle(scope, debianTree(), { args, env });
  }

  describe("who chooses the folder that it is started in, and its environment", () => {
    let ran: string;
    let hostile: Readonly<Record<string, string>>;

    /** Whatever runs foreign code leaves the name of the running program in the file `ran`. */
    beforeAll(() => {
      const folder = scope.folder("evil");
      ran = join(folder, "ran");
      writeFileSync(
        join(folder, "evil.c"),
        `#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void note(void)
{
    char path[4096];
    FILE *file = fopen("${ran}", "a");
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (file && length > 0) { path[length] = 0; fprintf(file, "%s\\n", path); }
    if (file) fclose(file);
}
`,
      );
      must(["gcc", "-shared", "-fPIC", "-o", join(folder, "evil.so"), join(folder, "evil.c")]);
      writeFileSync(join(folder, "evil.ts"), evilScript());
      hostile = {
        PATH: process.env["PATH"] ?? "",
        LD_PRELOAD: join(folder, "evil.so"),
        BUN_OPTIONS: `--preload ${join(folder, "evil.ts")}`,
        BUN_INSPECT: "127.0.0.1:49877",
        BUN_BYTECODE_ORDER_OUT: truncated(),
        NODE_OPTIONS: `--require ${join(folder, "evil.ts")}`,
      };
    });

    function evilScript(): string {
      return `require("node:fs").appendFileSync(${JSON.stringify(ran)}, process.execPath + "\\n");\n`;
    }

    function truncated(): string {
      return join(dirname(ran), "truncated");
    }

    function takeRan(): string[] {
      if (!existsSync(ran)) return [];
      const lines = readFileSync(ran, "utf8").trimEnd().split("\n");
      rmSync(ran);
      return lines;
    }

    function plant(folder: string): void {
      writeFileSync(join(folder, "evil.ts"), evilScript());
      writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
      writeFileSync(
        join(folder, ".env"),
        `LD_PRELOAD=${hostile["LD_PRELOAD"]}\nNVIDIA_VISIBLE_DEVICES=all\nPATH=/evil\n`,
      );
      writeFileSync(join(folder, "package.json"), '{"type": "module", "imports": {"node:fs": "./evil.ts"}}\n');
      writeFileSync(join(folder, "tsconfig.json"), '{"compilerOptions": {"paths": {"*": ["./evil.ts"]}}}\n');
      mkdirSync(join(folder, "node_modules/fs"), { recursive: true });
      writeFileSync(join(folder, "node_modules/fs/index.js"), evilScript());
    }

    test("the traps work on berth without its launcher", () => {
      run([join(dist, "berth"), "host"], { env: hostile });
      expect(takeRan().filter((path) => path === join(dist, "berth")).length).toBeGreaterThan(0);
      expect(existsSync(truncated())).toBe(true);
      rmSync(truncated());
    });

    for (const variables of [{}, { BUN_BE_BUN: "1" }]) {
      test(`runs nothing of a hostile environment ${JSON.stringify(variables)}, in a folder full of traps`, () => {
        const bundle = bundleOf("0");
        plant(bundle.dir);
        plant(bundle.rootfs);
        const output = runContainer(shim, bundle, { env: { ...hostile, ...variables }, cwd: bundle.dir });
        expect(output.status).toBe(0);
        // The low-level runtime gets its environment back byte for byte, and it loads LD_PRELOAD; berth does not.
        expect(takeRan().filter((path) => path.includes("berth"))).toEqual([]);
        expect(existsSync(truncated())).toBe(false);
        expect(readSpec(bundle).linux).toMatchObject({
          devices: expect.arrayContaining([expect.objectContaining({ path: "/dev/nvidia0" })]),
        });
      });
    }

    test("opens no file of that folder", () => {
      const bundle = bundleOf("0");
      const traps = scope.folder("traps");
      plant(traps);
      const log = join(scope.folder("trace"), "log");
      const trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=open,openat,openat2,execve", "-o", log];
      useStandIn((path) => run([...trace, path, "create", "--bundle", bundle.dir, "c1"], { cwd: traps }));
      const lines = readFileSync(log, "utf8").split("\n");
      expect(lines.some((line) => line.includes(bundle.configPath))).toBe(true);
      expect(lines.filter((line) => line.includes(traps))).toEqual([]);
      expect(lines.filter((line) => /\b(open\(|openat\(AT_FDCWD, |openat2\(AT_FDCWD, )"[^/]/.test(line))).toEqual([]);
    });

    test("executes the launcher, berth and the low-level runtime, and nothing else", () => {
      const bundle = bundleOf("0");
      const log = join(scope.folder("trace"), "log");
      const trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=execve,execveat", "-o", log];
      const lowLevel = useStandIn((path) => run([...trace, path, "create", "--bundle", bundle.dir, "c1"]));
      const started = [...readFileSync(log, "utf8").matchAll(/execve\("([^"]+)"/g)].map(([, path]) => path);
      expect(started).toEqual([host.runtime, join(dist, "berth"), lowLevel]);
    });

    test("keeps nvidia-docker and berth from obeying it too", () => {
      for (const [name, ...args] of [
        ["berth", "host"],
        ["nvidia-docker", "--help"],
      ]) {
        run([join(host.bin, name ?? ""), ...args], { env: hostile, cwd: dirname(ran) });
        expect(takeRan().filter((path) => path.includes("berth"))).toEqual([]);
      }
    });
  });

  /** Runs `body` while the host's low-level runtime only leaves a note; gives back its path. */
  function useStandIn(body: (runtime: string) => void): string {
    const standIn = makeStandIn(scope, "runc");
    useLowLevel(host, standIn.path);
    try {
      body(host.runtime);
    } finally {
      setConfig(host, [`runtimes = ["${standIn.path}"]`, 'runtimes = ["runc", "crun"]']);
    }
    return standIn.path;
  }

  describe("whose image has links that lead out of it", () => {
    let canary: string;
    let targets: readonly (readonly string[])[];

    beforeAll(() => {
      canary = scope.folder("canary");
      mkdirSync(join(canary, "usr/lib/x86_64-linux-gnu"), { recursive: true });
      writeFileSync(join(canary, "file"), "as it was\n");
      writeFileSync(join(canary, "ld.so.cache"), readFileSync("/etc/ld.so.cache"));
      // What berth and the low-level runtime make in an image where nothing is in the way.
      const bundle = makePlainBundle(scope, makeDistroless, {
        args: ["nvidia-smi", "-L"],
        env: ["NVIDIA_VISIBLE_DEVICES=0"],
      });
      const before = new Set(readdirSync(bundle.rootfs, { recursive: true, encoding: "utf8" }));
      expect(runContainer(shim, bundle).status).toBe(0);
      const made = readdirSync(bundle.rootfs, { recursive: true, encoding: "utf8" }).filter(
        (path) => !before.has(path),
      );
      const mounted = readSpec(bundle).mounts.map(({ destination }) => destination.slice(1));
      const places = [...made, ...mounted].flatMap(withParents).map((path) => withoutLinks(bundle.rootfs, path));
      targets = bySharedFolder([...new Set(places)].toSorted());
    });

    /** "lib/libcuda.so" → "usr/lib/libcuda.so", where "lib" is a link: one place, and one image. */
    function withoutLinks(rootfs: string, path: string): string {
      const folder = join(rootfs, dirname(path));
      return existsSync(folder) ? relative(rootfs, join(realpathSync(folder), basename(path))) : path;
    }

    /** "a/b/c" → "a", "a/b", "a/b/c". */
    function withParents(path: string): string[] {
      const parts = path.split("/");
      return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
    }

    /** An image in which each of `paths` is a link to a folder or a file of the machine. */
    function imageWithLinks(rootfs: string, paths: readonly string[], target: string): void {
      makeDistroless(rootfs);
      for (const path of paths.map((each) => join(rootfs, each))) {
        rmSync(path, { recursive: true, force: true });
        mkdirSync(dirname(path), { recursive: true });
        symlinkSync(target, path);
      }
    }

    const WAYS: Readonly<Record<string, () => string>> = {
      "an absolute link to a folder": () => canary,
      "a relative link to a folder": () => `../../../../../../../..${canary}`,
      "an absolute link to a file": () => join(canary, "file"),
      "a link through /proc": () => `/proc/1/root${canary}`,
    };

    for (const [name, way] of Object.entries(WAYS)) {
      test(`never touches the machine's files by ${name}, in the place of any destination`, () => {
        expect(targets.flat()).toEqual(
          expect.arrayContaining([
            "etc",
            "etc/ld.so.cache",
            "usr/lib/x86_64-linux-gnu/libcuda.so.1",
            "usr/lib/firmware",
          ]),
        );
        const before = treeState(canary);
        const env = ["NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_DRIVER_CAPABILITIES=all"];
        for (const paths of targets) {
          const bundle = makePlainBundle(scope, (rootfs) => imageWithLinks(rootfs, paths, way()), {
            args: ["nvidia-smi", "-L"],
            env,
          });
          useStandIn((runtime) => {
            const { status } = run([runtime, "create", "--bundle", bundle.dir, "c1"]);
            // A refusal would leave the places after the first untried.
            if (paths.length > 1) expect({ paths, status }).toEqual({ paths, status: 0 });
          });
          expect({ paths, state: treeState(canary) }).toEqual({ paths, state: before });
        }
      });
    }

    const ODD_FILES: Readonly<Record<string, (path: string) => void>> = {
      "a pipe that nobody writes to": (path) => must(["mkfifo", path]),
      "an endless device": (path) => must(["mknod", path, "c", "1", "5"]),
      "a file of 8 GiB": (path) => must(["truncate", "--size", "8G", path]),
      "a folder": (path) => mkdirSync(path),
      "bytes by chance": (path) => writeFileSync(path, crypto.getRandomValues(new Uint8Array(65_536))),
    };

    for (const [name, make] of Object.entries(ODD_FILES)) {
      test(`is not kept waiting by ${name} where it reads`, () => {
        for (const file of [
          "etc/ld.so.cache",
          "etc/ld.so.conf",
          "etc/ld.so.conf.d/00-berth.conf",
          "usr/lib/x86_64-linux-gnu/libcuda.so.1",
        ]) {
          const bundle = bundleOf("0");
          rmSync(join(bundle.rootfs, file), { force: true });
          make(join(bundle.rootfs, file));
          useStandIn((runtime) => {
            const { status, stderr } = run([runtime, "create", "--bundle", bundle.dir, "c1"], { timeoutMs: 10_000 });
            expect({ file, isDone: status === 0 || (status === 1 && stderr.includes("BERTH-P00")) }).toEqual({
              file,
              isDone: true,
            });
          });
        }
      });
    }

    test("gives the low-level runtime no file of the image as the source of a mount", () => {
      const bundle = bundleOf("all");
      expect(runContainer(shim, bundle).status).toBe(0);
      const added = readSpec(bundle).mounts.filter(({ options }) => options?.includes("rbind") === true);
      expect(added.length).toBeGreaterThan(10);
      for (const { source } of added) expect(source).toStartWith(`${host.dir}/`);
    });
  });

  describe("who can break off a start", () => {
    for (const [what, devices, shared] of [
      ["a start", "0", false],
      ["a refused start", "99", false],
      ["a start where mounts are shared", "0", true],
    ] as const) {
      test(`the machine's mounts are the same before and after ${what}`, () => {
        const bundle = bundleOf(devices);
        const folder = scope.folder("mounts");
        const script = `cat /proc/self/mountinfo >"$1/before"; shift; "$@"; cat /proc/self/mountinfo >"${folder}/after"`;
        const inside = [
          "unshare",
          "--mount",
          "--propagation",
          shared ? "shared" : "private",
          "sh",
          "-c",
          script,
          "sh",
          folder,
        ];
        run([
          ...inside,
          host.runtime,
          "--root",
          join(bundle.dir, "state"),
          "run",
          "--bundle",
          bundle.dir,
          newContainerId(),
        ]);
        expect(readFileSync(join(folder, "after"), "utf8")).toBe(readFileSync(join(folder, "before"), "utf8"));
      });
    }

    // The calls that change something; a kill before each of them is one place where a start can end.
    const CHANGES =
      "rename,renameat,renameat2,symlink,symlinkat,mkdir,mkdirat,fsync,unlink,unlinkat,fchown,fchownat,fchmod,write";
    const TRACE = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", `trace=${CHANGES}`];

    test("killed before any change it makes, a start leaves a config.json that is old or new, and the next start is as if nothing was", () => {
      const other = simHost(scope, "a100x8-mig");
      useLowLevel(other, makeStandIn(scope, "runc").path);
      const create = (bundle: Bundle, ...prefix: readonly string[]): number =>
        run([...prefix, other.runtime, "create", "--bundle", bundle.dir, "c1"]).status;
      const log = join(scope.folder("trace"), "log");
      const reference = bundleOf("0");
      // The first start describes the host: it changes more than the later ones.
      expect(create(reference, ...TRACE, "-o", log)).toBe(0);
      const points = killPoints(readFileSync(log, "utf8"));
      const expected = filesOf(reference);
      const mounts = mountPoints();
      const faults: string[] = [];
      let broken = 0;
      for (const point of points) {
        const bundle = bundleOf("0");
        const old = readFileSync(bundle.configPath, "utf8");
        rmSync(join(other.dir, "run/berth"), { recursive: true });
        if (create(bundle, ...killAt(...point)) !== 0) broken += 1;
        if (readFileSync(bundle.configPath, "utf8") !== old && !isSameSpec(bundle, reference))
          faults.push(`${point.join(" ")}: config.json is half new`);
        writeFileSync(bundle.configPath, old);
        if (create(bundle) !== 0) faults.push(`${point.join(" ")}: the next start failed`);
        for (const line of leftIn(bundle, expected)) faults.push(`${point.join(" ")}: ${line}`);
        for (const name of readdirSync(join(other.dir, "run/berth")))
          if (!["host.json", "low-level"].includes(name)) faults.push(`${point.join(" ")}: run/berth/${name}`);
        run(["umount", bundle.rootfs]);
      }
      expect(faults).toEqual([]);
      expect({ broken, many: points.length > 20 }).toEqual({ broken: points.length, many: true });
      expect(mountPoints()).toEqual(mounts);
    });

    /** What is in a container's layer and beside its config.json. */
    function filesOf(bundle: Bundle): ReadonlySet<string> {
      return new Set([...treeState(bundle.layer), ...readdirSync(bundle.dir).map((name) => `bundle/${name}`)]);
    }

    /** What differs from a start that nobody broke off. */
    function leftIn(bundle: Bundle, expected: ReadonlySet<string>): string[] {
      const found = filesOf(bundle);
      const missing = [...expected].filter((line) => !found.has(line)).map((line) => `missing ${line}`);
      return [...missing, ...[...found].filter((line) => !expected.has(line)).map((line) => `left ${line}`)];
    }

    function mountPoints(): string[] {
      return readMountTable().filter((line) => !line.includes(scope.dir));
    }

    function isSameSpec(bundle: Bundle, reference: Bundle): boolean {
      const clean = (each: Bundle): string => readFileSync(each.configPath, "utf8").replaceAll(each.dir, "");
      return clean(bundle) === clean(reference);
    }
  });

  describe("who writes the spec", () => {
    test("only the parts of a spec change that hold devices, mounts and environment", () => {
      const bundle = bundleOf("0");
      const before = readSpec(bundle);
      expect(runContainer(shim, bundle).status).toBe(0);
      const after = readSpec(bundle);
      const allowed = (spec: ReturnType<typeof readSpec>): object => ({
        ...spec,
        annotations: { ...spec.annotations, "dev.berth.granted": "" },
        mounts: [],
        process: { ...spec.process, env: [] },
        linux: { ...spec.linux, devices: [], resources: { ...spec.linux.resources, devices: [] } },
      });
      expect(allowed(after)).toEqual(allowed(before));
      expect(after.mounts.slice(0, before.mounts.length)).toEqual(before.mounts);
      expect(after.linux.resources.devices.slice(0, before.linux.resources.devices.length)).toEqual(
        before.linux.resources.devices,
      );
      const others = (env: readonly string[]): string[] => env.filter((each) => !each.startsWith("NVIDIA_"));
      expect(others(after.process.env)).toEqual(others(before.process.env));
      const names = after.process.env.map((each) => each.split("=")[0]);
      expect(new Set(names).size).toBe(names.length);
    });

    test("keys that pollute a prototype are data like any other", () => {
      const bundle = bundleOf("0");
      const hostileKeys =
        '{"__proto__": {"process": {"env": ["NVIDIA_VISIBLE_DEVICES=all"]}}, "constructor": {"prototype": {"linux": 1}},';
      writeFileSync(bundle.configPath, readFileSync(bundle.configPath, "utf8").replace("{", hostileKeys));
      expect(runContainer(shim, bundle).status).toBe(0);
      const nodes = must(["grep", "-o", "/dev/nvidia[0-9]", bundle.configPath]).trim().split("\n");
      expect(new Set(nodes)).toEqual(new Set(["/dev/nvidia0"]));
    });
  });

  describe("who owns the low-level runtime's name", () => {
    for (const [what, prepare, code] of [
      ["is the launcher itself", () => host.runtime, "BERTH-L002"],
      ["is berth", () => join(dist, "berth"), "BERTH-L002"],
      ["can be written by everybody", () => openToAll(), "BERTH-L002"],
      ["is not there", () => "/nowhere/runc", "BERTH-L001"],
    ] as const) {
      test(`a low-level runtime that ${what} is not started`, () => {
        const other = simHost(scope, "rtx4090x2");
        useLowLevel(other, prepare());
        const { status, stderr } = run([other.runtime, "create", "--bundle", bundleOf("0").dir, "c1"], {
          timeoutMs: 5000,
        });
        expect(status).toBe(1);
        expect(stderr).toContain(code);
      });
    }

    function openToAll(): string {
      const { path } = makeStandIn(scope, "runc");
      chmodSync(path, 0o777);
      return path;
    }
  });
});
