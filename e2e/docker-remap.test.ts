import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { traceLayer } from "./engines/docker.ts";
import { askFor, LIST_NODES, NO_NETWORK } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith } from "./lib/gate.ts";
import { expectedListing, visibleDevices, WISHES } from "./lib/grants.ts";
import { must, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

/** The user of the machine that is root in the containers. */
const REMAPPED = 200_000;

describeWith(
  ["docker", "dockerd", "debootstrap"],
  "a container of Docker whose root is another user (userns-remap)",
  () => {
    let scope: Scope;
    let host: SimHost;
    let graphics: SimHost;
    let docker: Docker;

    beforeAll(() => {
      scope = new Scope("docker-remap");
      host = simHost(scope, "h100x8");
      graphics = simHost(scope, "l40s-graphics");
      docker = startDocker(scope, {
        runtime: host.runtime,
        path: host.bin,
        settings: {
          "userns-remap": "nobody:nogroup",
          runtimes: { nvidia: { path: host.runtime }, graphics: { path: graphics.runtime } },
        },
        prepare: coverSubids(scope),
      });
      importImage(docker, debianTree(), "debian");
    }, 600_000);

    afterAll(() => scope.close());

    function words(devices: string | undefined): readonly string[] {
      return [...NO_NETWORK, "--runtime", "nvidia", ...askFor(devices), "debian"];
    }

    function runGpu(devices: string | undefined, args: readonly string[]): Output {
      return docker.run("run", "--rm", ...words(devices), ...args);
    }

    test("is really mapped to another user", () => {
      expect(runGpu("3", ["cat", "/proc/self/uid_map"]).stdout.trim().split(/\s+/)).toEqual([
        "0",
        `${REMAPPED}`,
        "65536",
      ]);
    });

    test("has DRM nodes with their names by PCI address and the files for itself alone, and no group that its namespace lacks", () => {
      const [gpu] = pick(graphics, 1);
      const capabilities = ["--env", "NVIDIA_DRIVER_CAPABILITIES=all"];
      const script = [
        `readlink /dev/dri/by-path/pci-${gpu?.bus}-render`,
        "grep -c EGLVisibleDGPUDevices /etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf",
        "id -G",
        "nvidia-smi -L",
      ].join("; ");
      const asked = [...NO_NETWORK, "--runtime", "graphics", ...askFor("1"), ...capabilities, "debian"];
      expect(docker.run("run", "--rm", ...asked, "sh", "-c", script)).toEqual({
        status: 0,
        stdout: `../renderD${gpu?.drm.render}\n1\n0\n${listing(pick(graphics, 1))}`,
        stderr: "",
      });
    });

    for (const wish of WISHES) {
      test(`that asks for ${wish} lists exactly the GPUs that it was granted`, () => {
        const output = runGpu(visibleDevices(wish, host), ["nvidia-smi", "-L"]);
        const expected = expectedListing(wish, host);
        if (expected === undefined) expect(output.stderr).toMatch(/exec: "nvidia-smi": executable file not found/);
        else expect(output).toMatchObject({ stdout: expected, stderr: "" });
      });
    }

    test("owns every file that berth wrote into its layer, and can run ldconfig", () => {
      const id = docker.must("create", ...words("3"), "sh", "-ec", "ldconfig; ldconfig -p");
      const output = docker.run("start", "--attach", id);
      expect(output).toMatchObject({ status: 0, stderr: "" });
      expect(output.stdout).toMatch(/^\tlibcuda\.so\.1 /m);
      expect(docker.must("diff", id)).toContain("A /etc/ld.so.conf.d/00-berth.conf");
      const owners = must(["find", layerFolder(docker, id), "-printf", "%U:%G\n"])
        .trimEnd()
        .split("\n");
      expect(new Set(owners)).toEqual(new Set([`${REMAPPED}:${REMAPPED}`]));
      docker.must("rm", id);
    });

    test("has the same files after a second start", () => {
      const id = docker.must("create", ...words("0,1"), "nvidia-smi", "-L");
      const [first, second] = ["first", "second"].map(() => {
        expect(docker.must("start", "--attach", id)).toBe(listing(pick(host, 0, 1)).trimEnd());
        return traceLayer(scope, docker, id);
      });
      expect(second).toEqual(first);
      docker.must("rm", id);
    });

    test("cannot open a GPU that was not granted, nor make its node", () => {
      const script = "cat /dev/nvidia2; cat /dev/nvidia3; mknod /other c 195 3";
      const { status, stderr } = runGpu("2", ["sh", "-c", script]);
      // Nothing is behind a simulated node: this is what an allowed one says.
      expect(stderr.split("\n")).toEqual([
        "cat: /dev/nvidia2: No such device or address",
        "cat: /dev/nvidia3: No such file or directory",
        "mknod: /other: Operation not permitted",
        "",
      ]);
      expect(status).toBe(1);
    });

    describe("and that has its GPUs by --gpus, from the prestart hook", () => {
      const gpus = (device: string): readonly string[] => [...NO_NETWORK, "--gpus", `"device=${device}"`, "debian"];

      test("lists exactly these GPUs, and the loader finds CUDA", () => {
        const script = `nvidia-smi -L; ${LIST_NODES}; /sbin/ldconfig -p | grep -c 'libcuda.so.1 '`;
        expect(docker.run("run", "--rm", ...gpus("1,6"), "sh", "-c", script)).toEqual({
          status: 0,
          stdout: `${listing(pick(host, 1, 6))}nvidia-uvm nvidia-uvm-tools nvidia1 nvidia6 nvidiactl\n1\n`,
          stderr: "",
        });
      });

      test.each(["--read-only", "--user 1000 --cap-drop ALL", "--tmpfs /etc"])("lists its GPU with %s", (options) => {
        const output = docker.run("run", "--rm", ...options.split(" "), ...gpus("3"), "nvidia-smi", "-L");
        expect(output).toMatchObject({ status: 0, stdout: listing(pick(host, 3)) });
      });

      test("owns every file that the hook wrote into its layer, can run ldconfig, and has the same after a second start", () => {
        const id = docker.must("create", ...gpus("3"), "nvidia-smi", "-L");
        const [first, second] = ["first", "second"].map(() => {
          expect(docker.must("start", "--attach", id)).toBe(listing(pick(host, 3)).trimEnd());
          return traceLayer(scope, docker, id);
        });
        expect(second).toEqual(first);
        const owners = must(["find", layerFolder(docker, id), "-printf", "%U:%G\n"])
          .trimEnd()
          .split("\n");
        expect(new Set(owners)).toEqual(new Set([`${REMAPPED}:${REMAPPED}`]));
        docker.must("rm", id);
        const output = docker.run("run", "--rm", ...gpus("3"), "sh", "-ec", "ldconfig; ldconfig -p");
        expect(output).toMatchObject({ status: 0, stderr: "" });
        expect(output.stdout).toMatch(/^\tlibcuda\.so\.1 /m);
      });

      test("cannot open a GPU that was not granted, not through a node that it was given as a volume either", () => {
        const node = join(scope.folder("node"), "nvidia3");
        must(["mknod", "-m", "666", node, "c", "195", "3"]);
        const script = "cat /dev/nvidia2; cat /dev/nvidia3; mknod /other c 195 3";
        const volume = ["--volume", `${node}:/dev/nvidia3`];
        const { stderr } = docker.run("run", "--rm", ...volume, ...gpus("2"), "sh", "-c", script);
        // Nothing is behind a simulated node: this is what an allowed one says.
        expect(stderr.split("\n")).toEqual([
          "cat: /dev/nvidia2: No such device or address",
          "cat: /dev/nvidia3: Operation not permitted",
          "mknod: /other: Operation not permitted",
          "",
        ]);
      });

      test("a GPU that is not there stops the start", () => {
        const { status, stderr } = docker.run("run", "--rm", ...gpus("99"), "true");
        expect(status).not.toBe(0);
        expect(stderr).toContain("nvidia-container-cli: device error: 99: unknown device");
      });
    });

    test("cannot open a GPU that was not granted through a node that it was given as a volume", () => {
      const node = join(scope.folder("node"), "nvidia3");
      must(["mknod", node, "c", "195", "3"]);
      must(["chmod", "666", node]);
      const volume = ["--volume", `${node}:/dev/nvidia3`];
      const { stderr } = docker.run("run", "--rm", ...volume, ...words("2"), "cat", "/dev/nvidia3");
      expect(stderr).toBe("cat: /dev/nvidia3: Operation not permitted\n");
    });
  },
);

/** The machine's own /etc/subuid and /etc/subgid stay as they are: the daemon sees others in its mount namespace. */
function coverSubids(scope: Scope): string {
  const folder = scope.folder("subids");
  for (const name of ["upper", "work"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "map"), `nobody:${REMAPPED}:65536\n`);
  return [
    `mount -t overlay overlay -o lowerdir=/etc,upperdir=${folder}/upper,workdir=${folder}/work /etc`,
    `cp ${folder}/map /etc/subuid`,
    `cp ${folder}/map /etc/subgid`,
  ].join("; ");
}

/** The folder of the machine with what a container added to its image. */
function layerFolder(docker: Docker, id: string): string {
  return docker.must("inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", id);
}
