import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { importIntoPodman, setUpPodman, setUpRootlessPodman, type Podman } from "./engines/podman.ts";
import { LIST_NODES, NO_NETWORK } from "./engines/words.ts";
import { GLIBC_LOADER, makeAlpineLike, makeRhelLike, MUSL_LOADER } from "./images/copied.ts";
import { debianTree } from "./images/debian.ts";
import { MOUNT_CGROUP2 } from "./lib/cgroup2.ts";
import { cudaProgram } from "./lib/compile.ts";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith, dist, program } from "./lib/gate.ts";
import { must, run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

const BERTH = join(dist, "bin/berth");
const DEBIAN_FOLDER = "/usr/lib/x86_64-linux-gnu";

describeWith(
  ["docker", "dockerd", "podman", "newuidmap", "runc", "gcc", "busybox", "debootstrap"],
  "a container with the options that berth flags prints, and no toolkit",
  () => {
    let scope: Scope;
    let host: SimHost;
    let rhelHost: SimHost;
    let docker: Docker;
    let podman: Podman;

    beforeAll(() => {
      scope = new Scope("flags");
      host = simHost(scope, "h100x8");
      rhelHost = simHost(scope, "rtx4090x2");
      docker = startDocker(scope, { runtime: "/bin/false" });
      podman = setUpPodman(scope, program("runc"));
      importImage(docker, debianTree(), "debian");
      const rhel = makeRhelLike(scope.folder("rhel"));
      importImage(docker, rhel, "rhel");
      importIntoPodman(podman, rhel, "rhel");
      const alpine = makeAlpineLike(scope.folder("alpine"));
      importImage(docker, alpine, "alpine");
      importIntoPodman(podman, debianTree(), "debian");
      importIntoPodman(podman, alpine, "alpine");
    }, 600_000);

    afterAll(() => scope.close());

    const flags = (words: string, of = host): string => `$(${BERTH} --root ${of.dir} flags ${words})`;

    /** As a user would paste it. */
    function paste(client: readonly string[], line: string): Output {
      return run(["sh", "-c", `${client.join(" ")} run --rm ${NO_NETWORK.join(" ")} ${line}`]);
    }

    const clients: Readonly<Record<string, () => { client: readonly string[]; more: string }>> = {
      docker: () => ({ client: [program("docker"), "--host", docker.host], more: "--runtime runc" }),
      podman: () => ({ client: podman.client, more: "" }),
    };

    /** The program that is linked against libcuda.so.1, as a volume. */
    function volumeWithProgram(loader: string): string {
      const folder = scope.folder("program");
      copyFileSync(cudaProgram(loader, join(host.dir, DEBIAN_FOLDER, "libcuda.so.1")), join(folder, "cuda-program"));
      return `--volume ${folder}:/own:ro`;
    }

    for (const [engine, clientOf] of Object.entries(clients)) {
      describe(`pasted into ${engine} run`, () => {
        const start = (line: string): Output => {
          const { client, more } = clientOf();
          return paste(client, `${more} ${line}`);
        };
        const words = engine === "podman" ? "--podman -g" : "-g";

        for (const [image, what] of [
          ["debian", "of Debian"],
          ["rhel", "with RHEL's layout and busybox"],
        ]) {
          test(`lists exactly its GPUs in an image ${what}: by index, UUID, all, none`, () => {
            const list = (gpus: string): Output => start(`${flags(`${words} ${gpus}`)} ${image} nvidia-smi -L`);
            expect(list("0,3")).toEqual({ status: 0, stdout: listing(pick(host, 0, 3)), stderr: "" });
            expect(list(`${host.gpus[5]?.uuid}`).stdout).toBe(listing(pick(host, 5)));
            expect(list("all").stdout).toBe(listing(host.gpus));
            expect(list("none").stdout).toBe("No devices found.\n");
          });
        }

        test("has the nodes of its GPUs and of no other, and opens no other that it makes", () => {
          const other = host.gpus[1]?.minor;
          const script = `${LIST_NODES}; mknod /other c 195 ${other}; cat /dev/nvidia0; cat /other`;
          const mknod = engine === "podman" ? "--cap-add MKNOD" : "";
          const { stdout, stderr } = start(`${mknod} ${flags(`${words} 0,3`)} debian sh -c "${script}"`);
          expect(stdout).toBe("nvidia-uvm nvidia-uvm-tools nvidia0 nvidia3 nvidiactl\n");
          // Nothing is behind a simulated node: this is what an allowed one says.
          expect(stderr).toBe("cat: /dev/nvidia0: No such device or address\ncat: /other: Operation not permitted\n");
        });

        test("loads libcuda.so.1 without ldconfig, for glibc and for musl", () => {
          const load = (loader: string, image: string): Output =>
            start(`${volumeWithProgram(loader)} ${flags(`${words} 0,3`)} ${image} /own/cuda-program`);
          expect(load(GLIBC_LOADER, "debian")).toEqual({ status: 0, stdout: "2 CUDA devices\n", stderr: "" });
          expect(load(MUSL_LOADER, "alpine")).toEqual({ status: 0, stdout: "2 CUDA devices\n", stderr: "" });
        });

        test("loads libcuda.so.1 without a variable, with the libraries in the image's own folder", () => {
          const own = flags(`--library-folder ${DEBIAN_FOLDER} ${words} 3`);
          const line = `${volumeWithProgram(GLIBC_LOADER)} ${own} debian env -u LD_LIBRARY_PATH /own/cuda-program`;
          expect(start(line)).toEqual({ status: 0, stdout: "1 CUDA devices\n", stderr: "" });
          expect(start(`${own} debian sh -c 'echo "$LD_LIBRARY_PATH"'`).stdout).toBe("\n");
        });

        test("lists its GPU as a user without rights, with a root file system that it cannot write", () => {
          const line = `--user 1000 --read-only ${flags(`${words} 3 --one-line`)} debian nvidia-smi -L`;
          expect(start(line)).toEqual({ status: 0, stdout: listing(pick(host, 3)), stderr: "" });
        });
      });
    }

    test("lists exactly its GPU on a host with RHEL's layout, in an image of either family", () => {
      const { client } = clients["docker"]?.() ?? { client: [] };
      const list = (image: string): string =>
        paste(client, `--runtime runc ${flags("-g 1", rhelHost)} ${image} nvidia-smi -L`).stdout;
      expect(list("rhel")).toBe(listing(pick(rhelHost, 1)));
      expect(list("debian")).toBe(listing(pick(rhelHost, 1)));
    });

    test("lists exactly its MIG device by number and UUID, which the driver is asked for", () => {
      const mig = simHost(scope, "a100x8-mig");
      const { client } = clients["docker"]?.() ?? { client: [] };
      const parts = mig.gpus[0]?.mig ?? [];
      for (const id of ["0:1", `${parts[1]?.uuid}`]) {
        const { stdout } = paste(client, `--runtime runc ${flags(`-g ${id}`, mig)} debian nvidia-smi -L`);
        expect(stdout.match(/MIG-[0-9a-f-]+/g)).toEqual([parts[1]?.uuid ?? ""]);
      }
    });

    test("is not started where the GPU does not exist and the script looks at the result", () => {
      const script = `words=${flags("-g 9")} && echo started $words`;
      const { status, stdout, stderr } = run(["sh", "-c", script]);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toContain("BERTH-R001");
    });

    test("does not make a folder on the host in place of a library that is gone", () => {
      const words = must(["sh", "-c", `echo ${flags("-g 0")}`]).trim();
      const gone = words.replaceAll("libcuda.so.5", "libcuda.so.4");
      const { client } = clients["docker"]?.() ?? { client: [] };
      const { status, stderr } = paste(client, `--runtime runc ${gone} debian true`);
      expect(status).toBe(125);
      expect(stderr).toContain("bind source path does not exist");
    });

    test("lists exactly its GPUs with podman of a user without rights", () => {
      const rootless = setUpRootlessPodman(scope, program("runc"), {
        nodes: join(host.dir, "dev"),
        mounts: (etc) => `${MOUNT_CGROUP2} && mount -t overlay overlay -o lowerdir=${etc}:/etc /etc`,
      });
      importIntoPodman(rootless, debianTree(), "debian");
      const words = must([BERTH, "--root", host.dir, "flags", "--podman", "-g", "0,3", "--json"]);
      const list: readonly string[] = JSON.parse(words);
      const output = rootless.run("run", "--rm", ...NO_NETWORK, ...list, "debian", "nvidia-smi", "-L");
      expect(output).toEqual({ status: 0, stdout: listing(pick(host, 0, 3)), stderr: "" });
    });
  },
);
