import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { debianTree } from "./images/debian.ts";
import { makeBundle, readSpec, runContainer, writeSpec, type Bundle, type Spec } from "./lib/bundle.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { must, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, setConfig, simHost, type SimHost } from "./lib/sim-host.ts";
import { treeState } from "./lib/tree-state.ts";

/** Where NVIDIA's stack is known to err (1.20.0), and what a container gets here. Numbers of defects that no runtime has are left out. */
describeWith(["runc", "gcc", "debootstrap"], "where the NVIDIA stack errs, a container", () => {
  let scope: Scope;
  let h100: SimHost;
  let graphics: SimHost;

  beforeAll(() => {
    scope = new Scope("peer-defects");
    h100 = simHost(scope, "h100x8");
    graphics = simHost(scope, "l40s-graphics");
    debianTree();
  }, 600_000);

  afterAll(() => scope.close());

  interface Wish {
    readonly env?: readonly string[];
    readonly edit?: (spec: Spec) => void;
  }

  function make(args: readonly string[], { env = [], edit }: Wish): Bundle {
    return makeBundle(scope, debianTree(), { args, env, ...(edit === undefined ? {} : { edit }) });
  }

  function start(host: SimHost, bundle: Bundle): Output {
    return runContainer({ argv: [host.runtime], lowLevel: program("runc") }, bundle);
  }

  const list = (wish: Wish): Output => start(h100, make(["nvidia-smi", "-L"], wish));
  const gpus = (...indices: number[]): Output => ({ status: 0, stdout: listing(pick(h100, ...indices)), stderr: "" });

  /** Another configuration for one test. */
  function withConfig<T>(host: SimHost, change: readonly [string, string], work: () => T): T {
    const before = readFileSync(host.configPath);
    setConfig(host, change);
    try {
      return work();
    } finally {
      writeFileSync(host.configPath, before);
    }
  }

  test("1: that names a GPU twice gets it once", () => {
    expect(list({ env: ["NVIDIA_VISIBLE_DEVICES=0,0"] })).toEqual(gpus(0));
    expect(list({ env: ["NVIDIA_VISIBLE_DEVICES=0,1,0"] })).toEqual(gpus(0, 1));
  });

  test.each(["NVIDIA_GDS", "NVIDIA_MOFED", "NVIDIA_NVSWITCH", "NVIDIA_GDRCOPY"])(
    "2: that asks for %s in the mode legacy has its GPUs all the same",
    (variable) => {
      const output = withConfig(h100, ['log-level = "info"', 'log-level = "info"\nmode = "legacy"'], () =>
        list({ env: ["NVIDIA_VISIBLE_DEVICES=1", `${variable}=enabled`] }),
      );
      expect(output).toEqual(gpus(1));
    },
  );

  test("6: has links by PCI address at their place, not below the host's root", () => {
    const bundle = make(["find", "/", "-xdev", "-name", "*berth-e2e*"], {
      env: ["NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=all"],
    });
    expect(start(graphics, bundle)).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test("7: has NVIDIA_VISIBLE_DEVICES once, and it says what was granted", () => {
    const env = ["NVIDIA_VISIBLE_DEVICES=3", "NVIDIA_VISIBLE_DEVICES=2", "NVIDIA_GDS=enabled", "NVIDIA_MOFED=enabled"];
    const bundle = make(["true"], { env });
    expect(start(h100, bundle).status).toBe(0);
    const entries = readSpec(bundle).process.env.filter((entry) => entry.startsWith("NVIDIA_VISIBLE_DEVICES="));
    expect(entries).toEqual([`NVIDIA_VISIBLE_DEVICES=${pick(h100, 2)[0]?.uuid}`]);
  });

  test("8: has the same layer after its third start as after its first", () => {
    const wish = { args: ["true"], env: ["NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=all"] };
    const bundle = makeBundle(scope, debianTree(), wish);
    const states = [1, 2, 3].map(() => {
      writeSpec(bundle, wish);
      expect(start(graphics, bundle)).toEqual({ status: 0, stdout: "", stderr: "" });
      return treeState(bundle.layer);
    });
    expect(states[1]).toEqual(states[0]);
    expect(states[2]).toEqual(states[0]);
  });

  test("9: cannot write to the driver's files, and they are mounted without devices and set-uid", () => {
    const script =
      "for f in /usr/bin/nvidia-smi /usr/lib/*/libcuda.so.*.*; do echo x >> $f && echo $f; done; grep -c nvidia-smi /proc/self/mountinfo; grep nvidia-smi /proc/self/mountinfo | cut -d' ' -f6";
    const { stdout } = start(h100, make(["sh", "-c", script], { env: ["NVIDIA_VISIBLE_DEVICES=0"] }));
    expect(stdout).toMatch(/^1\nro,nosuid,nodev(,\w+)*\n$/);
  });

  test("11: that names a CDI kind of one letter is refused, and nothing breaks", () => {
    expect(list({ env: ["NVIDIA_VISIBLE_DEVICES=a/b=0"] }).stderr).toMatch(
      /^nvidia-container-runtime: BERTH-R004: .*; remedy: .*\n$/,
    );
  });

  test("13: has no additional groups where nvcdi-feature-flags says so", () => {
    const flags =
      '[nvidia-container-runtime.modes.jit-cdi]\nnvcdi-feature-flags = ["no-additional-gids-for-device-nodes"]\n\n[berth]';
    const groups = (): string => {
      return start(
        graphics,
        make(["id", "-G"], { env: ["NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_DRIVER_CAPABILITIES=graphics"] }),
      ).stdout;
    };
    expect(groups()).toBe("0 44 105\n");
    expect(withConfig(graphics, ["[berth]", flags], groups)).toBe("0\n");
  });

  test("14: whose image demands CUDA 12.10 is not taken for one that demands 12.1", () => {
    expect(list({ env: ["NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_REQUIRE_CUDA=cuda>=12.10"] }).stderr).toContain(
      "BERTH-R007",
    );
    expect(list({ env: ["NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_REQUIRE_CUDA=cuda>=12.1"] })).toEqual(gpus(0));
  });

  test("15: with a mount beside the folder for device lists asks for nothing by it, and void mounted there is no id", () => {
    const change = [
      "# The configuration",
      "accept-nvidia-visible-devices-as-volume-mounts = true\n# The configuration",
    ] as const;
    const at = (path: string) => (spec: Spec) => {
      spec.mounts.push({ destination: path, source: "/dev/null", type: "bind", options: ["bind"] });
    };
    withConfig(h100, change, () => {
      const beside = { env: ["NVIDIA_VISIBLE_DEVICES=4"], edit: at("/var/run/nvidia-container-devicesX/9") };
      expect(list(beside)).toEqual(gpus(4));
      const nothing = make(["true"], { edit: at("/var/run/nvidia-container-devices/void") });
      expect(start(h100, nothing)).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(readSpec(nothing).linux.devices).toBeUndefined();
    });
  });

  test("17: that asks for an unknown capability is told which there are", () => {
    const env = ["NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_DRIVER_CAPABILITIES=cuda"];
    expect(list({ env }).stderr).toContain("ask for some of compat32, compute, display, graphics, ngx, utility, video");
  });

  test("20: gets the capabilities that it asked for and no more, and its conditions count, in every mode", () => {
    for (const mode of ["auto", "jit-cdi", "cdi", "legacy"]) {
      withConfig(h100, ['log-level = "info"', `log-level = "info"\nmode = "${mode}"`], () => {
        const env = ["NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_DRIVER_CAPABILITIES=utility"];
        const count = make(["sh", "-c", "ls /usr/lib/*/libcuda.so* 2>/dev/null | wc -l; nvidia-smi -L | wc -l"], {
          env,
        });
        expect(start(h100, count).stdout).toBe("0\n1\n");
        expect(list({ env: [...env, "NVIDIA_REQUIRE_CUDA=cuda>=99"] }).stderr).toContain("BERTH-R007");
      });
    }
  });

  test("21: is told of the same condition whenever several are not met", () => {
    const env = [
      "NVIDIA_VISIBLE_DEVICES=0",
      "NVIDIA_REQUIRE_Z=cuda>=98",
      "NVIDIA_REQUIRE_A=cuda>=99",
      "NVIDIA_REQUIRE_M=cuda>=97",
    ];
    const first = list({ env }).stderr;
    expect(first).toContain("NVIDIA_REQUIRE_A=cuda>=99");
    expect(list({ env: [env[0] ?? "", ...env.slice(1).toReversed()] }).stderr).toBe(first);
  });

  test("22: on a host whose config.toml has a misspelt key starts, and the log says which was meant", () => {
    const log = join(h100.dir, "var/log/nvidia-container-runtime.log");
    withConfig(h100, ["[berth]", "[features]\nno-additional-gid-for-device-nodes = true\n\n[berth]"], () => {
      expect(list({ env: ["NVIDIA_VISIBLE_DEVICES=0"] })).toEqual(gpus(0));
    });
    expect(readFileSync(log, "utf8")).toMatch(
      /no-additional-gid-for-device-nodes.*no-additional-gids-for-device-nodes/,
    );
  });
});

describeWith(["containerd", "dockerd"], "where the NVIDIA stack errs, nvidia-ctk runtime configure", () => {
  let scope: Scope;
  beforeAll(() => {
    scope = new Scope("peer-defects-ctk");
  });
  afterAll(() => scope.close());

  /** A configuration file, changed by the built program. */
  function configure(name: string, before: string, ...words: readonly string[]): string {
    const path = join(scope.folder("engine"), name);
    writeFileSync(path, before);
    must([join(dist, "bin/nvidia-ctk"), "runtime", "configure", `--config=${path}`, ...words]);
    return path;
  }

  const dump = (config: string): string => must([program("containerd"), "--config", config, "config", "dump"]);
  const NVIDIA = '.containerd.runtimes.nvidia.options]\n            BinaryName = "/usr/bin/nvidia-container-runtime"';

  test("3: keeps Docker's other features", () => {
    const config = configure("daemon.json", '{"features": {"buildkit": true}}', "--cdi.enabled");
    expect(JSON.parse(readFileSync(config, "utf8"))).toMatchObject({ features: { buildkit: true, cdi: true } });
    must([program("dockerd"), "--validate", `--config-file=${config}`]);
  });

  test("4: without a file of its own changes the main file, and loses nothing in it", () => {
    const before = '# ours\nversion = 2\n[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "ours:1"\n';
    const config = configure("config.toml", before, "--runtime=containerd", "--drop-in-config=");
    expect(readFileSync(config, "utf8")).toStartWith(before);
    expect(dump(config)).toContain('sandbox_image = "ours:1"');
    expect(dump(config)).toContain(NVIDIA);
    const crio = '# ours\n[crio.runtime]\nlog_level = "debug"\n';
    expect(readFileSync(configure("crio.conf", crio, "--runtime=crio", "--drop-in-config="), "utf8")).toStartWith(crio);
  });

  test("5: reaches a containerd whose file has no version", () => {
    const dropIn = join(scope.folder("conf.d"), "99-nvidia.toml");
    const before = '[plugins.cri]\nsandbox_image = "ours:1"\n';
    const config = configure("config.toml", before, "--runtime=containerd", `--drop-in-config=${dropIn}`);
    expect(dump(config)).toContain('sandbox_image = "ours:1"');
    expect(dump(config)).toContain(NVIDIA);
  });
});
