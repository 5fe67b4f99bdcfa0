import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { GLIBC_LOADER } from "./images/copied.ts";
import { debianTree } from "./images/debian.ts";
import { addProgram, makeBundle, readSpec, runContainer, type Bundle, type Spec } from "./lib/bundle.ts";
import { compatLibcuda, cudaProgram, probeProgram } from "./lib/compile.ts";
import { describeWith, program } from "./lib/gate.ts";
import { parseProbe } from "./lib/probe.ts";
import { must, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, setConfig, simHost, type SimHost } from "./lib/sim-host.ts";

const LIBRARIES = "/usr/lib/x86_64-linux-gnu";

describeWith(["runc", "gcc", "debootstrap"], "a container started by runc on a host of another kind", () => {
  let scope: Scope;
  const hosts = new Map<string, SimHost>();

  beforeAll(() => {
    scope = new Scope("features");
    debianTree();
  }, 600_000);

  afterAll(() => scope.close());

  /** Each host is made once. */
  function hostOf(profile: string): SimHost {
    const host = hosts.get(profile) ?? simHost(scope, profile);
    hosts.set(profile, host);
    return host;
  }

  interface Wish {
    readonly env?: readonly string[];
    readonly edit?: (spec: Spec) => void;
    /** Puts files into the image. */
    readonly fill?: (bundle: Bundle) => void;
  }

  function start(host: SimHost, args: readonly string[], wish: Wish = {}): { output: Output; bundle: Bundle } {
    const { env = [], edit, fill } = wish;
    const bundle = makeBundle(scope, debianTree(), { args, env, ...(edit === undefined ? {} : { edit }) });
    fill?.(bundle);
    return { output: runContainer({ argv: [host.runtime], lowLevel: program("runc") }, bundle), bundle };
  }

  /** What the container's first process gets when it opens these paths, or makes and opens these nodes. */
  function probe(host: SimHost, tries: readonly string[], wish: Wish): Readonly<Record<string, string>> {
    const { output } = start(host, ["/probe", ...tries], {
      ...wish,
      fill: (bundle) => {
        addProgram(bundle, probeProgram());
        wish.fill?.(bundle);
      },
    });
    if (output.status !== 0) throw new Error(output.stderr);
    return parseProbe(output.stdout).tries;
  }

  function cudaDevices(host: SimHost, wish: Wish): Output {
    return start(host, ["/cuda-program"], {
      ...wish,
      fill: (bundle) => {
        addProgram(bundle, cudaProgram(GLIBC_LOADER, compatLibcuda(undefined)));
        wish.fill?.(bundle);
      },
    }).output;
  }

  describe("with MIG", () => {
    const migOf = (host: SimHost, gpu: number) => host.gpus[gpu]?.mig ?? [];

    test("is refused a MIG device by number until the driver was asked, then gets it and no other", () => {
      const host = hostOf("a100x8-mig");
      const ask = (devices: string) =>
        start(host, ["nvidia-smi", "-L"], { env: [`NVIDIA_VISIBLE_DEVICES=${devices}`] }).output;
      expect(ask("0:1").stderr).toMatch(/BERTH-R001.*not known yet; remedy: run "berth host"/);
      must([join(host.bin, "berth"), "host"]);
      for (const [number, part] of migOf(host, 0).entries()) {
        const expected = { status: 0, stdout: expect.stringContaining(`(UUID: ${part.uuid})`) };
        for (const id of [`0:${number}`, part.uuid, `nvidia.com/gpu=0:${number}`])
          expect(ask(id)).toMatchObject(expected);
        expect(ask(part.uuid).stdout.match(/MIG-/g)).toHaveLength(1);
      }
    });

    test("opens its two capability nodes and no other, even after making their nodes", () => {
      const host = hostOf("a100x8-mig");
      must([join(host.bin, "berth"), "host"]);
      const caps = (number: number): readonly string[] => {
        const { bundle } = start(host, ["true"], { env: [`NVIDIA_VISIBLE_DEVICES=0:${number}`] });
        const { devices = [] } = readSpec(bundle).linux;
        return devices.map(({ path }) => path).filter((path) => path.includes("nvidia-cap"));
      };
      const [own, other] = [caps(0), caps(1)];
      expect(own).toHaveLength(2);
      const minorOf = (path: string) => /(\d+)$/.exec(path)?.[1];
      const major = /^ *(\d+) nvidia-caps$/m.exec(must(["cat", join(host.dir, "proc/devices")]))?.[1];
      const tries = [
        ...own.map((path) => `open=${path}`),
        ...other.map((path) => `mknod=/tmp/cap${minorOf(path)}:${major}:${minorOf(path)}`),
      ];
      const answers = probe(host, tries, { env: ["NVIDIA_VISIBLE_DEVICES=0:0"] });
      expect(Object.values(answers)).toEqual(["ENXIO", "ENXIO", "EPERM", "EPERM"]);
    });

    test("is given MIG control only when it is privileged", () => {
      const host = hostOf("a100x8-mig");
      const env = ["NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_MIG_CONFIG_DEVICES=all"];
      expect(start(host, ["true"], { env }).output.stderr).toContain("BERTH-R008");
      const edit = (spec: Spec): void => void spec.process.capabilities["bounding"]?.push("CAP_SYS_ADMIN");
      const answers = probe(host, ["open=/dev/nvidia-caps/nvidia-cap1", "open=/dev/nvidia-caps/nvidia-cap2"], {
        env,
        edit,
      });
      expect(Object.values(answers)).toEqual(["ENXIO", "ENOENT"]);
    });
  });

  describe("for graphics", () => {
    const GRAPHICS = ["NVIDIA_VISIBLE_DEVICES=1", "NVIDIA_DRIVER_CAPABILITIES=graphics,display"];

    test.each([
      "/etc/vulkan/icd.d/nvidia_icd.json",
      "/etc/vulkan/implicit_layer.d/nvidia_layers.json",
      "/etc/OpenCL/vendors/nvidia.icd",
      "/usr/share/glvnd/egl_vendor.d/10_nvidia.json",
      "/usr/share/egl/egl_external_platform.d/15_nvidia_gbm.json",
      "/usr/share/X11/xorg.conf.d/nvidia-drm-outputclass.conf",
      `${LIBRARIES}/libGLX_indirect.so.0`,
      `${LIBRARIES}/gbm/nvidia-drm_gbm.so`,
      "/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf",
    ])("finds %s", (path) => {
      expect(start(hostOf("l40s-graphics"), ["test", "-s", path], { env: GRAPHICS }).output).toEqual({
        status: 0,
        stdout: "",
        stderr: "",
      });
      expect(
        start(hostOf("l40s-graphics"), ["test", "-e", path], { env: ["NVIDIA_VISIBLE_DEVICES=1"] }).output.status,
      ).toBe(1);
    });

    test("opens its GPU's DRM nodes, under their names by PCI address too, and not the other GPU's", () => {
      const host = hostOf("l40s-graphics");
      const [other, own] = pick(host, 0, 1);
      const byPath = `/dev/dri/by-path/pci-${own?.bus}`;
      const tries = [
        `open=/dev/dri/card${own?.drm.card}`,
        `open=/dev/dri/renderD${own?.drm.render}`,
        `open=${byPath}-card`,
        `open=${byPath}-render`,
      ];
      const foreign = `mknod=/tmp/other:226:${other?.drm.render}`;
      expect(Object.values(probe(host, [...tries, foreign], { env: GRAPHICS }))).toEqual([
        "ENXIO",
        "ENXIO",
        "ENXIO",
        "ENXIO",
        "EPERM",
      ]);
      expect(start(host, ["readlink", `${byPath}-card`], { env: GRAPHICS }).output.stdout).toBe(
        `../card${own?.drm.card}\n`,
      );
    });

    test("as another user has the groups of those nodes, and no group where config.toml says so", () => {
      const host = hostOf("l40s-graphics");
      const edit = (spec: Spec): void => {
        spec.process.user = { uid: 1000, gid: 1000 };
        for (const set of Object.keys(spec.process.capabilities)) spec.process.capabilities[set] = [];
      };
      const tries = [`open=/dev/dri/renderD${pick(host, 1)[0]?.drm.render}`];
      expect(Object.values(probe(host, tries, { env: GRAPHICS, edit }))).toEqual(["ENXIO"]);
      setConfig(host, ["[berth]", "[features]\nno-additional-gids-for-device-nodes = true\n\n[berth]"]);
      try {
        expect(Object.values(probe(host, tries, { env: GRAPHICS, edit }))).toEqual(["EACCES"]);
      } finally {
        setConfig(host, ["[features]\nno-additional-gids-for-device-nodes = true\n\n[berth]", "[berth]"]);
      }
    });

    test.skipIf(process.arch !== "x64")(
      "with compat32 finds the 32-bit libraries too, also after its own ldconfig",
      () => {
        const listed = (capabilities: string, script: string) => {
          const env = ["NVIDIA_VISIBLE_DEVICES=0", `NVIDIA_DRIVER_CAPABILITIES=${capabilities}`];
          return start(hostOf("l40s-graphics"), ["sh", "-c", script], { env }).output.stdout;
        };
        // A simulated library needs no C library, by which ldconfig would tell its kind.
        const narrow = /^\tlibcuda\.so\.1 \((?:libc6|ELF)\) => (\/usr)?\/lib\/i386-linux-gnu\/libcuda\.so/m;
        expect(listed("compute,compat32", "ldconfig -p")).toMatch(narrow);
        expect(listed("compute,compat32", "ldconfig && ldconfig -p")).toMatch(narrow);
        expect(listed("compute", "ldconfig -p")).not.toMatch(narrow);
      },
    );
  });

  describe("with CUDA libraries of its own image", () => {
    const NOTE = { cuda: "12.9", branches: [535, 550, 570, 575], brands: [1, 2, 7, 8, 9, 10, 11, 12, 13, 14] };

    /** An image like NVIDIA's: a versioned folder, and a link without the version. */
    function addCompat(bundle: Bundle, version: string, note: typeof NOTE | undefined): void {
      const folder = join(bundle.rootfs, "usr/local/cuda-12.9/compat");
      mkdirSync(folder, { recursive: true });
      must(["cp", compatLibcuda(note), join(folder, `libcuda.so.${version}`)]);
      symlinkSync(`libcuda.so.${version}`, join(folder, "libcuda.so.1"));
      symlinkSync("cuda-12.9", join(bundle.rootfs, "usr/local/cuda"));
    }

    const count = (profile: string, version: string, note: typeof NOTE | undefined, env: readonly string[] = []) => {
      const fill = (bundle: Bundle): void => addCompat(bundle, version, note);
      return cudaDevices(hostOf(profile), { env: ["NVIDIA_VISIBLE_DEVICES=0", ...env], fill }).stdout;
    };

    test.each([
      ["newer, made for this driver", "h100x8", "575.57.08", NOTE, "77"],
      ["of a newer branch, without a note", "h100x8", "575.57.08", undefined, "77"],
      ["as old as the driver", "h100x8", "570.133.20", NOTE, "1"],
      ["older", "h100x8", "550.54.14", NOTE, "1"],
      ["newer, but not made for this driver", "h100x8", "590.44.01", { ...NOTE, branches: [580, 590] }, "1"],
      ["newer, but not for a GeForce", "rtx4090x2", "575.57.08", NOTE, "1"],
    ] as const)("that are %s: on %s with libcuda %s", (_, profile, version, note, devices) => {
      expect(count(profile, version, note && { ...note, branches: [...note.branches] })).toBe(
        `${devices} CUDA devices\n`,
      );
    });

    test("starts although the driver alone does not meet the image's condition", () => {
      const env = ["NVIDIA_REQUIRE_CUDA=cuda>=12.9"];
      expect(count("h100x8", "575.57.08", NOTE, env)).toBe("77 CUDA devices\n");
      expect(cudaDevices(hostOf("h100x8"), { env: ["NVIDIA_VISIBLE_DEVICES=0", ...env] }).stderr).toMatch(
        /BERTH-R007.*CUDA 12\.8/,
      );
    });

    test("keeps them first when ldconfig runs in the container", () => {
      const { output } = start(hostOf("h100x8"), ["sh", "-c", "ldconfig && /cuda-program"], {
        env: ["NVIDIA_VISIBLE_DEVICES=0"],
        fill: (bundle) => {
          addProgram(bundle, cudaProgram(GLIBC_LOADER, compatLibcuda(undefined)));
          addCompat(bundle, "575.57.08", NOTE);
        },
      });
      expect(output).toEqual({ status: 0, stdout: "77 CUDA devices\n", stderr: "" });
    });
  });

  test.each(["auto", "jit-cdi", "legacy", "cdi", "csv"])(
    "whose image's condition is not met is refused in the mode %s, too",
    (mode) => {
      const host = simHost(scope, "h100x8", scope.folder(`mode-${mode}`));
      setConfig(host, ['log-level = "info"', `log-level = "info"\nmode = "${mode}"`]);
      const ask = (condition: string): Output => {
        return start(host, ["true"], { env: ["NVIDIA_VISIBLE_DEVICES=all", `NVIDIA_REQUIRE_CUDA=${condition}`] })
          .output;
      };
      // A machine without CSV lists has no GPU in that mode at all.
      if (mode === "csv") return expect(ask("cuda>=1").stderr).toContain("BERTH-D001");
      expect(ask("cuda>=1")).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(ask("cuda>=99").stderr).toContain("BERTH-R007");
    },
  );

  test("with IMEX channels opens those it asked for and no other", () => {
    const host = hostOf("gb200x4-imex");
    const folder = "/dev/nvidia-caps-imex-channels";
    const major = /^ *(\d+) nvidia-caps-imex-channels$/m.exec(must(["cat", join(host.dir, "proc/devices")]))?.[1];
    const env = ["NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_IMEX_CHANNELS=0,channel2"];
    const tries = [`open=${folder}/channel0`, `open=${folder}/channel2`, `mknod=/tmp/other:${major}:1`];
    expect(Object.values(probe(host, tries, { env }))).toEqual(["ENXIO", "ENXIO", "EPERM"]);
    const missing = ["NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_IMEX_CHANNELS=4000"];
    expect(start(host, ["true"], { env: missing }).output.stderr).toContain("BERTH-R005");
  });

  test.each([
    ["NVIDIA_GDS", ["/dev/nvidia-fs0"], ["/etc/cufile.json", "/run/udev"]],
    ["NVIDIA_MOFED", ["/dev/infiniband/rdma_cm", "/dev/infiniband/uverbs0"], []],
    ["NVIDIA_GDRCOPY", ["/dev/gdrdrv"], []],
    ["NVIDIA_NVSWITCH", ["/dev/nvidia-nvswitchctl", "/dev/nvidia-nvswitch0"], []],
  ] as const)("with %s=enabled opens %j, has the files %j, and its GPUs all the same", (variable, nodes, files) => {
    const host = hostOf("gds");
    const env = ["NVIDIA_VISIBLE_DEVICES=0", `${variable}=enabled`];
    // What is there and cannot be written to shows that it was mounted; nothing is behind the nodes.
    const answers = probe(
      host,
      nodes.map((path) => `open=${path}`),
      { env },
    );
    // Of the misc devices the kernel says ENODEV where nothing is behind a minor.
    expect(Object.values(answers)).toEqual(nodes.map((path) => (path.endsWith("rdma_cm") ? "ENODEV" : "ENXIO")));
    const script = [...files.map((path) => `test -e ${path}`), "nvidia-smi -L"].join(" && ");
    expect(start(host, ["sh", "-c", script], { env }).output).toEqual({
      status: 0,
      stdout: listing(pick(host, 0)),
      stderr: "",
    });
    const without = probe(
      host,
      nodes.map((path) => `open=${path}`),
      { env: ["NVIDIA_VISIBLE_DEVICES=0"] },
    );
    expect(Object.values(without)).toEqual(nodes.map(() => "ENOENT"));
  });

  test("on a Jetson finds its GPU by the CSV lists, for all and 0 and nothing else", () => {
    const host = hostOf("orin-csv");
    for (const devices of ["all", "0"]) {
      expect(cudaDevices(host, { env: [`NVIDIA_VISIBLE_DEVICES=${devices}`] })).toEqual({
        status: 0,
        stdout: "1 CUDA devices\n",
        stderr: "",
      });
    }
    expect(start(host, ["true"], { env: ["NVIDIA_VISIBLE_DEVICES=1"] }).output.stderr).toContain("BERTH-R001");
  });

  test("under WSL finds the GPU of the Windows driver", () => {
    const { output } = start(hostOf("wsl"), ["nvidia-smi", "-L"], { env: ["NVIDIA_VISIBLE_DEVICES=all"] });
    expect(output).toMatchObject({ status: 0, stdout: expect.stringMatching(/^GPU 0: /), stderr: "" });
  });

  test("may ask by volume mounts where config.toml allows it, and its mounts stay", () => {
    const host = simHost(scope, "h100x8", scope.folder("mounts"));
    setConfig(host, [
      "# The configuration",
      "accept-nvidia-visible-devices-as-volume-mounts = true\n# The configuration",
    ]);
    const at = (tail: string) => ({
      destination: `/var/run/nvidia-container-devices/${tail}`,
      source: "/dev/null",
      type: "bind",
      options: ["bind"],
    });
    const edit = (spec: Spec): void => void spec.mounts.push(at("2"), at("cdi/nvidia.com/gpu=5"));
    const { output, bundle } = start(host, ["nvidia-smi", "-L"], { env: ["NVIDIA_VISIBLE_DEVICES=void"], edit });
    expect(output).toEqual({ status: 0, stdout: listing(pick(host, 2, 5)), stderr: "" });
    expect(readSpec(bundle).mounts).toContainEqual(at("2"));
  });

  test("may ask by a CDI annotation", () => {
    const host = hostOf("h100x8");
    const edit = (spec: Spec): void =>
      void (spec.annotations = { "cdi.k8s.io/plugin_0": "nvidia.com/gpu=3,nvidia.com/gpu=1" });
    expect(start(host, ["nvidia-smi", "-L"], { edit }).output).toEqual({
      status: 0,
      stdout: listing(pick(host, 1, 3)),
      stderr: "",
    });
  });

  test("through the programs of the modes cdi and legacy is read by that mode, and what one of them noted never hides a request", () => {
    const host = simHost(scope, "h100x8", scope.folder("programs"));
    const edit = (spec: Spec): void => void (spec.annotations = { "cdi.k8s.io/plugin_0": "2" });
    const through = (name: string): Output => {
      const bundle = makeBundle(scope, debianTree(), {
        args: ["sh", "-c", "nvidia-smi -L 2>/dev/null || echo none"],
        edit,
      });
      return runContainer({ argv: [join(host.bin, name)], lowLevel: program("runc") }, bundle);
    };
    for (const name of [
      "nvidia-container-runtime.legacy",
      "nvidia-container-runtime.cdi",
      "nvidia-container-runtime.legacy",
      "nvidia-container-runtime.cdi",
    ]) {
      const expected = name.endsWith(".cdi") ? listing(pick(host, 2)) : "none\n";
      expect(through(name)).toEqual({ status: 0, stdout: expected, stderr: "" });
    }
  });

  test("by UUID prefix, PCI address and repeated ids gets each GPU once", () => {
    const host = hostOf("h100x8");
    const [one, two] = pick(host, 1, 6);
    const env = [`NVIDIA_VISIBLE_DEVICES=${one?.uuid.slice(0, 12)},${two?.bus},6,01`];
    expect(start(host, ["nvidia-smi", "-L"], { env }).output.stdout).toBe(listing(pick(host, 1, 6)));
  });

  test.each([
    ["NVIDIA_VISIBLE_DEVICES=0,9", "BERTH-R001"],
    ["NVIDIA_VISIBLE_DEVICES=0x0", "BERTH-R002"],
    ["NVIDIA_VISIBLE_DEVICES=-1", "BERTH-R002"],
    ["NVIDIA_VISIBLE_DEVICES=GPU-00000000-0000-0000-0000-000000000000", "BERTH-R001"],
    ["NVIDIA_VISIBLE_DEVICES=al", 'did you mean "all"'],
    ["NVIDIA_VISIBLE_DEVICES=0:9", "BERTH-R001"],
    ["NVIDIA_VISIBLE_DEVICES=all NVIDIA_REQUIRE_CUDA=cuda", "BERTH-R006"],
    ["NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=cuda", "BERTH-R003"],
    ["NVIDIA_VISIBLE_DEVICES=all NOTHING", "BERTH-S005"],
  ])("that asks for %s is refused with a code, a cause and a remedy, and does not start", (text, expected) => {
    const { output } = start(hostOf("h100x8"), ["echo", "started"], { env: text.split(" ") });
    expect(output).toMatchObject({ status: 1, stdout: "" });
    expect(output.stderr).toMatch(/^nvidia-container-runtime: BERTH-[A-Z]\d{3}: .+; remedy: .+\n$/);
    expect(output.stderr).toContain(expected);
  });

  test("leaves nothing of the compatibility and profile files behind when the next start does not want them", () => {
    const host = hostOf("l40s-graphics");
    const { bundle } = start(host, ["true"], { env: ["NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_DRIVER_CAPABILITIES=all"] });
    const profile = join(bundle.layer, "etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf");
    expect(existsSync(profile)).toBe(true);
    const spec = readSpec(bundle);
    const fresh = makeBundle(scope, debianTree(), { args: ["true"], env: ["NVIDIA_VISIBLE_DEVICES=0"] });
    writeFileSync(bundle.configPath, JSON.stringify({ ...readSpec(fresh), root: spec.root }));
    const again = runContainer({ argv: [host.runtime], lowLevel: program("runc") }, bundle);
    expect(again).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(existsSync(dirname(dirname(profile)))).toBe(false);
  });
});
