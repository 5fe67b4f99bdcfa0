import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clientEnv } from "./engines/clients.ts";
import { importIntoPodman, setUpPodman, type Podman } from "./engines/podman.ts";
import { NO_NETWORK } from "./engines/words.ts";
import { writeOciArchive } from "./engines/oci-image.ts";
import { debianTree } from "./images/debian.ts";
import { MOUNT_CGROUP2 } from "./lib/cgroup2.ts";
import { importImage, startContainerd, startDocker, type Containerd, type Docker } from "./lib/daemon.ts";
import { describeWith, program } from "./lib/gate.ts";
import { holdMountNamespace } from "./lib/namespace.ts";
import { must, run, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

/** A container that runs, whatever engine has it. */
interface Running {
  readonly name: string;
  readonly pid: number;
  readonly exec: (...args: readonly string[]) => Output;
}

describeWith(
  ["docker", "dockerd", "podman", "containerd", "ctr", "runc", "crun", "busybox", "debootstrap"],
  "berth attach and detach",
  () => {
    let scope: Scope;
    let host: SimHost;
    let docker: Docker;
    let env: Readonly<Record<string, string>>;
    let count = 0;

    beforeAll(() => {
      scope = new Scope("attach");
      host = simHost(scope, "h100x8");
      docker = startDocker(scope, { runtime: host.runtime, path: host.bin });
      importImage(docker, debianTree(), "debian");
      env = clientEnv(scope, { docker });
    }, 600_000);

    afterAll(() => scope.close());

    function berth(...args: readonly string[]): Output {
      return run([join(host.bin, "berth"), ...args], { env });
    }

    function berthBeside(...args: readonly string[]): Promise<number> {
      return Bun.spawn([join(host.bin, "berth"), ...args], { env, stdout: "ignore", stderr: "ignore" }).exited;
    }

    function startInDocker(...options: readonly string[]): Running {
      const name = `box${++count}`;
      const words = ["run", "--detach", "--name", name, ...NO_NETWORK, ...options, "debian", "sleep", "3600"];
      docker.must(...words);
      const pid = Number(docker.must("inspect", "--format", "{{.State.Pid}}", name));
      return { name, pid, exec: (...args) => docker.run("exec", name, ...args) };
    }

    /** What a container's mount table and device rules are, to be held against later ones. */
    function stateOf({ pid }: Running): readonly string[] {
      const mounts = readFileSync(`/proc/${pid}/mountinfo`, "utf8").split("\n");
      const folder = /^\d+:devices:(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1] ?? "";
      return [...mounts, readFileSync(`/sys/fs/cgroup/devices${folder}/devices.list`, "utf8")];
    }

    const LIST = "ls -d /dev/nvidia* 2>/dev/null | tr '\\n' ' '";

    describe("on a container of Docker's that has no GPU", () => {
      test("gives it one, with libraries, permission and loader, and takes all of it back", () => {
        const box = startInDocker();
        const before = stateOf(box);
        const layer = docker.must("diff", box.name);
        const attached = berth("attach", box.name, "3");
        expect(attached).toMatchObject({ status: 0, stderr: "" });
        expect(attached.stdout).toMatch(
          /^box\d+ \(docker [0-9a-f]{12}\) has GPU 3 now: \/dev\/nvidia-uvm, .*\/dev\/nvidia3, \/dev\/nvidiactl, \d+ files of the driver\n$/,
        );
        expect(box.exec("nvidia-smi", "-L")).toEqual({ status: 0, stdout: listing(pick(host, 3)), stderr: "" });
        expect(box.exec("sh", "-c", "/sbin/ldconfig -p | grep -c 'libcuda.so.1 '").stdout).toBe("1\n");
        const [granted, other] = pick(host, 3, 4);
        const make = `mknod /granted c 195 ${granted?.minor}; mknod /other c 195 ${other?.minor}; cat /granted; cat /other; rm /granted /other`;
        expect(box.exec("sh", "-c", make).stderr).toBe(
          "cat: /granted: No such device or address\ncat: /other: Operation not permitted\n",
        );
        const detached = berth("detach", box.name, "3");
        expect(detached).toMatchObject({ status: 0, stderr: "" });
        expect(detached.stdout).toMatch(
          / does not have GPU 3 any more, nor the \d+ files that were attached with it\n$/,
        );
        expect(stateOf(box)).toEqual(before);
        expect(box.exec("sh", "-c", `${LIST}; command -v nvidia-smi`).stdout).toBe("");
        // The loader's cache and berth's own record stay, without anything of the driver in them.
        const left = docker
          .must("diff", box.name)
          .split("\n")
          .filter((line) => !layer.includes(line));
        expect(left.filter((line) => /nvidia|cuda/.test(line))).toEqual([]);
        expect(box.exec("sh", "-c", "/sbin/ldconfig -p | grep -c -E 'nvidia|cuda'").stdout).toBe("0\n");
      });

      test("a second time changes nothing, each way", () => {
        const box = startInDocker();
        const before = stateOf(box);
        berth("attach", box.name, "1", "2");
        const attached = stateOf(box);
        expect(berth("attach", box.name, "1,2")).toMatchObject({
          status: 0,
          stdout: expect.stringContaining("has GPU 1, GPU 2 already"),
        });
        expect(stateOf(box)).toEqual(attached);
        berth("detach", box.name, "1", "2");
        expect(berth("detach", box.name, "2")).toMatchObject({
          status: 0,
          stdout: expect.stringContaining('has no GPU of "2"'),
        });
        expect(stateOf(box)).toEqual(before);
      });

      test("each GPU twice, one after the other, leaves what was there", () => {
        const box = startInDocker();
        const before = stateOf(box);
        for (let round = 0; round < 16; round++) {
          const gpu = String(round % 8);
          expect(berth("attach", "--pid", String(box.pid), gpu)).toMatchObject({ status: 0, stderr: "" });
          if (round % 5 === 0) expect(box.exec("nvidia-smi", "-L").stdout).toBe(listing(pick(host, round % 8)));
          expect(berth("detach", "--pid", String(box.pid), gpu)).toMatchObject({ status: 0, stderr: "" });
        }
        expect(stateOf(box)).toEqual(before);
      }, 180_000);

      test("by eight commands at once gives all of them, and takes all of them", async () => {
        const box = startInDocker();
        const before = stateOf(box);
        const each = (verb: string) =>
          host.gpus.map((_, index) => berthBeside(verb, "--engine", "docker", box.name, String(index)));
        expect(await Promise.all(each("attach"))).toEqual(host.gpus.map(() => 0));
        expect(box.exec("nvidia-smi", "-L").stdout).toBe(listing(host.gpus));
        expect(await Promise.all(each("detach"))).toEqual(host.gpus.map(() => 0));
        expect(stateOf(box)).toEqual(before);
      });

      test("keeps the libraries until the last GPU has gone", () => {
        const box = startInDocker();
        const before = stateOf(box);
        berth("attach", box.name, "0", "5");
        expect(berth("detach", box.name, "0").stdout).toMatch(/ does not have GPU 0 any more\n$/);
        expect(box.exec("nvidia-smi", "-L").stdout).toBe(listing(pick(host, 5)));
        berth("attach", box.name, "6");
        expect(box.exec("nvidia-smi", "-L").stdout).toBe(listing(pick(host, 5, 6)));
        berth("detach", box.name, "all");
        expect(stateOf(box)).toEqual(before);
      });

      for (const options of ["--read-only", "--user 1000 --cap-drop ALL", "--tmpfs /etc", "--pid host --ipc host"]) {
        test(`with ${options}`, () => {
          const box = startInDocker(...options.split(" "));
          const before = stateOf(box);
          expect(berth("attach", box.name, "4")).toMatchObject({ status: 0 });
          expect(box.exec("nvidia-smi", "-L").stdout).toBe(listing(pick(host, 4)));
          expect(berth("detach", box.name, "4")).toMatchObject({ status: 0 });
          expect(stateOf(box)).toEqual(before);
        });
      }
    });

    for (const [how, options] of [
      ["by the runtime", ["--runtime", "nvidia", "--env", "NVIDIA_VISIBLE_DEVICES=1"]],
      ["by --gpus", ["--gpus", "device=1"]],
    ] as const) {
      describe(`on a container that was started with a GPU ${how}`, () => {
        test("gives it another one, takes that back, and leaves its own", () => {
          const box = startInDocker(...options);
          const before = stateOf(box);
          expect(berth("attach", box.name, "6").stdout).toMatch(/ has GPU 6 now: \/dev\/nvidia6\n$/);
          expect(box.exec("nvidia-smi", "-L").stdout).toBe(listing(pick(host, 1, 6)));
          expect(berth("detach", box.name, "6")).toMatchObject({ status: 0 });
          expect(box.exec("nvidia-smi", "-L").stdout).toBe(listing(pick(host, 1)));
          expect(stateOf(box)).toEqual(before);
        });

        test("takes its own, and gives it back", () => {
          const box = startInDocker(...options);
          const make = `mknod /own c 195 ${pick(host, 1)[0]?.minor}; cat /own; rm /own`;
          expect(berth("detach", box.name, "1")).toMatchObject({ status: 0 });
          expect(box.exec("sh", "-c", make).stderr).toBe("cat: /own: Operation not permitted\n");
          expect(box.exec("sh", "-c", LIST).stdout).toBe("/dev/nvidia-uvm /dev/nvidia-uvm-tools /dev/nvidiactl ");
          expect(berth("attach", box.name, "1")).toMatchObject({ status: 0 });
          expect(box.exec("nvidia-smi", "-L").stdout).toBe(listing(pick(host, 1)));
          expect(box.exec("sh", "-c", make).stderr).toBe("cat: /own: No such device or address\n");
        });
      });
    }

    describe("while a process has the device open", () => {
      /** GPUs whose nodes are devices that can be opened: 1:7 is /dev/full. */
      let real: SimHost;

      beforeAll(() => {
        real = simHost(scope, "h100x8", scope.folder("real"));
        const devices = join(real.dir, "proc/devices");
        writeFileSync(devices, readFileSync(devices, "utf8").replaceAll("195 nvidia", "  1 nvidia"));
        for (const { minor } of [...real.gpus, { minor: 254 }, { minor: 255 }]) {
          const name = minor === 254 ? "nvidia-modeset" : minor === 255 ? "nvidiactl" : `nvidia${minor}`;
          rmSync(join(real.dir, "dev", name), { force: true });
          must(["mknod", "-m", "666", join(real.dir, "dev", name), "c", "1", String(minor)]);
        }
      });

      test("detach refuses and names it; --force takes the permission and ends nothing", () => {
        const index = String(real.gpus.findIndex(({ minor }) => minor === 7));
        const tool = (...args: readonly string[]): Output => run([join(real.bin, "berth"), ...args], { env });
        const box = startInDocker();
        const before = stateOf(box);
        expect(tool("attach", box.name, index)).toMatchObject({ status: 0 });
        docker.must("exec", "--detach", box.name, "sh", "-c", "exec sleep 4321 </dev/nvidia7");
        while (!box.exec("sh", "-c", "cat /proc/*/cmdline").stdout.includes("4321")) Bun.sleepSync(20);
        const refused = tool("detach", box.name, index);
        expect(refused.status).toBe(1);
        expect(refused.stderr).toMatch(
          /BERTH-R009: Cannot take GPU \d from the container ".*": process \d+ \(sleep 4321\) has it open/,
        );
        expect(box.exec("head", "-c", "1", "/dev/nvidia7").status).toBe(0);
        const forced = tool("detach", box.name, index, "--force");
        expect(forced).toMatchObject({ status: 0, stderr: expect.stringContaining("(sleep 4321) still has it open") });
        expect(box.exec("sh", "-c", "cat /proc/*/cmdline").stdout).toContain("4321");
        expect(stateOf(box).slice(0, -1)).toEqual(before.slice(0, -1));
        // The container's own /dev/full is the same device.
        expect(box.exec("head", "-c", "1", "/dev/full").stderr).toContain("Operation not permitted");
      });
    });

    describe("of permissions that were taken away meanwhile", () => {
      test.each([
        ["berth attach", [], true],
        ["docker run --gpus", ["--gpus", "device=2"], false],
      ] as const)("--restore gives back those of %s", (_, options, isAttached) => {
        const box = startInDocker(...options);
        if (isAttached) berth("attach", box.name, "2");
        const before = stateOf(box);
        const folder = /^\d+:devices:(.*)$/m.exec(readFileSync(`/proc/${box.pid}/cgroup`, "utf8"))?.[1] ?? "";
        const minor = pick(host, 2)[0]?.minor;
        writeFileSync(`/sys/fs/cgroup/devices${folder}/devices.deny`, `c 195:${minor} rw`);
        expect(stateOf(box)).not.toEqual(before);
        const restored = berth("attach", "--restore");
        expect(restored).toMatchObject({ status: 0, stderr: "" });
        expect(restored.stdout).toContain(`may use`);
        expect(stateOf(box)).toEqual(before);
        docker.must("rm", "--force", box.name);
        expect(berth("attach", "--restore").stdout).not.toContain(
          `${minor === undefined ? "" : "/dev/nvidia2"}\n${box.name}`,
        );
      });
    });

    describe("refuses, and changes nothing", () => {
      test.each([
        ["a GPU that is not there", ["attach", "BOX", "99"], "BERTH-R001"],
        ["a word that is no GPU", ["attach", "BOX", "first"], "BERTH-R002"],
        ["a container that nobody knows", ["attach", "ghost", "0"], "BERTH-E001"],
        ["no GPU at all", ["detach", "BOX"], "BERTH-U001"],
        ["a name that is an option", ["attach", "--", "--privileged", "0"], "BERTH-U001"],
        ["a CDI name", ["attach", "BOX", "example.com/gpu=0"], "BERTH-R004"],
      ])("%s", (_, words, code) => {
        const box = startInDocker();
        const before = stateOf(box);
        const { status, stderr } = berth(...words.map((word) => (word === "BOX" ? box.name : word)));
        expect(stderr).toContain(code);
        expect(status).toBe(code === "BERTH-U001" ? 2 : 1);
        expect(stateOf(box)).toEqual(before);
      });

      test("to write into a volume that the container's process has made its root folder", () => {
        const volume = scope.folder("volume");
        copyFileSync(program("busybox"), join(volume, "busybox"));
        const name = `box${++count}`;
        const words = ["--name", name, ...NO_NETWORK, "--volume", `${volume}:/data`, "debian", "chroot", "/data"];
        docker.must("run", "--detach", ...words, "/busybox", "sleep", "3600");
        while (!docker.must("top", name).includes("/busybox sleep")) Bun.sleepSync(20);
        expect(berth("attach", name, "0")).toMatchObject({ status: 0 });
        expect(readdirSync(volume)).toEqual(["busybox"]);
        expect(berth("detach", name, "0")).toMatchObject({ status: 0 });
      });

      test("a container that stopped", () => {
        const box = startInDocker();
        docker.must("kill", box.name);
        expect(berth("attach", box.name, "0").stderr).toContain("BERTH-E003");
      });
    });

    describe("on containers of other engines", () => {
      function startInPodman(podman: Podman, ...options: readonly string[]): Running {
        const name = `pod${++count}`;
        podman.must("run", "--detach", "--name", name, ...NO_NETWORK, ...options, "debian", "sleep", "3600");
        const pid = Number(podman.must("inspect", "--format", "{{.State.Pid}}", name));
        return { name, pid, exec: (...args) => podman.run("exec", name, ...args) };
      }

      function expectBoth({ name, pid, exec }: Running, tool: (...args: readonly string[]) => Output): void {
        const mounts = (): string => readFileSync(`/proc/${pid}/mountinfo`, "utf8");
        const before = mounts();
        expect(tool("attach", name, "5")).toMatchObject({ status: 0, stderr: "" });
        expect(exec("nvidia-smi", "-L").stdout).toBe(listing(pick(host, 5)));
        const [granted, other] = pick(host, 5, 6);
        const make = `mknod /granted c 195 ${granted?.minor}; mknod /other c 195 ${other?.minor}; cat /granted; cat /other; rm -f /granted /other`;
        const said = exec("sh", "-c", make).stderr;
        if (!said.includes("mknod"))
          expect(said).toBe("cat: /granted: No such device or address\ncat: /other: Operation not permitted\n");
        expect(tool("detach", name, "5")).toMatchObject({ status: 0, stderr: "" });
        expect(mounts()).toBe(before);
      }

      test("podman with runc, on cgroups v1", () => {
        const podman = setUpPodman(scope, program("runc"));
        importIntoPodman(podman, debianTree(), "debian");
        const own = clientEnv(scope, { podman });
        const tool = (...args: readonly string[]): Output => run([join(host.bin, "berth"), ...args], { env: own });
        expectBoth(startInPodman(podman, "--cap-add", "MKNOD"), tool);
        expectBoth(startInPodman(podman, "--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"), tool);
      });

      test("podman with crun, on cgroups v2", () => {
        const before = holdMountNamespace(scope, MOUNT_CGROUP2);
        const podman = setUpPodman(scope, program("crun"), before);
        importIntoPodman(podman, debianTree(), "debian");
        const own = clientEnv(scope, { podman });
        const tool = (...args: readonly string[]): Output =>
          run([...before, join(host.bin, "berth"), ...args], { env: own });
        expectBoth(startInPodman(podman, "--cap-add", "MKNOD", "--pids-limit", "0"), tool);
      });

      test("containerd", () => {
        const containerd: Containerd = startContainerd(scope);
        const image = "example.org/debian:e2e";
        const archive = writeOciArchive(scope, [{ name: image, tree: debianTree(), env: ["PATH=/usr/bin:/bin"] }]);
        expect(containerd.run("images", "import", archive)).toMatchObject({ status: 0 });
        expect(containerd.run("run", "--detach", image, "canoe", "sleep", "3600")).toMatchObject({ status: 0 });
        scope.defer(() => {
          containerd.run("tasks", "rm", "--force", "canoe");
          containerd.run("containers", "rm", "canoe");
        });
        const pid = Number(/^canoe +(\d+)/m.exec(containerd.run("tasks", "ls").stdout)?.[1]);
        const own = clientEnv(scope, { containerd });
        const tool = (...args: readonly string[]): Output => run([join(host.bin, "berth"), ...args], { env: own });
        let runs = 0;
        const exec = (...args: readonly string[]): Output =>
          containerd.run("tasks", "exec", "--exec-id", `e${++runs}`, "canoe", ...args);
        expectBoth({ name: "canoe", pid, exec }, tool);
      });
    });
  },
);
