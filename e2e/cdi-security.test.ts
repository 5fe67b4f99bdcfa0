import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
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
import { inject, onlyHook, readCdi, writeCdi, type CdiHook, type CdiSpec } from "./lib/cdi.ts";
import { WITH_CGROUP2 } from "./lib/cgroup2.ts";
import { probeProgram } from "./lib/compile.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { hookVerbs, IN_NAMESPACE, writeState } from "./lib/hook.ts";
import { parseProbe } from "./lib/probe.ts";
import { bySharedFolder } from "./lib/link-places.ts";
import { must, run, type Output } from "./lib/run.ts";
import { readMountTable, Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";
import { makeTraps, type Traps } from "./lib/traps.ts";
import { treeState } from "./lib/tree-state.ts";

const LIBRARIES = "/usr/lib/x86_64-linux-gnu";

describeWith(
  ["runc", "crun", "gcc", "strace", "busybox", "debootstrap"],
  "the hook of a CDI file against an attacker",
  () => {
    let scope: Scope;
    let host: SimHost;
    let cdi: CdiSpec;
    let hook: CdiHook;
    let canary: string;

    beforeAll(() => {
      scope = new Scope("cdi-security");
      host = simHost(scope, "h100x8");
      cdi = readCdi(host);
      hook = onlyHook(cdi);
      canary = scope.folder("canary");
      mkdirSync(join(canary, LIBRARIES), { recursive: true });
      writeFileSync(join(canary, "file"), "as it was\n");
      writeFileSync(join(canary, "ld.so.cache"), readFileSync("/etc/ld.so.cache"));
      debianTree();
    }, 600_000);

    afterAll(() => scope.close());

    /** The container that an engine makes with GPU 0. */
    function bundleOf(
      args: readonly string[],
      more: { env?: readonly string[]; edit?: (spec: Spec) => void } = {},
    ): Bundle {
      const edit = (spec: Spec): void => {
        inject(spec, cdi, "0");
        more.edit?.(spec);
      };
      return makeBundle(scope, debianTree(), { args, env: more.env ?? [], edit });
    }

    /**
     * One shell that calls hooks on a bundle one after the other, in a mount namespace of its own, with a GPU's nodes in a /dev of the container's own. `before` is a script
     * that runs in it first.
     */
    function callHooks(bundle: Bundle, names: readonly string[], before = ":"): Output {
      const state = writeState(bundle);
      const dev = join(bundle.rootfs, "dev");
      const nodes = `mknod ${dev}/nvidia0 c 195 0 && mkdir ${dev}/dri && mknod ${dev}/dri/card1 c 226 1`;
      const makeDev = `if test -d ${dev} -a ! -L ${dev}; then mount -t tmpfs tmpfs ${dev} && ${nodes}; fi`;
      const calls = names.map((name) => {
        const words = [join(host.bin, "nvidia-cdi-hook"), ...(hookVerbs(hook)[name] ?? []), "--container-spec", state];
        return `timeout --signal KILL 10 ${words.map((word) => `'${word}'`).join(" ")}; echo "${name} $?"`;
      });
      return run([...IN_NAMESPACE, "sh", "-c", [`{ ${makeDev} && ${before}; } || exit 99`, ...calls].join("\n")]);
    }

    /** What became of each hook: "update-container 0". Fails for one that was killed or ended in another way than by its own word. */
    function endsOf({ status, stdout, stderr }: Output): readonly string[] {
      const ends = stdout.split("\n").filter((line) => /^[a-z-]+ \d+$/.test(line));
      expect({ status, stderr, odd: ends.filter((line) => !/ [01]$/.test(line)) }).toMatchObject({
        status: 0,
        odd: [],
      });
      return ends;
    }

    describe("who chooses its environment and the folder that it is started in", () => {
      let traps: Traps;

      beforeAll(() => {
        traps = makeTraps(scope);
      });

      const runtimes: Readonly<Record<string, () => Runtime>> = {
        runc: () => ({ argv: [program("runc")], lowLevel: program("runc") }),
        crun: () => ({ argv: [...WITH_CGROUP2, program("crun")], lowLevel: program("crun") }),
      };

      /** A container whose image and whose engine set the traps. */
      function startTrapped(
        runtime: Runtime,
        variables: Readonly<Record<string, string>>,
        edit: (spec: Spec) => void,
      ): Output {
        const hostile = { ...traps.env, ...variables };
        const env = Object.entries(hostile).map(([name, value]) => `${name}=${value}`);
        const bundle = bundleOf(["/usr/bin/env", "-i", "/usr/bin/nvidia-smi", "-L"], { env, edit });
        for (const folder of [bundle.dir, bundle.rootfs]) traps.plant(folder);
        return runContainer(runtime, bundle, { env: { ...hostile, PATH: process.env["PATH"] ?? "" }, cwd: bundle.dir });
      }

      function hooksOf(spec: Spec) {
        return spec.hooks?.createContainer ?? [];
      }

      test.each(Object.entries(runtimes))("the traps work on another hook (%s)", (_, runtimeOf) => {
        startTrapped(runtimeOf(), {}, (spec) => {
          spec.hooks = {
            createContainer: [{ path: realPath("true") }, { path: join(dist, "berth"), args: ["berth", "version"] }],
          };
        });
        const ran = traps.takeRan();
        expect(ran).toContain(realPath("true"));
        expect(ran.filter((path) => path === join(dist, "berth")).length).toBeGreaterThan(0);
      });

      function realPath(name: string): string {
        return must(["readlink", "-f", program(name)]).trim();
      }

      for (const [name, runtimeOf] of Object.entries(runtimes)) {
        for (const variables of [{}, { BUN_BE_BUN: "1" }]) {
          for (const kind of ["as berth writes it", "without an environment"] as const) {
            test(`runs nothing of a hostile environment ${JSON.stringify(variables)} (${name}, a hook ${kind})`, () => {
              const output = startTrapped(runtimeOf(), variables, (spec) => {
                if (kind === "without an environment")
                  spec.hooks = { createContainer: hooksOf(spec).map(({ path, args = [] }) => ({ path, args })) };
              });
              expect(traps.takeRan().filter((path) => path.includes("berth"))).toEqual([]);
              expect(output).toMatchObject({ status: 0, stdout: listing(pick(host, 0)) });
            });
          }
        }
      }

      test("opens no file of that folder, starts the launcher and berth and nothing else, and no other process", () => {
        const bundle = bundleOf([]);
        const folder = scope.folder("traps");
        traps.plant(folder);
        const log = join(scope.folder("trace"), "log");
        const calls = "trace=open,openat,openat2,execve,execveat,fork,vfork,clone,clone3";
        const words = [hook.path, ...hook.args.slice(1), "--container-spec", writeState(bundle)];
        const trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "4096", "-e", calls, "-o", log];
        must([...IN_NAMESPACE, ...trace, ...words], { cwd: folder });
        const lines = readFileSync(log, "utf8").split("\n");
        expect(lines.some((line) => line.includes(bundle.configPath))).toBe(true);
        expect(lines.filter((line) => line.includes(folder))).toEqual([]);
        expect(lines.filter((line) => /\b(open\(|openat\(AT_FDCWD, |openat2\(AT_FDCWD, )"[^/]/.test(line))).toEqual([]);
        expect(lines.flatMap((line) => /\bexecve(?:at)?\("([^"]*)"/.exec(line)?.[1] ?? [])).toEqual([
          hook.path,
          join(dist, "berth"),
        ]);
        expect(lines.filter((line) => /\b(v?fork|clone3?)\(/.test(line) && !line.includes("CLONE_THREAD"))).toEqual([]);
      });

      test("names no file of the image by a path of the machine: all go through handles on its root", () => {
        const bundle = bundleOf([]);
        const log = join(scope.folder("trace"), "log");
        const words = [hook.path, ...hook.args.slice(1), "--container-spec", writeState(bundle)];
        must([
          ...IN_NAMESPACE,
          "strace",
          "-f",
          "--seccomp-bpf",
          "-qq",
          "-s",
          "4096",
          "-e",
          "trace=%file",
          "-o",
          log,
          ...words,
        ]);
        const lines = readFileSync(log, "utf8").split("\n");
        expect(lines.some((line) => line.includes(`"${bundle.rootfs}"`))).toBe(true);
        // What readlink finds in /proc/self/fd is such a path; it is never opened by it.
        const named = lines.filter((line) => line.includes(`${bundle.rootfs}/`));
        expect(named.filter((line) => !/\breadlink(at)?\((AT_FDCWD, )?"\/proc\/self\/fd\//.test(line))).toEqual([]);
      });

      test("marks inherited descriptors, hides from the container's processes and sets its umask before it reads anything of the container", () => {
        const bundle = bundleOf([]);
        const log = join(scope.folder("trace"), "log");
        const calls = "trace=rt_sigprocmask,close_range,prctl,umask,openat";
        const words = [hook.path, ...hook.args.slice(1), "--container-spec", writeState(bundle)];
        must([...IN_NAMESPACE, "strace", "-f", "--seccomp-bpf", "-qq", "-e", calls, "-o", log, ...words]);
        const lines = readFileSync(log, "utf8").split("\n");
        const at = (pattern: RegExp): number => lines.findIndex((line) => pattern.test(line));
        const order = [
          at(/close_range\(3, \d+, CLOSE_RANGE_CLOEXEC/),
          at(/prctl\(PR_SET_DUMPABLE, SUID_DUMP_DISABLE/),
          at(/umask\(022\b/),
          at(/state\.json/),
        ];
        expect(order).not.toContain(-1);
        expect(order).toEqual(order.toSorted((a, b) => a - b));
        expect(
          lines.slice(0, order.at(-1)).filter((line) => /rt_sigprocmask\(SIG_SETMASK, \[\]/.test(line)),
        ).not.toEqual([]);
      });

      test("writes files for everybody to read, whatever the engine's umask is", () => {
        const bundle = bundleOf([]);
        expect(endsOf(callHooks(bundle, ["update-container"], "umask 077"))).toEqual(["update-container 0"]);
        for (const file of ["etc/ld.so.cache", "etc/ld.so.conf.d/00-berth.conf"])
          expect((statSync(join(bundle.layer, file)).mode & 0o777).toString(8)).toBe("644");
        expect((statSync(join(bundle.layer, "etc/nvidia")).mode & 0o777).toString(8)).toBe("755");
      });

      test("reads a state of one MiB at most", () => {
        const state = join(scope.folder("state"), "state.json");
        writeFileSync(state, `{"bundle": "${"x".repeat(1024 * 1024)}"}`);
        const { status, stderr } = run([hook.path, "update-container", "--container-spec", state]);
        expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("more than 1048576 bytes") });
      });
    });

    test("the program of the hook has no asynchronous call in it but the way to the choice of GPUs: one would go on in another thread, with that thread's root", async () => {
      const words =
        /\b(await|async|Promise|Worker|setTimeout|setInterval|setImmediate|queueMicrotask)\b|fs\/promises|child_process|Bun\.(file|write|spawn)|\.then\(/g;
      const inProgram = async (source: string): Promise<readonly string[]> => {
        const texts = await loadedTexts(join(import.meta.dir, "..", source));
        return texts.flatMap((text) => text.replaceAll(/^\s*\/\/.*$/gm, "").match(words) ?? []);
      };
      expect((await inProgram("src/nvidia/ctk.ts")).length).toBeGreaterThan(10);
      // The door is `async`, and awaits the choice: its code, and what it answers.
      expect(await inProgram("src/nvidia/cdi-hook.ts")).toEqual(["async", "await", "await"]);
    });

    describe("whose image has links that lead out of it", () => {
      let targets: readonly string[];

      /** What the hooks make in an image where nothing is in the way, and every folder above it. */
      beforeAll(() => {
        const bundle = imageWith(() => {});
        const list = (): readonly string[] => readdirSync(bundle.rootfs, { recursive: true, encoding: "utf8" });
        const before = new Set(list());
        expect(endsOf(callHooks(bundle, Object.keys(hookVerbs(hook))))).toHaveLength(7);
        const made = list().filter((path) => !before.has(path));
        const read = [
          "dev/dri/by-path/x",
          "usr/local/cuda/compat/libcuda.so.999.1.1",
          "proc/driver/nvidia/params",
          "etc/ld.so.conf",
        ];
        targets = [...new Set([...made, ...read].flatMap(withParents))].toSorted();
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
        return makePlainBundle(scope, fill, { args: [], edit: (spec) => inject(spec, cdi, "0") });
      }

      const WAYS: Readonly<Record<string, () => string>> = {
        "an absolute link to a folder": () => canary,
        "a relative link to a folder": () => `../../../../../../../..${canary}`,
        "an absolute link to a file": () => join(canary, "file"),
        "a link through /proc": () => `/proc/1/root${canary}`,
        "a link to itself": () => "self",
      };

      /** A link's text is nothing to the kernel's rule but where it leads: what is tried everywhere for one kind is tried here for all. */
      const MAIN_TARGETS = ["dev", "etc/ld.so.cache", LIBRARIES.slice(1)];

      for (const [name, way] of Object.entries(WAYS)) {
        const isEverywhere = name === "an absolute link to a folder";
        test(`never touches the machine's files by ${name}, in the place of ${isEverywhere ? "any" : "a main"} destination`, () => {
          expect(targets).toEqual(expect.arrayContaining([...MAIN_TARGETS, "etc/nvidia", "usr"]));
          const before = treeState(canary);
          for (const paths of isEverywhere ? bySharedFolder(targets) : MAIN_TARGETS.map((path) => [path])) {
            const bundle = imageWith((rootfs) => {
              for (const path of paths) {
                rmSync(join(rootfs, path), { recursive: true, force: true });
                mkdirSync(dirname(join(rootfs, path)), { recursive: true });
                const target = way();
                symlinkSync(target === "self" ? `/${path}` : target, join(rootfs, path));
              }
            });
            const ends = endsOf(callHooks(bundle, hooksThatUse(paths)));
            // A refusal would leave the places after the first untried.
            if (paths.length > 1) expect({ paths, ends }).toEqual({ paths, ends: ["update-container 0"] });
            expect({ paths, state: treeState(canary) }).toEqual({ paths, state: before });
            rmSync(bundle.dir, { recursive: true });
          }
        });
      }

      /** The one hook of berth's files does what four others do; where those are other code they are called, too. */
      function hooksThatUse([path = ""]: readonly string[]): readonly string[] {
        if (path.startsWith("dev"))
          return ["update-container", "create-symlinks", "update-application-profile", "chmod"];
        if (path.startsWith("proc")) return ["update-container", "disable-device-node-modification"];
        return path.includes("/") && path !== LIBRARIES.slice(1) ? ["update-container"] : Object.keys(hookVerbs(hook));
      }
    });

    describe("whose image has odd files where it reads", () => {
      const ODD: Readonly<Record<string, (path: string) => void>> = {
        "a pipe that nobody writes to": (path) => must(["mkfifo", path]),
        "an endless device": (path) => must(["mknod", path, "c", "1", "5"]),
        "a file of 2 GiB": (path) => must(["truncate", "--size", "2G", path]),
        "a folder": (path) => mkdirSync(path),
        "bytes by chance": (path) => writeFileSync(path, crypto.getRandomValues(new Uint8Array(65_536))),
      };

      for (const [name, make] of Object.entries(ODD)) {
        test(`is not kept waiting by ${name}`, () => {
          for (const file of [
            "etc/ld.so.cache",
            "etc/ld.so.conf",
            "etc/ld.so.conf.d/00-berth.conf",
            "etc/ld.so.conf.d/00-berth-compat.conf",
          ]) {
            const bundle = bundleOf([]);
            rmSync(join(bundle.rootfs, file), { force: true });
            make(join(bundle.rootfs, file));
            const names = file.includes("compat") ? ["enable-cuda-compat", "update-ldcache"] : ["update-container"];
            expect(endsOf(callHooks(bundle, names))).toHaveLength(names.length);
          }
        });
      }

      const CONFS: Readonly<Record<string, (etc: string) => void>> = {
        "a file that includes itself": (etc) =>
          writeFileSync(join(etc, "ld.so.conf"), "include /etc/ld.so.conf\n".repeat(100)),
        "two that include each other": (etc) => {
          writeFileSync(join(etc, "ld.so.conf"), "include ld.so.conf.d/*.conf\n");
          for (const name of ["a", "b"])
            writeFileSync(join(etc, `ld.so.conf.d/${name}.conf`), "include /etc/ld.so.conf.d/*.conf\n".repeat(20));
        },
        "ten thousand files": (etc) => {
          for (let count = 0; count < 10_000; count += 1)
            writeFileSync(join(etc, `ld.so.conf.d/${count}.conf`), "/opt\n");
        },
        "files of the kernel": (etc) => {
          writeFileSync(
            join(etc, "ld.so.conf"),
            "include /proc/self/mem /dev/zero /proc/*/maps /proc/1/root/etc/passwd\n",
          );
        },
      };

      test.each(Object.entries(CONFS))("reads an ld.so.conf with %s only so far", (_, make) => {
        const bundle = bundleOf([]);
        make(join(bundle.rootfs, "etc"));
        const ends = endsOf(callHooks(bundle, ["update-container", "update-ldcache"]));
        expect(ends).toEqual(["update-container 0", "update-ldcache 0"]);
      });

      test("takes no memory for files that are too large", () => {
        const peak = (bundle: Bundle): number => {
          const log = join(bundle.dir, "time");
          const words = [hook.path, ...hook.args.slice(1), "--container-spec", writeState(bundle)];
          run([...IN_NAMESPACE, program("busybox"), "time", "-v", "-o", log, ...words]);
          return Number(/Maximum resident set size \(kbytes\): (\d+)/.exec(readFileSync(log, "utf8"))?.[1]) / 1024;
        };
        const plain = peak(bundleOf([]));
        for (const file of ["etc/ld.so.cache", "etc/ld.so.conf", "etc/ld.so.conf.d/00-berth.conf"]) {
          const bundle = bundleOf([]);
          must(["truncate", "--size", "2G", join(bundle.rootfs, file)]);
          expect(peak(bundle)).toBeLessThan(plain + 32);
        }
        expect(plain).toBeGreaterThan(1);
      });
    });

    describe("who has volumes where it writes", () => {
      const PLACES = ["/etc", "/etc/ld.so.conf.d", LIBRARIES, "/usr", "/dev"];

      test.each(PLACES)("writes nothing into a volume on %s, named in the spec or not", (place) => {
        for (const isNamed of [true, false]) {
          const volume = scope.folder("volume");
          must(["cp", "-a", `${canary}/.`, volume]);
          const bundle = bundleOf([], {
            edit: ({ mounts }) =>
              isNamed && mounts.push({ destination: place, source: volume, type: "bind", options: ["rbind"] }),
          });
          mkdirSync(join(bundle.rootfs, place), { recursive: true });
          const before = treeState(volume);
          endsOf(
            callHooks(
              bundle,
              Object.keys(hookVerbs(hook)).filter((name) => name !== "chmod" || isNamed),
              `mount --bind ${volume} ${bundle.rootfs}${place}`,
            ),
          );
          expect({ isNamed, state: treeState(volume) }).toEqual({ isNamed, state: before });
        }
      });
    });

    describe("who shares mounts with the machine", () => {
      const SHARED: Readonly<Record<string, (spec: Spec, volume: string) => void>> = {
        "nothing shared": () => {},
        "a shared volume": ({ mounts }, volume) =>
          void mounts.push({ destination: "/mnt", source: volume, type: "bind", options: ["rbind", "rshared"] }),
        "a shared volume on /etc": ({ mounts }, volume) =>
          void mounts.push({ destination: "/etc", source: volume, type: "bind", options: ["bind", "shared"] }),
        "a shared volume on /etc, as Docker has it": (spec, volume) => {
          spec.linux.rootfsPropagation = "rshared";
          spec.mounts.push({ destination: "/etc", source: volume, type: "bind", options: ["rbind", "rshared"] });
        },
        "a volume on /etc that is shared because all is": (spec, volume) => {
          spec.linux.rootfsPropagation = "rshared";
          spec.mounts.push({ destination: "/etc", source: volume, type: "bind", options: ["rbind"] });
        },
        "a root file system that is shared": (spec) => void (spec.linux.rootfsPropagation = "shared"),
      };
      const ENDS: Readonly<Record<string, (spec: Spec) => void>> = {
        "a start": () => {},
        "a start that the hook refuses": (spec) => changeHook(spec, (args) => [...args, "--link", "broken"]),
        "a start whose hook is killed between its links": (spec) => killHook(spec, "symlinkat", 9),
        "a start whose hook is killed when its tmpfs lies on the root": (spec) => killHook(spec, "umount2", 1),
        "a start whose hook is killed when it has mounted": (spec) => killHook(spec, "move_mount", 2),
      };

      function changeHook(spec: Spec, change: (args: readonly string[]) => readonly string[]): void {
        spec.hooks = {
          createContainer: (spec.hooks?.createContainer ?? []).map((each) => ({
            ...each,
            args: change(each.args ?? []),
          })),
        };
      }

      function killHook(spec: Spec, call: string, when: number): void {
        const injection = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=SIGKILL:when=${when}`];
        const strace = ["strace", "-f", "-qq", "-o", "/dev/null", ...injection, hook.path];
        spec.hooks = {
          createContainer: [
            { path: program("strace"), args: [...strace, ...hook.args.slice(1)], env: ["PATH=/usr/bin:/bin"] },
          ],
        };
      }

      for (const [what, share] of Object.entries(SHARED)) {
        // A killed hook leaves the same whatever volume it is.
        const isOften = !what.includes("volume") || what.includes("Docker");
        test.each(Object.entries(ENDS).filter(([name]) => isOften || !name.includes("killed")))(
          `the machine's mounts are the same before and after %s, with ${what}`,
          (name, end) => {
            const volume = scope.folder("volume");
            must(["cp", "-a", `${debianTree()}/etc/.`, volume]);
            const bundle = bundleOf(["/bin/true"], {
              edit: (spec) => {
                share(spec, volume);
                end(spec);
              },
            });
            const folder = scope.folder("mounts");
            const script = [
              // A volume can be shared only where it is a mount that is.
              `mount --bind ${volume} ${volume}`,
              `cat /proc/self/mountinfo >${folder}/before`,
              `${program("runc")} --root ${bundle.dir}/state run --bundle ${bundle.dir} c1 >${folder}/output 2>&1; echo $? >${folder}/status`,
              `cat /proc/self/mountinfo >${folder}/after`,
            ].join("\n");
            must(["unshare", "--mount", "--propagation", "shared", "sh", "-c", script]);
            expect(readFileSync(join(folder, "after"), "utf8")).toBe(readFileSync(join(folder, "before"), "utf8"));
            const status = readFileSync(join(folder, "status"), "utf8").trim();
            if (end === ENDS["a start"])
              expect({ status, output: readFileSync(join(folder, "output"), "utf8") }).toEqual({
                status: "0",
                output: "",
              });
            else if (!what.includes("volume on /etc") || !/tmpfs|mounted$/.test(name)) expect(status).not.toBe("0");
          },
        );
      }

      test("what it mounts is read-only, runs nothing, is private, and is no file of the image", () => {
        const options = ["ro", "nosuid", "nodev", "noexec"];
        const tmpfs = { destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev"] };
        const bundle = bundleOf(["cat", "/proc/self/mountinfo"], {
          edit: ({ mounts }) => void mounts.splice(1, 0, tmpfs),
        });
        const { stdout, stderr } = runContainer({ argv: [program("runc")], lowLevel: program("runc") }, bundle);
        expect(stderr).toBe("");
        const lines = stdout.split("\n").filter((line) => / \/etc\/\S+ .* - tmpfs /.test(line));
        expect(lines.map((line) => line.split(" ")[4])).toEqual([
          "/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf",
          "/etc/ld.so.cache",
        ]);
        for (const line of lines) {
          expect(line.split(" ")[5]?.split(",")).toEqual(expect.arrayContaining(options));
          expect(line).not.toMatch(/ (shared|master):/);
        }
      });
    });

    describe("who opens what is left open, or makes nodes of its own", () => {
      test("a container has no descriptor more than without a hook, also with further ones that the engine passes on", () => {
        for (const preserved of [0, 2]) {
          const descriptors = [cdi, { ...cdi, containerEdits: { ...cdi.containerEdits, hooks: [] } }].map((each) => {
            const bundle = makeBundle(scope, debianTree(), {
              args: ["/probe"],
              edit: (spec) => inject(spec, each, "0"),
            });
            addProgram(bundle, probeProgram());
            const words = ["run", "--preserve-fds", `${preserved}`, "--bundle", bundle.dir, "c1"];
            const script = [
              'exec 3</etc/hostname 4</etc/passwd; exec "$@"',
              "sh",
              program("runc"),
              "--root",
              `${bundle.dir}/state`,
            ];
            return parseProbe(must(["sh", "-c", ...script, ...words])).descriptors;
          });
          expect(descriptors[0]?.map(({ fd }) => fd)).toEqual([0, 1, 2, 3, 4].slice(0, 3 + preserved));
          expect(descriptors[0]).toEqual(descriptors[1]);
        }
      });

      test("a working folder in /proc/self/fd leads nowhere", () => {
        for (let fd = 3; fd <= 8; fd += 1) {
          const bundle = bundleOf(["ls", "../../../../../.."], {
            edit: (spec) => void (spec.process.cwd = `/proc/self/fd/${fd}`),
          });
          const { status, stdout } = runContainer({ argv: [program("runc")], lowLevel: program("runc") }, bundle);
          expect({ fd, isStarted: status === 0, stdout }).toEqual({ fd, isStarted: false, stdout: "" });
        }
      });

      test("an image's own files and links in the place of GPU nodes are not taken for GPUs", () => {
        const profile = "etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf";
        const minors = (fill: (dev: string) => void): string => {
          const bundle = makePlainBundle(scope, makeDistroless, { args: [], edit: (spec) => void (spec.mounts = []) });
          fill(join(bundle.rootfs, "dev"));
          const words = [
            join(host.bin, "nvidia-cdi-hook"),
            "update-application-profile",
            "--container-spec",
            writeState(bundle),
          ];
          return run([...IN_NAMESPACE, "sh", "-c", `"$@" >&2 && cat ${bundle.rootfs}/${profile}`, "sh", ...words])
            .stdout;
        };
        const node = (dev: string, minor: number): string =>
          must(["mknod", join(dev, `nvidia${minor}`), "c", "195", `${minor}`]);
        const one = minors((dev) => void node(dev, 1));
        expect(one).toContain("0x2");
        const odd = (dev: string): void => {
          node(dev, 1);
          writeFileSync(join(dev, "nvidia0"), "");
          symlinkSync("nvidia1", join(dev, "nvidia2"));
          must(["mknod", join(dev, "nvidia3"), "c", "1", "3"]);
          must(["mknod", join(dev, "nvidia4"), "b", "195", "4"]);
          mkdirSync(join(dev, "nvidia5"));
        };
        expect(minors(odd)).toBe(one);
      });
    });

    describe("who writes into folders of CDI files, or chooses names", () => {
      test("a generated file is root's and for everybody to read, whatever the umask, and its folder is nobody else's to write", () => {
        for (const umask of ["000", "077"]) {
          const folder = join(scope.folder("umask"), "made/cdi");
          must([
            "sh",
            "-c",
            `umask ${umask}; exec "$@"`,
            "sh",
            join(host.bin, "berth"),
            "cdi",
            "generate",
            "--output",
            join(folder, "nvidia.yaml"),
          ]);
          const { mode, uid } = statSync(join(folder, "nvidia.yaml"));
          expect({ mode: (mode & 0o7777).toString(8), uid }).toEqual({ mode: "644", uid: 0 });
          expect(statSync(folder).mode & 0o022).toBe(0);
          expect(readdirSync(folder)).toEqual(["nvidia.yaml"]);
        }
      });

      test.each(["../x", "a/b", ".x", "x\ny", ""])("a vendor or class %j is refused", (name) => {
        const folder = scope.folder("names");
        for (const flag of ["--vendor", "--class"]) {
          const output = run([
            join(host.bin, "berth"),
            "cdi",
            "generate",
            "--output",
            join(folder, "nvidia.yaml"),
            flag,
            name,
          ]);
          expect(output.status).not.toBe(0);
        }
        expect(readdirSync(folder)).toEqual([]);
      });

      test("a file or folder that others can write is not believed: its hooks run as root", () => {
        const folder = scope.folder("specs");
        writeCdi(host, join(folder, "nvidia.yaml"));
        const list = (): Output => run([join(host.bin, "berth"), "cdi", "list", "--spec-dir", folder]);
        expect(list()).toMatchObject({ status: 0, stdout: expect.stringContaining("nvidia.com/gpu=0\n") });
        for (const [path, mode] of [
          [join(folder, "nvidia.yaml"), "666"],
          [folder, "777"],
        ] as const) {
          const before = (statSync(path).mode & 0o7777).toString(8);
          must(["chmod", mode, path]);
          expect(list()).toMatchObject({
            status: 1,
            stdout: "",
            stderr: expect.stringContaining("Cannot trust the CDI file"),
          });
          must(["chmod", before, path]);
        }
        must(["chown", "1000", join(folder, "nvidia.yaml")]);
        expect(list()).toMatchObject({ status: 1, stdout: "" });
      });
    });

    test("leaves no mount on the machine", () => {
      expect(readMountTable().filter((line) => line.includes("tmpfs") && line.includes(scope.dir))).toEqual([]);
      expect(existsSync("/etc/ld.so.conf.d/00-berth.conf")).toBe(false);
    });
  },
);

/** The texts of a program that are loaded with it: what is imported in its course is not among them. */
async function loadedTexts(entry: string): Promise<readonly string[]> {
  const { outputs } = await Bun.build({ entrypoints: [entry], target: "bun", splitting: true });
  const texts = new Map<string, string>();
  for (const output of outputs) texts.set(basename(output.path), await output.text());
  const loaded = new Set([basename(entry, ".ts") + ".js"]);
  for (const name of loaded) {
    const imports = (texts.get(name) ?? "").matchAll(/^(?:import|export)\b[^"(]*"\.\/([^"]+)";/gm);
    for (const [, other = ""] of imports) loaded.add(other);
  }
  return [...loaded].map((name) => texts.get(name) ?? "");
}
