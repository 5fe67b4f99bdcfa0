import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { CriClient, runInPod, waitForImage, type ContainerEnd, type ContainerWish } from "./engines/cri.ts";
import { writeOciArchive } from "./engines/oci-image.ts";
import { LIST_NODES } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { writeCdi } from "./lib/cdi.ts";
import { startContainerd, type Containerd } from "./lib/daemon.ts";
import { describeWith } from "./lib/gate.ts";
import { mountsBelow, Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

const DEBIAN = "example.org/debian:e2e";
const PAUSE = "example.org/pause:e2e";
const LIBRARIES = "/usr/lib/x86_64-linux-gnu";

describeWith(
  ["containerd", "ctr", "runc", "debootstrap"],
  "a pod's container in containerd with a CDI device of berth",
  () => {
    let scope: Scope;
    let host: SimHost;
    let containerd: Containerd;
    let client: CriClient;

    beforeAll(async () => {
      scope = new Scope("cdi-containerd");
      host = simHost(scope, "h100x8");
      const specs = join(scope.folder("specs"), "cdi");
      writeCdi(host, join(specs, "nvidia.yaml"));
      // Not every machine lets root make a process harder to kill, as a pod's first one is meant to be.
      const cri = `sandbox_image = "${PAUSE}"\nrestrict_oom_score_adj = true\nenable_cdi = true\ncdi_spec_dirs = ["${specs}"]`;
      containerd = startContainerd(scope, cri);
      const env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
      const images = [
        { name: DEBIAN, tree: debianTree(), env },
        { name: PAUSE, tree: debianTree(), env, command: ["sleep", "infinity"] },
      ];
      const imported = containerd.run("--namespace", "k8s.io", "images", "import", writeOciArchive(scope, images));
      expect(imported).toMatchObject({ status: 0 });
      client = new CriClient(containerd.address);
      for (const { name } of images) await waitForImage(client, name);
    }, 600_000);

    afterAll(() => {
      client.close();
      scope.close();
    });

    async function start(
      devices: readonly string[],
      script: string,
      more: Partial<ContainerWish> = {},
    ): Promise<ContainerEnd> {
      const names = devices.map((name) => `nvidia.com/gpu=${name}`);
      return runInPod(client, scope, { image: DEBIAN, command: ["sh", "-c", script], devices: names, ...more });
    }

    const expected = (...indices: readonly number[]): ContainerEnd => ({
      exitCode: 0,
      output: listing(pick(host, ...indices)),
    });

    test("lists exactly its GPUs: by index, all, UUID, several", async () => {
      expect(await start(["0"], "nvidia-smi -L")).toEqual(expected(0));
      expect(await start(["all"], "nvidia-smi -L")).toEqual(expected(0, 1, 2, 3, 4, 5, 6, 7));
      expect(await start([pick(host, 5)[0]?.uuid ?? ""], "nvidia-smi -L")).toEqual(expected(5));
      expect(await start(["2", "7"], "nvidia-smi -L")).toEqual(expected(2, 7));
    });

    test("lists exactly the GPUs of the annotation that older kubelets write", async () => {
      const annotations = { "cdi.k8s.io/devices": "nvidia.com/gpu=1,nvidia.com/gpu=6" };
      expect(await start([], "nvidia-smi -L", { annotations })).toEqual(expected(1, 6));
    });

    test("has the nodes of its GPUs and of no other, and the loader finds libcuda", async () => {
      const { output } = await start(["2", "5"], `ldconfig -p; ls /dev/dri/by-path; ${LIST_NODES}`);
      expect(output).toContain(`libcuda.so.1 (libc6,x86-64) => ${LIBRARIES}/libcuda.so.${host.driver}`);
      expect(output.match(/pci-/g)).toHaveLength(4);
      expect(output).toEndWith("\nnvidia-modeset nvidia-uvm nvidia-uvm-tools nvidia2 nvidia5 nvidiactl\n");
    });

    test("has no GPU where the pod asks for none", async () => {
      expect((await start([], LIST_NODES)).output).toBe("nvidia*\n");
    });

    test("lists its GPU as a user without rights, on a root file system that it cannot write, with 64 MiB of memory", async () => {
      const limits = { user: 1000, isReadOnly: true, memoryBytes: 64 * 1024 * 1024 };
      expect(await start(["3"], "nvidia-smi -L", limits)).toEqual(expected(3));
    });

    test("that asks for a device that is in no file is refused with its name", () => {
      const message = "unresolvable CDI devices nvidia.com/gpu=99";
      return expect(start(["99"], "true")).rejects.toThrow(message);
    });

    test("leaves no container and no mount behind", async () => {
      const before = mountsBelow(scope.dir);
      await start(["all"], "true");
      expect(containerd.run("--namespace", "k8s.io", "containers", "ls", "--quiet").stdout).toBe("");
      expect(mountsBelow(scope.dir)).toEqual(before);
    });
  },
);
