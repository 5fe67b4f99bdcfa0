import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDistroless } from "./images/copied.ts";
import { debianTree } from "./images/debian.ts";
import {
  addProgram,
  makeBundle,
  makePlainBundle,
  runContainer,
  writeSpec,
  type Bundle,
  type Runtime,
} from "./lib/bundle.ts";
import { WITH_CGROUP1, WITH_CGROUP2 } from "./lib/cgroup2.ts";
import { probeProgram } from "./lib/compile.ts";
import { addConfigureHook, HOOK_WORDS, makeConfigureHook } from "./lib/configure.ts";
import { describeWith, program } from "./lib/gate.ts";
import { holdProcess } from "./lib/namespace.ts";
import { parseProbe } from "./lib/probe.ts";
import { must, run, type Output } from "./lib/run.ts";
import { readMountTable, Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";
import { treeState } from "./lib/tree-state.ts";

const LIBRARIES = "/usr/lib/x86_64-linux-gnu";
const LIST_NODES = "cd /dev && echo nvidia*";

describeWith(["runc", "crun", "gcc", "debootstrap"], "nvidia-container-cli configure", () => {
  let scope: Scope;
  let host: SimHost;
  let mig: SimHost;
  let imex: SimHost;
  let graphics: SimHost;
  const runc: Runtime = { argv: [program("runc")], lowLevel: program("runc") };

  beforeAll(() => {
    scope = new Scope("configure");
    [host, mig, imex, graphics] = [
      simHost(scope, "h100x8"),
      simHost(scope, "a100x8-mig"),
      simHost(scope, "gb200x4-imex"),
      simHost(scope, "l40s-graphics"),
    ];
    debianTree();
  }, 600_000);

  afterAll(() => scope.close());

  /** What of the machine must stay as it is; the root file systems of bundles are mounted by the tests. */
  function machine(): readonly unknown[] {
    return [
      readMountTable().filter((line) => !line.includes("-bundle/rootfs ")),
      readdirSync("/dev").toSorted(),
      readdirSync(join(host.dir, "dev")).toSorted(),
    ];
  }

  interface CallOptions {
    readonly on?: SimHost;
    readonly runtime?: Runtime;
  }

  /** A container of a low-level runtime whose prestart hook makes this call. */
  function start(words: readonly string[], args: readonly string[], { on = host, runtime = runc }: CallOptions = {}) {
    const bundle = makeBundle(scope, debianTree(), { args });
    addProgram(bundle, probeProgram());
    const edit = (spec: Parameters<typeof addConfigureHook>[0]): void => {
      addConfigureHook(spec, makeConfigureHook(scope, on), bundle.rootfs, words);
    };
    writeSpec(bundle, { args, edit });
    return runContainer(runtime, bundle);
  }

  const inShell = (script: string): readonly string[] => ["sh", "-c", script];

  describe("of NVIDIA's own hook", () => {
    const runtimes: Readonly<Record<string, Runtime>> = {
      "runc, cgroups v1": runc,
      "runc, cgroups v2": { argv: [...WITH_CGROUP2, program("runc")], lowLevel: program("runc") },
      "crun, cgroups v1": { argv: [...WITH_CGROUP1, program("crun")], lowLevel: program("crun") },
      "crun, cgroups v2": { argv: [...WITH_CGROUP2, program("crun")], lowLevel: program("crun") },
    };

    for (const [name, runtime] of Object.entries(runtimes)) {
      test(`gives the container exactly its GPUs, and the loader finds CUDA (${name})`, () => {
        const before = machine();
        const script = `nvidia-smi -L; ${LIST_NODES}; /sbin/ldconfig -p | grep -c 'libcuda.so.1 '; /sbin/ldconfig -p | grep -c 'libz.so.1 '`;
        expect(start(HOOK_WORDS, inShell(script), { runtime })).toEqual({
          status: 0,
          stdout: `${listing(pick(host, 0, 3))}nvidia-uvm nvidia-uvm-tools nvidia0 nvidia3 nvidiactl\n1\n1\n`,
          stderr: "",
        });
        expect(machine()).toEqual(before);
      });

      test(`lets it open the devices of these GPUs and of no other, whatever node it makes (${name})`, () => {
        const [granted, other] = pick(host, 3, 4);
        const nodes = [`mknod=/tmp/own:195:${granted?.minor}`, `mknod=/tmp/other:195:${other?.minor}`];
        const { stdout } = start(HOOK_WORDS, ["/probe", `open=/dev/nvidia${granted?.minor}`, ...nodes], { runtime });
        // Nothing is behind a simulated node: allowed is ENXIO, refused is EPERM.
        expect(Object.values(parseProbe(stdout).tries)).toEqual(["ENXIO", "ENXIO", "EPERM"]);
      });

      test(`gives no permission with --no-cgroups (${name})`, () => {
        const [minor] = pick(host, 3).map((gpu) => gpu.minor);
        const { stdout } = start([...HOOK_WORDS, "--no-cgroups"], ["/probe", `open=/dev/nvidia${minor}`], { runtime });
        expect(Object.values(parseProbe(stdout).tries)).toEqual(["EPERM"]);
      });
    }

    test("stops the start of a container with a GPU that is not there, and leaves nothing", () => {
      const before = machine();
      const { status, stderr } = start(["configure", "--device=99", "--utility"], ["true"]);
      expect(status).not.toBe(0);
      expect(stderr).toContain("nvidia-container-cli: device error: 99: unknown device");
      expect(machine()).toEqual(before);
    });
  });

  describe("with an option", () => {
    const ALL = ["--device=1", "--compute", "--utility"];
    const LOOK = [
      LIST_NODES,
      "ls -d /lib/firmware/nvidia/*/* /run/nvidia-persistenced/socket 2>/dev/null | sed 's:.*/::'",
    ].join("; ");

    test.each([
      [[], "nvidia-uvm nvidia-uvm-tools nvidia1 nvidiactl", ["gsp_ga10x.bin", "gsp_tu10x.bin", "socket"]],
      [["--no-devbind"], "nvidia*", ["gsp_ga10x.bin", "gsp_tu10x.bin", "socket"]],
      [["--no-gsp-firmware"], "nvidia-uvm nvidia-uvm-tools nvidia1 nvidiactl", ["socket"]],
      [["--no-persistenced"], "nvidia-uvm nvidia-uvm-tools nvidia1 nvidiactl", ["gsp_ga10x.bin", "gsp_tu10x.bin"]],
      [["--no-persistenced", "--no-gsp-firmware", "--no-devbind"], "nvidia*", []],
    ])("%j leaves out what it says and nothing else", (options, nodes, files) => {
      const { status, stdout, stderr } = start(["configure", ...ALL, ...options], inShell(LOOK));
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout.trimEnd().split("\n")).toEqual([nodes, ...files]);
    });

    test("--no-devbind gives the permission all the same: whoever makes the nodes can use them", () => {
      const [own, other] = pick(host, 1, 2);
      const nodes = [`mknod=/tmp/own:195:${own?.minor}`, `mknod=/tmp/other:195:${other?.minor}`];
      const { stdout } = start(["configure", ...ALL, "--no-devbind"], ["/probe", ...nodes]);
      expect(Object.values(parseProbe(stdout).tries)).toEqual(["ENXIO", "EPERM"]);
    });

    test("--compat32 brings the 32-bit libraries, which do not come without it", () => {
      const count = (...options: readonly string[]): string => {
        const words = ["configure", "--device=0", "--compute", "--utility", ...options];
        return start(
          words,
          inShell("ls -d /usr/lib/i386-linux-gnu/libcuda.so.1 | wc -l; /sbin/ldconfig -p | grep -c 'libcuda.so.1 '"),
          {
            on: graphics,
          },
        ).stdout;
      };
      expect([count(), count("--compat32")]).toEqual(["0\n1\n", "1\n2\n"]);
    });

    test("--device names a MIG device by number, and it comes with its capabilities' nodes and no other", () => {
      const [device] = mig.gpus[0]?.mig ?? [];
      const words = ["configure", "--device=0:0", "--utility"];
      const { status, stdout, stderr } = start(
        words,
        inShell(`nvidia-smi -L; ls /dev/nvidia-caps | wc -l; ${LIST_NODES}`),
        {
          on: mig,
        },
      );
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(device?.uuid ?? "no device");
      expect(stdout.match(/UUID: MIG-/g)).toHaveLength(1);
      expect(stdout).toContain("\n2\n");
    });

    test("--imex-channel brings that channel and no other", () => {
      const words = ["configure", "--device=0", "--utility", "--imex-channel=2,2047"];
      const { status, stdout } = start(words, inShell("ls /dev/nvidia-caps-imex-channels"), { on: imex });
      expect([status, stdout]).toEqual([0, "channel2\nchannel2047\n"]);
    });

    test("--require stops the start in the known words when it is not met, and is silent when it is", () => {
      const met = start(["configure", ...ALL, "--require=cuda>=12.0 driver>=535"], ["nvidia-smi", "-L"]);
      expect(met).toEqual({ status: 0, stdout: listing(pick(host, 1)), stderr: "" });
      const unmet = start(["configure", ...ALL, "--require=cuda>=99.0"], ["nvidia-smi", "-L"]);
      expect([unmet.status === 0, unmet.stdout]).toEqual([false, ""]);
      expect(unmet.stderr).toContain(
        "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=99.0, please update your driver to a newer version, or use an earlier cuda container",
      );
    });
  });

  describe("without --pid, in the namespaces of its caller", () => {
    const APPTAINER = "configure --no-cgroups --device=0,3 --compute --utility --ldconfig=@/sbin/ldconfig".split(" ");
    const ENROOT =
      "configure --no-cgroups --ldconfig=@/sbin/ldconfig.real --device=0,3 --compute --utility --require=cuda>=11.0".split(
        " ",
      );
    const MAKE_DEV = "mount -t tmpfs -o mode=755 tmpfs dev; : >dev/null; mount --bind /dev/null dev/null";

    const ways = [
      ["Apptainer as root", ["unshare", "--mount"], APPTAINER, MAKE_DEV],
      [
        "Apptainer in a user namespace",
        ["unshare", "--user", "--map-root-user", "--mount"],
        ["--user", ...APPTAINER],
        MAKE_DEV,
      ],
      [
        "Enroot in a user namespace",
        ["unshare", "--user", "--map-root-user", "--mount"],
        ["--user", ...ENROOT],
        "mkdir -p dev; mount --rbind /sys sys",
      ],
      ["Enroot as root", ["unshare", "--mount"], ["--user", ...ENROOT], "mount --rbind /sys sys"],
      ["a caller whose mounts are shared", ["unshare", "--mount", "--propagation", "shared"], APPTAINER, MAKE_DEV],
    ] as const;

    for (const [name, namespaces, words, prepare] of ways) {
      test(`gives a root file system its GPUs as for ${name}`, () => {
        const bundle = makeBundle(scope, debianTree(), { args: [] });
        const before = machine();
        const script = [
          `mount --bind ${bundle.rootfs} ${bundle.rootfs}; cd ${bundle.rootfs}; ${prepare}; mount --rbind /proc proc; cd /`,
          '"$@"',
          `exec chroot ${bundle.rootfs} sh -c '${LIST_NODES}; nvidia-smi -L; /sbin/ldconfig -p | grep -c "libcuda.so.1 "'`,
        ].join("\n");
        const call = [join(host.bin, "nvidia-container-cli"), ...words, bundle.rootfs];
        expect(run([...namespaces, "sh", "-ec", script, "sh", ...call])).toEqual({
          status: 0,
          stdout: `nvidia-uvm nvidia-uvm-tools nvidia0 nvidia3 nvidiactl\n${listing(pick(host, 0, 3))}1\n`,
          stderr: "",
        });
        expect(machine()).toEqual(before);
        expect(readMountTable().filter((line) => line.includes(`${bundle.rootfs}/`))).toEqual([]);
      });
    }

    test("gives a user without rights the files for this root file system alone that graphics need, and leaves none of them elsewhere", () => {
      const bundle = makePlainBundle(scope, makeDistroless, { args: [] });
      must(["chown", "-R", "300000:300000", bundle.rootfs]);
      const before = readdirSync("/tmp").filter((each) => each.startsWith("berth-"));
      const call = [join(graphics.bin, "nvidia-container-cli"), "--user", "configure", "--no-cgroups"];
      const words = [...call, "--device=1", "--graphics", "--display", bundle.rootfs];
      const profile = "/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf";
      const script = `"$@"; grep -c EGLVisible ${bundle.rootfs}${profile}`;
      const asUser = ["setpriv", "--reuid=300000", "--regid=300000", "--clear-groups"];
      const inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", script, "sh"];
      expect(run([...asUser, ...inside, ...words])).toEqual({ status: 0, stdout: "1\n", stderr: "" });
      expect(readdirSync("/tmp").filter((each) => each.startsWith("berth-"))).toEqual(before);
    });

    test("writes what it does to the log of --debug, and succeeds without a word", () => {
      const bundle = makeBundle(scope, debianTree(), { args: [] });
      const log = join(bundle.dir, "log");
      const call = [join(host.bin, "nvidia-container-cli"), `--debug=${log}`, ...APPTAINER, bundle.rootfs];
      expect(run(["unshare", "--mount", ...call])).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(readFileSync(log, "utf8")).toContain(`${LIBRARIES}/libcuda.so.${host.driver}`);
    });

    test("a second call changes nothing", () => {
      const bundle = makeBundle(scope, debianTree(), { args: [] });
      const call = [join(host.bin, "nvidia-container-cli"), ...APPTAINER, bundle.rootfs];
      const script = '"$@"; cat /proc/self/mountinfo; echo; "$@"; cat /proc/self/mountinfo';
      const { status, stdout, stderr } = run(["unshare", "--mount", "sh", "-ec", script, "sh", ...call]);
      expect([status, stderr]).toEqual([0, ""]);
      const [first, second] = stdout.trimEnd().split("\n\n");
      expect(first).toContain(`${bundle.rootfs}${LIBRARIES}/libcuda.so.${host.driver}`);
      expect(second).toBe(first);
    });
  });

  describe("refuses", () => {
    let bundle: Bundle;
    /** A process with a mount namespace of its own. */
    let holder: number;

    beforeAll(() => {
      bundle = makeBundle(scope, debianTree(), { args: [] });
      writeFileSync(join(bundle.dir, "file"), "");
      holder = holdProcess(scope);
    });

    function gone(): string {
      return run(["sh", "-c", "echo $$"]).stdout.trim();
    }

    function stateOf(): readonly unknown[] {
      return [...machine(), readFileSync(`/proc/${holder}/mountinfo`, "utf8"), treeState(bundle.layer), mountsHere()];
    }

    function mountsHere(): readonly string[] {
      return readMountTable().filter((line) => line.includes(bundle.dir));
    }

    function configure(words: readonly string[], on = host): Output {
      return run([join(on.bin, "nvidia-container-cli"), "configure", "--device=0", "--utility", ...words]);
    }

    const cases: readonly (readonly [string, () => readonly string[], string])[] = [
      ["a process that is gone", () => [`--pid=${gone()}`, bundle.rootfs], "container error: "],
      ["process 0", () => ["--pid=0", bundle.rootfs], "input error: parse pid failed: invalid argument\n"],
      ["a process with the machine's own mounts", () => [`--pid=${process.pid}`, bundle.rootfs], "container error: "],
      ["the root of the machine", () => [`--pid=${holder}`, "/"], "input error: invalid rootfs directory\n"],
      ["a relative folder", () => [`--pid=${holder}`, "rootfs"], "input error: invalid rootfs directory\n"],
      ["a folder that is not there", () => [`--pid=${holder}`, join(bundle.dir, "none")], "mount error: "],
      ["a file", () => [`--pid=${holder}`, join(bundle.dir, "file")], "mount error: "],
      [
        "a GPU that is not there",
        () => [`--pid=${holder}`, "--device=99", bundle.rootfs],
        "device error: 99: unknown device\n",
      ],
      [
        "a condition that it cannot read",
        () => [`--pid=${holder}`, "--require=cuda>", bundle.rootfs],
        "requirement error: ",
      ],
      ["no root file system", () => [`--pid=${holder}`], "no ROOTFS"],
    ];

    for (const [what, words, message] of cases) {
      test(`${what}: exit code 1, the phase and the reason, and nothing has changed`, () => {
        const before = stateOf();
        const { status, stdout, stderr } = configure(words());
        expect([status, stdout]).toEqual([1, ""]);
        expect(stderr).toMatch(/^nvidia-container-cli(: | configure: )/);
        expect(stderr.split("\n")[0] + "\n").toContain(message);
        expect(stateOf()).toEqual(before);
      });
    }

    test("a driver whose library went away since the machine was described, and nothing has changed", () => {
      const other = simHost(scope, "h100x8", scope.folder("vanishing"));
      const library = join(other.dir, LIBRARIES, `libnvidia-ml.so.${other.driver}`);
      expect(run([join(other.bin, "nvidia-container-cli"), "list"]).stdout).toContain(library);
      renameSync(library, `${library}.away`);
      const before = stateOf();
      const { status, stderr } = configure([`--pid=${holder}`, bundle.rootfs], other);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^nvidia-container-cli: [a-z]+ error: .*libnvidia-ml/);
      expect(stateOf()).toEqual(before);
    });

    test("a root file system that nobody can write into and that has no place for the driver, and nothing has changed", () => {
      const dir = scope.folder("frozen");
      const [empty, rootfs] = [join(dir, "empty"), join(dir, "rootfs")];
      for (const path of [empty, rootfs]) mkdirSync(path);
      must(["mount", "-t", "overlay", "overlay", "-o", `lowerdir=${empty}:${debianTree()}`, rootfs]);
      const pid = holdProcess(scope);
      const before = readFileSync(`/proc/${pid}/mountinfo`, "utf8");
      const { status, stderr } = configure([`--pid=${pid}`, rootfs]);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^nvidia-container-cli: mount error: /);
      expect(readFileSync(`/proc/${pid}/mountinfo`, "utf8")).toBe(before);
    });
  });
});
