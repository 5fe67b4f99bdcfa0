import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { runTrial } from "../src/engines/index.ts";
import { clientEnv } from "./engines/clients.ts";
import { writeOciArchive } from "./engines/oci-image.ts";
import { importIntoPodman, setUpPodman, type Podman } from "./engines/podman.ts";
import { makeAlpineLike, makeDistroless } from "./images/copied.ts";
import { writeCdi } from "./lib/cdi.ts";
import { importImage, startContainerd, startDocker, type Containerd, type Docker } from "./lib/daemon.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { must, run, type Output } from "./lib/run.ts";
import { mountsBelow, Scope, waitFor } from "./lib/scope.ts";
import { pick, simHost, type SimGpu, type SimHost } from "./lib/sim-host.ts";

/** Those that the test of what is printed does not try. */
const ENGINES = ["podman", "containerd", "runc"] as const;
const IMAGES = ["alpine", "distroless", "scratch"] as const;
const libcuda = ({ driver }: SimHost): string => `usr/lib/x86_64-linux-gnu/libcuda.so.${driver}`;
const LONG_MS = 60_000;

/** A library of CUDA's that is not NVIDIA's. */
function standIn(path: string, macro: string): void {
  const soname = basename(path).replace(/^(libcuda\.so)\..*/, "$1.1");
  const source = join(import.meta.dir, "../src/cuda/double.test-helper.c");
  must(["gcc", "-shared", "-fPIC", "-w", `-Wl,-soname,${soname}`, macro, "-o", path, source]);
}

interface Layer {
  readonly id: string;
  readonly state: string;
  readonly detail: string;
  readonly code: string | null;
}

interface Probe {
  readonly layers: readonly Layer[];
  readonly cuda: string | null;
  readonly gpus: readonly { readonly index: number; readonly name: string; readonly uuid: string }[];
  readonly libc: string | null;
}

interface Result {
  readonly isGood: boolean;
  readonly host: Probe;
  readonly container: { kind: string; how: object; why?: string; libc?: string; probe: Probe } | null;
  readonly problem: { readonly code: string; readonly message: string } | null;
}

