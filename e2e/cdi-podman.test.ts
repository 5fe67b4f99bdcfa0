import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  importIntoPodman,
  mountCdiFolder,
  mountNodes,
  setUpPodman,
  setUpRootlessPodman,
  type Podman,
} from "./engines/podman.ts";
import { LIST_NODES, NO_NETWORK } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { writeCdi } from "./lib/cdi.ts";
import { MOUNT_CGROUP2 } from "./lib/cgroup2.ts";
import { describeWith, program } from "./lib/gate.ts";
import { holdMountNamespace } from "./lib/namespace.ts";
import { must, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

const LIBRARIES = "/usr/lib/x86_64-linux-gnu";
/** crun with cgroups v2 alone finds no pids controller where version 1 has it. */
const NO_PIDS_LIMIT = ["--pids-limit", "0"];

describeWith(
  ["podman", "runc", "crun", "newuidmap", "debootstrap"],
  "a container of podman with a CDI device of berth",
  () => {
    let scope: Scope;
    let host: SimHost;
    let specs: string;

    beforeAll(() => {
      scope = new Scope("cdi-podman");
      host = simHost(scope, "h100x8");
      specs = specsOf(host);
      debianTree();
    }, 600_000);

    afterAll(() => scope.close());

    function specsOf(of: SimHost): string {
      const folder = join(scope.folder("specs"), "cdi");
      writeCdi(of, join(folder, "nvidia.yaml"));
      return folder;
    }

    /** A podman of root that finds the CDI files of one folder. */
    function podmanOf(runtime: string, folder: string, ...more: readonly string[]): Podman {
      const mounts = mountCdiFolder(folder, scope.folder("etc"));
      const podman = setUpPodman(scope, program(runtime), holdMountNamespace(scope, [mounts, ...more].join(" && ")));
      importIntoPodman(podman, debianTree(), "debian");
      return podman;
    }

    function runWith(
      podman: Podman,
      devices: readonly string[],
      args: readonly string[],
      options: readonly string[] = [],
    ): Output {
      const words = devices.flatMap((name) => ["--device", `nvidia.com/gpu=${name}`]);
      return podman.run("run", "--rm", ...NO_NETWORK, ...words, ...options, "debian", ...args);
    }

    const expected = (...indices: readonly number[]) => ({
      status: 0,
      stdout: listing(pick(host, ...indices)),
      stderr: "",
    });

    describe("(root, runc)", () => {
      let podman: Podman;

      beforeAll(() => {
        // With a user namespace runc binds the machine's own nodes.
        podman = podmanOf("runc", specs, mountNodes(join(host.dir, "dev"), scope.folder("dev")));
      });

      test("lists exactly its GPUs: by index, all, UUID, several", () => {
        const list = (...devices: readonly string[]): Output => runWith(podman, devices, ["nvidia-smi", "-L"]);
        expect(list("0")).toEqual(expected(0));
        expect(list("all")).toEqual(expected(0, 1, 2, 3, 4, 5, 6, 7));
        expect(list(pick(host, 5)[0]?.uuid ?? "")).toEqual(expected(5));
        expect(list("2", "7")).toEqual(expected(2, 7));
      });

      test("lists exactly the GPUs of --gpus", () => {
        expect(runWith(podman, [], ["nvidia-smi", "-L"], ["--gpus", "all"])).toMatchObject({
          stdout: listing(host.gpus),
        });
        expect(runWith(podman, [], ["nvidia-smi", "-L"], ["--gpus", "1,6"])).toEqual(expected(1, 6));
      });

      test("has the nodes of its GPUs and of no other, their names by PCI address, and the loader finds libcuda", () => {
        expect(runWith(podman, ["2", "5"], ["sh", "-c", LIST_NODES]).stdout).toBe(
          "nvidia-modeset nvidia-uvm nvidia-uvm-tools nvidia2 nvidia5 nvidiactl\n",
        );
        const { stdout } = runWith(podman, ["2"], ["sh", "-c", "ldconfig -p; ls -l /dev/dri/by-path"]);
        expect(stdout).toContain(`libcuda.so.1 (libc6,x86-64) => ${LIBRARIES}/libcuda.so.${host.driver}`);
        const { bus, drm } = pick(host, 2)[0] ?? { bus: "", drm: { card: 0, render: 0 } };
        expect(stdout).toContain(`pci-${bus}-card -> ../card${drm.card}`);
        expect(stdout.match(/pci-/g)).toHaveLength(2);
      });

      test("cannot open a GPU that was not granted, even after making its node", () => {
        const [granted, other] = pick(host, 2, 3);
        const make = `mknod /granted c 195 ${granted?.minor}; mknod /other c 195 ${other?.minor}`;
        const script = ["sh", "-c", `${make}; cat /granted; cat /other`];
        const { stderr } = runWith(podman, ["2"], script, ["--cap-add", "MKNOD"]);
        expect(stderr).toBe("cat: /granted: No such device or address\ncat: /other: Operation not permitted\n");
      });

      for (const options of [
        "--user 1000",
        "--read-only --read-only-tmpfs=false --user 1000 --cap-drop ALL",
        "--tmpfs /etc",
        "--uidmap 0:100000:65536",
      ]) {
        test(`lists its GPU with ${options}`, () => {
          const { stdout, stderr } = runWith(podman, ["3"], ["nvidia-smi", "-L"], options.split(" "));
          expect({ stdout, stderr }).toEqual({ stdout: listing(pick(host, 3)), stderr: "" });
        });
      }

      test("leaves nothing more in its layer after ten starts than after one", () => {
        const id = podman.must("create", ...NO_NETWORK, "--device", "nvidia.com/gpu=1", "debian", "nvidia-smi", "-L");
        const start = (): readonly string[] => {
          expect(podman.must("start", "--attach", id)).toBe(listing(pick(host, 1)).trimEnd());
          return podman.must("diff", id).split("\n").toSorted();
        };
        const first = start();
        expect(first).toContain("A /etc/ld.so.conf.d/00-berth.conf");
        for (let count = 2; count < 10; count += 1) expect(podman.must("start", "--attach", id)).not.toBe("");
        expect(start()).toEqual(first);
        podman.must("rm", id);
      });

      test("lists exactly its MIG devices: by index, UUID and all, beside whole GPUs", () => {
        const mig = simHost(scope, "a100x8-mig");
        must([join(mig.bin, "berth"), "host"]);
        writeCdi(mig, join(specs, "mig.yaml"), "--vendor", "example.com");
        const list = (...devices: readonly string[]): string => {
          const words = devices.flatMap((name) => ["--device", `example.com/gpu=${name}`]);
          return podman.run("run", "--rm", ...NO_NETWORK, ...words, "debian", "nvidia-smi", "-L").stdout;
        };
        const uuids = (text: string): readonly string[] =>
          [...text.matchAll(/UUID: (MIG-[^)]*)/g)].map(([, uuid = ""]) => uuid);
        const parts = mig.gpus.flatMap((gpu) => gpu.mig ?? []).map(({ uuid }) => uuid);
        expect(parts.length).toBeGreaterThan(4);
        expect(uuids(list("0:1"))).toEqual(parts.slice(1, 2));
        expect(uuids(list(parts[4] ?? ""))).toEqual([parts[4] ?? ""]);
        expect(uuids(list("all"))).toEqual(parts);
        expect(list("0:1", "5")).toContain(pick(mig, 5)[0]?.uuid ?? "no UUID");
      });

      test("that asks for a device that is in no file is refused, and gets nothing", () => {
        const { status, stdout, stderr } = runWith(podman, ["99"], ["true"]);
        expect({ status, stdout }).toEqual({ status: 126, stdout: "" });
        expect(stderr).toContain("unresolvable CDI devices nvidia.com/gpu=99");
      });
    });

    describe("(root, crun)", () => {
      let podman: Podman;

      beforeAll(() => {
        podman = podmanOf("crun", specs, MOUNT_CGROUP2);
      });

      test("lists exactly its GPUs, and the loader finds libcuda", () => {
        const list = (...devices: readonly string[]): Output => {
          return runWith(podman, devices, ["nvidia-smi", "-L"], NO_PIDS_LIMIT);
        };
        expect(list("0")).toEqual(expected(0));
        expect(list("all")).toEqual(expected(0, 1, 2, 3, 4, 5, 6, 7));
        expect(list("2", "7")).toEqual(expected(2, 7));
        expect(runWith(podman, ["2"], ["ldconfig", "-p"], NO_PIDS_LIMIT).stdout).toContain(
          "libcuda.so.1 (libc6,x86-64)",
        );
      });

      test("leaves nothing more in its layer after three starts than after one", () => {
        const words = [...NO_NETWORK, ...NO_PIDS_LIMIT, "--device", "nvidia.com/gpu=1", "debian", "nvidia-smi", "-L"];
        const id = podman.must("create", ...words);
        const traces = ["first", "second", "third"].map(() => {
          expect(podman.must("start", "--attach", id)).toBe(listing(pick(host, 1)).trimEnd());
          return podman.must("diff", id).split("\n").toSorted();
        });
        expect(traces[1]).toEqual(traces[0]);
        expect(traces[2]).toEqual(traces[0]);
        podman.must("rm", id);
      });
    });

    describe.each(["runc", "crun"])("(a user without rights, %s)", (runtime) => {
      let podman: Podman;

      beforeAll(() => {
        const mounts = (etc: string): string => `${MOUNT_CGROUP2} && ${mountCdiFolder(specs, etc)}`;
        podman = setUpRootlessPodman(scope, program(runtime), { nodes: join(host.dir, "dev"), mounts });
        importIntoPodman(podman, debianTree(), "debian");
      });

      test("lists exactly its GPUs: by index, all, UUID, several, --gpus", () => {
        expect(podman.must("info", "--format", "{{.Host.Security.Rootless}}")).toBe("true");
        const list = (...devices: readonly string[]): Output => runWith(podman, devices, ["nvidia-smi", "-L"]);
        expect(list("0")).toEqual(expected(0));
        expect(list("all")).toEqual(expected(0, 1, 2, 3, 4, 5, 6, 7));
        expect(list(pick(host, 5)[0]?.uuid ?? "", "7")).toEqual(expected(5, 7));
        expect(runWith(podman, [], ["nvidia-smi", "-L"], ["--gpus", "1,6"])).toEqual(expected(1, 6));
      });

      test("has the nodes of its GPUs and of no other, and the loader finds libcuda", () => {
        const script = `cat /proc/self/uid_map; ldconfig -p; ls /dev/dri/by-path; ${LIST_NODES}`;
        const { stdout } = runWith(podman, ["2"], ["sh", "-c", script]);
        expect(stdout).toMatch(/^ +0 +4242 +1\n/);
        expect(stdout).toContain(`libcuda.so.1 (libc6,x86-64) => ${LIBRARIES}/libcuda.so.${host.driver}`);
        expect(stdout.match(/pci-/g)).toHaveLength(2);
        expect(stdout).toEndWith("\nnvidia-modeset nvidia-uvm nvidia-uvm-tools nvidia2 nvidiactl\n");
      });

      for (const options of ["--read-only --user 1000", "--userns keep-id"]) {
        test(`lists its GPU with ${options}`, () => {
          const { stdout, stderr } = runWith(podman, ["3"], ["nvidia-smi", "-L"], options.split(" "));
          expect({ stdout, stderr }).toEqual({ stdout: listing(pick(host, 3)), stderr: "" });
        });
      }

      test("leaves nothing more in its layer after two starts than after one", () => {
        const id = podman.must("create", ...NO_NETWORK, "--device", "nvidia.com/gpu=1", "debian", "nvidia-smi", "-L");
        const traces = ["first", "second"].map(() => {
          expect(podman.must("start", "--attach", id)).toBe(listing(pick(host, 1)).trimEnd());
          return podman.must("diff", id).split("\n").toSorted();
        });
        expect(traces[1]).toEqual(traces[0]);
        podman.must("rm", id);
      });
    });
  },
);
