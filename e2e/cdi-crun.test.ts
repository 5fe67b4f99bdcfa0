import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { GLIBC_LOADER } from "./images/copied.ts";
import { debianTree } from "./images/debian.ts";
import { addProgram, makeBundle, runContainer, writeSpec, type Bundle, type Runtime, type Spec } from "./lib/bundle.ts";
import { inject, onlyHook, readCdi, type CdiHook, type CdiSpec } from "./lib/cdi.ts";
import { WITH_CGROUP2 } from "./lib/cgroup2.ts";
import { compatLibcuda, cudaProgram, probeProgram } from "./lib/compile.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { IN_NAMESPACE, writeState } from "./lib/hook.ts";
import { parseProbe } from "./lib/probe.ts";
import { must, run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";
import { treeState } from "./lib/tree-state.ts";

const LIBRARIES = "/usr/lib/x86_64-linux-gnu";
const COMPAT = "/usr/local/cuda/compat";

describeWith(["runc", "crun", "gcc", "debootstrap"], "a container whose spec an engine made from a CDI file", () => {
  let scope: Scope;
  let host: SimHost;
  let own: CdiSpec;

  beforeAll(() => {
    scope = new Scope("cdi-crun");
    host = simHost(scope, "h100x8");
    own = readCdi(host);
    debianTree();
  }, 600_000);

  afterAll(() => scope.close());

  const runtimes: Readonly<Record<string, () => Runtime>> = {
    runc: () => ({ argv: [program("runc")], lowLevel: program("runc") }),
    crun: () => ({ argv: [...WITH_CGROUP2, program("crun")], lowLevel: program("crun") }),
  };

  function bundleOf(cdi: CdiSpec, names: readonly string[], args: readonly string[]): Bundle {
    return makeBundle(scope, debianTree(), { args, edit: (spec) => inject(spec, cdi, ...names) });
  }

  /** The file of another toolkit: our nodes and mounts, and hooks as it writes them. Rules: nvidia-container-toolkit 1.17 to 1.20 (nvcdi). */
  function toolkitSpec(
    style: "nvidia-cdi-hook" | "nvidia-ctk",
    env: readonly string[] | undefined,
    more: readonly (readonly string[])[] = [],
  ): CdiSpec {
    const driver = [`libcuda.so.1::${LIBRARIES}/libcuda.so`, ...["cuda", "nvidia-ml"].map(soname)];
    const words = [
      ["create-symlinks", "--link", `../libnvidia-allocator.so.1::${LIBRARIES}/gbm/nvidia-drm_gbm.so`],
      ["create-symlinks", ...driver.flatMap((link) => ["--link", link])],
      ["enable-cuda-compat", `--host-driver-version=${host.driver}`],
      ["update-ldcache", "--ldconfig-path", "/sbin/ldconfig", "--folder", LIBRARIES, "--folder", `${LIBRARIES}/vdpau`],
      ["disable-device-node-modification"],
      ["update-application-profile"],
      ["chmod", "--mode", "755", "--path", "/dev/dri"],
      ...more,
    ];
    const verb = style === "nvidia-ctk" ? [style, "hook"] : [style];
    const hooks = words.map((args): CdiHook => {
      const hook = { hookName: "createContainer", path: join(host.bin, style), args: [...verb, ...args] };
      return env === undefined ? hook : { ...hook, env };
    });
    return { ...own, containerEdits: { ...own.containerEdits, hooks } };
  }

  /** The same hook, of a file about two libraries. */
  function fewerLibraries(hook: CdiHook): CdiHook {
    const first = hook.args.indexOf("--library");
    return { ...hook, args: hook.args.slice(0, first + 4) };
  }

  function soname(name: string): string {
    return `lib${name}.so.${host.driver}::${LIBRARIES}/lib${name}.so.1`;
  }

  test("has one hook of berth, by an absolute path, with an environment and a time limit", () => {
    for (const profile of ["l40s-graphics", "wsl", "orin-csv", "gb200x4-imex"]) {
      const { hookName, path, args, env, timeout } = onlyHook(readCdi(simHost(scope, profile)));
      expect({ hookName, verb: args.slice(0, 2) }).toEqual({
        hookName: "createContainer",
        verb: ["nvidia-cdi-hook", "update-container"],
      });
      expect(path).toStartWith("/");
      expect(env?.length).toBeGreaterThan(0);
      expect(timeout).toBeGreaterThan(0);
    }
  });

  describe.each(Object.entries(runtimes))("(%s)", (runtimeName, runtimeOf) => {
    const MANY = runtimeName === "runc" ? 10 : 3;

    function start(bundle: Bundle): Output {
      return runContainer(runtimeOf(), bundle);
    }

    test("lists exactly its GPUs", () => {
      for (const indices of [[0], [2, 7]]) {
        const output = start(bundleOf(own, indices.map(String), ["nvidia-smi", "-L"]));
        expect(output).toEqual({ status: 0, stdout: listing(pick(host, ...indices)), stderr: "" });
      }
      expect(start(bundleOf(own, ["all"], ["nvidia-smi", "-L"])).stdout).toBe(listing(host.gpus));
    });

    test("finds libcuda beside the image's own libraries, the links of its GPUs and no other's", () => {
      const { stdout } = start(bundleOf(own, ["2"], ["sh", "-c", "ldconfig -p; ls /dev/dri/by-path"]));
      expect(stdout).toContain(`libcuda.so.1 (libc6,x86-64) => ${LIBRARIES}/libcuda.so.${host.driver}`);
      expect(stdout).toMatch(/^\tlibz\.so\.1 /m);
      expect(stdout.match(/pci-/g)).toHaveLength(2);
    });

    test("starts a program that is linked against libcuda.so.1", () => {
      const bundle = bundleOf(own, ["0", "5"], ["/cuda-program"]);
      addProgram(bundle, cudaProgram(GLIBC_LOADER, join(host.dir, LIBRARIES, "libcuda.so.1")));
      expect(start(bundle)).toEqual({ status: 0, stdout: "2 CUDA devices\n", stderr: "" });
    });

    test("inherits the same descriptors, limits and signals as without the hook", () => {
      const [plain, hooked] = [{ ...own, containerEdits: { ...own.containerEdits, hooks: [] } }, own].map((cdi) => {
        const bundle = bundleOf(cdi, ["0"], ["/probe"]);
        addProgram(bundle, probeProgram());
        const { descriptors, limits, status } = parseProbe(start(bundle).stdout);
        return { descriptors, limits, signals: [status["SigBlk"], status["SigIgn"], status["SigCgt"]] };
      });
      expect(hooked?.descriptors.map(({ fd }) => fd)).toEqual([0, 1, 2]);
      expect(hooked).toEqual(plain);
    });

    test("leaves nothing more in its layer after many starts than after one", () => {
      const bundle = bundleOf(own, ["1"], ["nvidia-smi", "-L"]);
      expect(start(bundle).stdout).toBe(listing(pick(host, 1)));
      const first = treeState(bundle.layer);
      for (let count = 1; count < MANY; count += 1) expect(start(bundle).status).toBe(0);
      expect(treeState(bundle.layer)).toEqual(first);
    });

    test("of two files has what both want, and nothing more in its layer after three starts than after two", () => {
      const few = {
        ...own,
        containerEdits: { hooks: [fewerLibraries(onlyHook(own))] },
        devices: [{ name: "few", containerEdits: {} }],
      };
      const toolkit = { ...toolkitSpec("nvidia-cdi-hook", undefined), devices: few.devices };
      const script = `nvidia-smi -L; cat /etc/nvidia/*/10*; ls ${LIBRARIES}; ldconfig -p | grep ${host.driver}`;
      const alone = start(bundleOf(own, ["0"], ["sh", "-c", script])).stdout;
      expect(alone).toStartWith(listing(pick(host, 0)));
      for (const other of [few, { ...toolkit, containerEdits: { hooks: toolkit.containerEdits?.hooks ?? [] } }]) {
        const edit = (spec: Spec): void => {
          inject(spec, own, "0");
          inject(spec, other, "few");
        };
        const bundle = makeBundle(scope, debianTree(), { args: ["sh", "-c", script], edit });
        const both = start(bundle).stdout.split("\n");
        expect(alone.split("\n").filter((line) => !both.includes(line))).toEqual([]);
        const states = ["second", "third"].map(() => {
          expect(start(bundle).stdout.split("\n")).toEqual(both);
          return treeState(bundle.layer);
        });
        expect(states[1]).toEqual(states[0]);
      }
    });

    describe.each([
      ["nvidia-cdi-hook", ["NVIDIA_CTK_DEBUG=false"]],
      ["nvidia-cdi-hook", undefined],
      ["nvidia-ctk", undefined],
    ] as const)("with a file of NVIDIA's toolkit (%s, env %j)", (style, env) => {
      const script = [
        "sh",
        "-c",
        `nvidia-smi -L; ldconfig -p | grep libcuda.so.1; readlink ${LIBRARIES}/libcuda.so ${LIBRARIES}/gbm/*; cat /etc/nvidia/*/10*`,
      ];

      test("lists its GPUs, finds libcuda, and has its links and its application profile", () => {
        const bundle = bundleOf(toolkitSpec(style, env), ["0"], script);
        const { status, stdout, stderr } = start(bundle);
        expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
        expect(stdout).toStartWith(listing(pick(host, 0)));
        expect(stdout).toContain(`libcuda.so.1 (libc6,x86-64) => ${LIBRARIES}/libcuda.so.${host.driver}`);
        expect(stdout).toContain("libcuda.so.1\n../libnvidia-allocator.so.1\n");
        expect(stdout).toContain("EGLVisibleDGPUDevices");
      });
    });

    test("with a file of NVIDIA's toolkit starts also where a hook is not known, and not where a flag of a known one is not", () => {
      const startWith = (...hook: readonly string[]): Output => {
        const cdi = toolkitSpec("nvidia-cdi-hook", undefined, [hook]);
        return start(bundleOf(cdi, ["0"], ["nvidia-smi", "-L"]));
      };
      expect(startWith("future-thing", "--flag", "value").stdout).toBe(listing(pick(host, 0)));
      const { status, stdout } = startWith("update-ldcache", "--flag");
      expect({ isStarted: status === 0, stdout }).toEqual({ isStarted: false, stdout: "" });
    });

    test("with a file of NVIDIA's toolkit leaves nothing more in its layer after many starts than after one", () => {
      const bundle = bundleOf(toolkitSpec("nvidia-cdi-hook", undefined), ["1"], ["nvidia-smi", "-L"]);
      expect(start(bundle).stdout).toBe(listing(pick(host, 1)));
      const first = treeState(bundle.layer);
      expect(first.filter((line) => /nvidia-ctk-hook|nvcr|00-compat/.test(line))).toEqual([]);
      for (let count = 1; count < MANY; count += 1) expect(start(bundle).status).toBe(0);
      expect(treeState(bundle.layer)).toEqual(first);
    });

    test("uses the image's newer libcuda, and no longer once the image has it no more", () => {
      const show = ["sh", "-c", "ldconfig -p | grep libcuda.so.1"];
      const bundle = bundleOf(toolkitSpec("nvidia-cdi-hook", undefined), ["0"], show);
      const newer = join(bundle.rootfs, COMPAT, "libcuda.so.999.1.1");
      mkdirSync(join(bundle.rootfs, COMPAT), { recursive: true });
      copyFileSync(compatLibcuda(undefined), newer);
      expect(start(bundle).stdout).toMatch(new RegExp(`^\tlibcuda.so.1 .* => ${COMPAT}/libcuda.so.999.1.1\n`));
      expect(run(["rm", newer]).status).toBe(0);
      expect(start(bundle).stdout).toBe(`\tlibcuda.so.1 (libc6,x86-64) => ${LIBRARIES}/libcuda.so.${host.driver}\n`);
    });
  });

  test.each([16, 32, 64, 128])(
    "starts with %d MiB of memory, whether the hook's program is in the page cache or not (runc)",
    (memoryMiB) => {
      for (const isCold of [true, false]) {
        const edit = (spec: Spec): void => {
          inject(spec, own, "0");
          spec.linux.resources.memory = { limit: memoryMiB * 1024 * 1024 };
        };
        const bundle = makeBundle(scope, debianTree(), { args: ["nvidia-smi", "-L"], edit });
        // Opened for reading alone: another test may be running it.
        if (isCold) must(["dd", `if=${join(dist, "berth")}`, "iflag=nocache", "count=0", "status=none"]);
        const output = runContainer({ argv: [program("runc")], lowLevel: program("runc") }, bundle);
        expect(output).toEqual({ status: 0, stdout: listing(pick(host, 0)), stderr: "" });
      }
    },
  );

  describe("called by hand", () => {
    function call(name: string, ...args: readonly string[]): Output {
      const bundle = writeSpec(makeBundle(scope, debianTree(), { args: [] }), { args: [] });
      return run([...IN_NAMESPACE, join(host.bin, name), ...args, "--container-spec", writeState(bundle)]);
    }

    test.each([
      ["nvidia-cdi-hook", ["future-thing", "--flag"], 0, "Unsupported CDI hook: future-thing"],
      ["nvidia-ctk", ["hook", "future-thing", "--flag"], 0, "Unsupported CDI hook: future-thing"],
      ["nvidia-cdi-hook", ["create-symlinks", "--flag"], 1, "flag provided but not defined: -flag"],
      ["nvidia-ctk", ["hook", "create-symlinks", "--flag"], 1, "flag provided but not defined: -flag"],
      ["nvidia-cdi-hook", ["create-symlinks", "--link", "one"], 1, "invalid symlink specification"],
      ["nvidia-ctk", ["hook", "create-symlinks", "--link", "one"], 1, "invalid symlink specification"],
      ["nvidia-cdi-hook", ["chmod", "--path", "/dev"], 1, "a non-empty mode must be specified"],
      ["nvidia-cdi-hook", ["chmod", "--path", "/dev", "--mode", "888"], 1, "failed to parse mode as octal"],
      ["nvidia-cdi-hook", ["create-symlinks"], 0, ""],
    ] as const)("%s %j ends with %d and says %j", (name, args, status, said) => {
      const output = call(name, ...args);
      expect(output).toMatchObject({ status, stderr: expect.stringContaining(said) });
    });

    test("without a hook's name says so and ends well, as does the one that does nothing", () => {
      expect(run([join(host.bin, "nvidia-cdi-hook"), "noop"])).toEqual({ status: 0, stdout: "", stderr: "" });
      const { status, stderr } = run([join(host.bin, "nvidia-cdi-hook")]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining("No CDI hook specified") });
    });
  });
});