describeWith(
  ["docker", "dockerd", "podman", "containerd", "ctr", "runc", "busybox", "gcc", "debootstrap"],
  "berth selftest",
  () => {
    let scope: Scope;
    let host: SimHost;
    let docker: Docker;
    let podman: Podman;
    let containerd: Containerd;
    let specs: string;
    let env: Readonly<Record<string, string>>;

    beforeAll(() => {
      scope = new Scope("selftest");
      host = simHost(scope, "h100x8");
      specs = join(scope.folder("specs"), "cdi");
      writeCdi(host, join(specs, "nvidia.json"));
      docker = startDocker(scope, {
        runtime: host.runtime,
        path: host.bin,
        settings: { features: { cdi: true }, "cdi-spec-dirs": [specs] },
      });
      podman = setUpPodman(scope, program("runc"));
      containerd = startContainerd(scope);
      env = clientEnv(scope, { docker, podman, containerd });
      const trees = {
        alpine: makeAlpineLike(scope.folder("alpine")),
        distroless: makeDistroless(scope.folder("distroless")),
        scratch: scope.folder("scratch"),
      };
      writeFileSync(join(trees.scratch, "file"), "");
      standIn(join(trees.distroless, "usr/lib/x86_64-linux-gnu/libcudart.so.12"), "-DRUNTIME=0");
      for (const name of IMAGES) importImage(docker, trees[name], name);
      importIntoPodman(podman, trees.alpine, "alpine");
      const archive = writeOciArchive(
        scope,
        IMAGES.map((name) => ({ name: `example.org/${name}:e2e`, tree: trees[name], env: [] })),
      );
      expect(containerd.run("images", "import", archive)).toMatchObject({ status: 0 });
    }, 600_000);

    afterAll(() => scope.close());

    const wordsOf = (...args: readonly string[]): string[] => [
      join(host.bin, "berth"),
      "--root",
      host.dir,
      "selftest",
      ...args,
    ];
    const selftest = (...args: readonly string[]): Output => run(wordsOf(...args), { env, timeoutMs: LONG_MS });

    function ask(...args: readonly string[]): Result {
      const { stdout, stderr } = selftest("--json", ...args);
      if (stdout === "") throw new Error(stderr);
      const result: Result = JSON.parse(stdout);
      return result;
    }

    /** The names and UUIDs of GPUs, as CUDA is to number them. */
    const numbered = (gpus: readonly SimGpu[]) => gpus.map(({ model, uuid }, index) => ({ index, name: model, uuid }));
    const states = (probe: Probe | undefined): string[] =>
      (probe?.layers ?? []).map(({ id, state }) => `${id} ${state}`);

    /** While `work` runs, something else stands at a path of the host. */
    function exchange<T>(path: string, put: (path: string) => void, work: () => T): T {
      const place = join(host.dir, path);
      const away = join(scope.folder("away"), "file");
      renameSync(place, away);
      try {
        put(place);
        return work();
      } finally {
        renameSync(away, place);
      }
    }

    function expectNothingLeft(): void {
      expect(docker.must("ps", "--all", "--quiet")).toBe("");
      expect(docker.must("images", "--quiet", "berth-selftest")).toBe("");
      expect(podman.must("ps", "--all", "--quiet")).toBe("");
      expect(containerd.run("containers", "ls", "--quiet").stdout).toBe("");
      expect(readdirSync(join(host.dir, "var/lib/berth/selftest"))).toEqual([]);
      expect(mountsBelow(host.dir)).toEqual([]);
    }

    for (const engine of ENGINES) {
      test(`with ${engine} counts the GPU that was granted and no other, uses it, and leaves nothing`, () => {
        const { container, problem } = ask("--engine", engine, "--device", "5");
        expect(problem).toBeNull();
        expect(container?.probe.gpus).toEqual(numbered(pick(host, 5)));
        const proved = ["library", "init", "devices", "context", "memory"].map((id) => `${id} good`);
        expect(states(container?.probe)).toEqual([...proved, "runtime absent", "libraries absent"]);
        expectNothingLeft();
      });
    }

    test("counts all GPUs by a CDI device that docker looks up", () => {
      const { host: machine, container, problem } = ask("--engine", "docker", "--device", "nvidia.com/gpu=all");
      expect(problem).toBeNull();
      expect(machine.gpus).toEqual(numbered(host.gpus));
      expect(container).toMatchObject({ how: { kind: "cdi" }, probe: { gpus: numbered(host.gpus) } });
    });

    test("by the interface that other commands have: docker run --gpus, with berth's hook", async () => {
      const trial = await runTrial({
        engine: "docker",
        how: { kind: "gpus" },
        devices: "1,6",
        executable: join(dist, "berth"),
        root: host.dir,
        scene: { env: (name) => env[name], timeoutMs: LONG_MS },
      });
      expect(trial).toMatchObject({ kind: "ran", libc: "own", warnings: [] });
      expect(trial.kind === "ran" && trial.probe.gpus).toEqual(numbered(pick(host, 1, 6)));
    });

    test("prints a line for each layer and each GPU, for the first engine that is here", () => {
      const { status, stdout, stderr } = selftest("--device", "2");
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const [machine = "", container] = stdout.split(/^(?=a container)/m);
      expect(machine).toStartWith(`this machine\n  ok      library    "/${libcuda(host)}"\n  ok      init       `);
      expect(container).toBe(
        [
          "a container of docker with the runtime nvidia, devices 2",
          "  ok      start      the container runs",
          `  ok      library    "/${libcuda(host)}"`,
          "  ok      init       the driver starts, and supports CUDA 12.8",
          "  ok      devices    1 GPU",
          `                     GPU 0: ${host.gpus[2]?.model} (UUID: ${host.gpus[2]?.uuid})`,
          "  ok      context    a context on 1 GPU",
          "  ok      memory     what was written was read back on 1 GPU",
          "  -       runtime    no libcudart: programs that have it built in need none",
          "  -       libraries  no cuBLAS, no cuDNN",
          "",
        ].join("\n"),
      );
      expectNothingLeft();
    });

    test("names the start of the driver when a container lacks /dev/nvidia-uvm, as a stale CDI file leaves it", () => {
      const file = join(specs, "nvidia.json");
      const whole = readFileSync(file, "utf8");
      const lacking: unknown = JSON.parse(whole, (_, value) => {
        return Array.isArray(value) ? value.filter((each) => each?.path !== "/dev/nvidia-uvm") : value;
      });
      writeFileSync(file, JSON.stringify(lacking));
      const { status, stderr } = selftest("--engine", "docker", "--device", "nvidia.com/gpu=all");
      writeFileSync(file, whole);
      expect(status).toBe(1);
      expect(stderr).toBe(
        'berth: BERTH-V002: Cannot use CUDA in a container of docker with the CDI device nvidia.com/gpu=all: cuInit: CUDA_ERROR_UNKNOWN (999); "/dev/nvidia-uvm" is not there; remedy: make the CDI file anew: berth cdi refresh\n',
      );
    });

    test("says which major the node has and which the module, and tries no container then", () => {
      const make = (path: string): void => void must(["mknod", path, "c", "77", "0"]);
      const { stdout, stderr } = exchange("dev/nvidia-uvm", make, () => selftest("--engine", "runc"));
      expect(stdout).not.toContain("a container");
      expect(stderr).toMatch(
        /^berth: BERTH-V002: Cannot use CUDA on this machine: cuInit: CUDA_ERROR_UNKNOWN \(999\); "\/dev\/nvidia-uvm" has the major 77, and the loaded module nvidia-uvm has \d+; remedy: .*: nvidia-modprobe -u -c 0\n$/,
      );
    });

    describe("with an image", () => {
      for (const [engine, image] of [
        ["docker", "alpine"],
        ["containerd", "example.org/alpine:e2e"],
        ["podman", "localhost/alpine"],
      ] as const) {
        test(`of musl, of ${engine}, says that the driver is for glibc alone, and that the GPU can be reached`, () => {
          const { container, problem } = ask("--engine", engine, "--image", image, "--device", "1");
          expect(container).toMatchObject({
            kind: "ran",
            libc: "brought",
            probe: { libc: "musl", gpus: numbered(pick(host, 1)) },
          });
          expect(problem).toMatchObject({ code: "BERTH-V009", message: expect.stringContaining("glibc alone") });
        });
      }

      test("of a C library and a CUDA runtime passes with that library, and the runtime API is tried", () => {
        const { container, problem } = ask("--engine", "docker", "--image", "distroless", "--device", "1");
        expect(problem).toBeNull();
        expect(container).toMatchObject({
          kind: "ran",
          libc: "own",
          probe: { libc: null, gpus: numbered(pick(host, 1)) },
        });
        const runtime = container?.probe.layers.find(({ id }) => id === "runtime");
        expect(runtime).toMatchObject({ state: "good", detail: expect.stringContaining("CUDA runtime 12.4") });
      });

      test("of nothing at all passes with this machine's C library, and a warning", () => {
        const words = ["--engine", "docker", "--image", "scratch", "--device", "1"];
        const { status, stdout, stderr } = selftest(...words);
        expect(status).toBe(0);
        expect(stdout).toContain("berth runs in it with this machine's C library");
        expect(stderr).toMatch(/^warning: the image has no C library: .*\n$/);
      });

      test("that the engine does not have is not fetched: the remedy names the command", () => {
        const { status, stderr } = selftest("--engine", "docker", "--image", "example.org/none:1");
        expect(status).toBe(1);
        expect(stderr).toMatch(
          /^berth: BERTH-V006: Cannot start a container of docker: .*; remedy: fetch the image first: docker pull IMAGE\n$/,
        );
      });
    });

    test("says in the runtime's own words why a container was not started, and leaves nothing", () => {
      const { container, problem } = ask("--engine", "docker", "--device", "99");
      expect(container).toMatchObject({ kind: "not-started" });
      expect(container?.why).toContain("BERTH-R001: Cannot find GPU 99");
      expect(problem?.code).toBe("BERTH-V006");
      expectNothingLeft();
    });

    describe("with a driver that does not answer inside a container", () => {
      /** Only there. */
      const hang = (path: string): void => standIn(path, '-DHANG_INIT=!access("/.berth-selftest",0)');

      test("names the layer at the deadline, and leaves nothing", () => {
        const words = ["--engine", "runc", "--timeout", "2"];
        const { status, stderr } = exchange(libcuda(host), hang, () => selftest(...words));
        expect(status).toBe(1);
        expect(stderr).toMatch(
          /^berth: BERTH-V008: Cannot use CUDA in a container of runc .*: the driver has not answered within 2 seconds; remedy: .*dmesg.*\n$/,
        );
        expectNothingLeft();
      });

      test("is cleared up by the next selftest when the first one was killed", async () => {
        const child = exchange(libcuda(host), hang, () => {
          const started = Bun.spawn(wordsOf("--engine", "docker", "--timeout", "600"), {
            env,
            stdout: "ignore",
            stderr: "ignore",
          });
          const list = (): string | undefined => docker.must("ps", "--quiet") || undefined;
          waitFor(list, LONG_MS, () => "no container was started");
          started.kill("SIGKILL");
          return started;
        });
        await child.exited;
        expect(docker.must("images", "--quiet", "berth-selftest")).not.toBe("");
        expect(ask("--engine", "docker", "--device", "0").problem).toBeNull();
        expectNothingLeft();
      });
    });
  },
);
