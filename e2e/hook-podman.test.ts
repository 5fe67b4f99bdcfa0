import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { appendFileSync, chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { importIntoPodman, setUpPodman, setUpRootlessPodman, type Podman } from "./engines/podman.ts";
import { askFor, LIST_NODES, NO_NETWORK } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { MOUNT_CGROUP2 } from "./lib/cgroup2.ts";
import { describeWith, program } from "./lib/gate.ts";
import { holdMountNamespace } from "./lib/namespace.ts";
import type { Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

describeWith(
  ["podman", "newuidmap", "runc", "crun", "debootstrap"],
  "podman with NVIDIA's oci-nvidia-hook.json in its folder of hooks",
  () => {
    let scope: Scope;
    let host: SimHost;
    let hooks: string;
    let graphics: SimHost;
    let graphicsHooks: string;
    /** What the hook of a user without rights says. */
    let log: string;

    beforeAll(() => {
      scope = new Scope("hook-podman");
      host = simHost(scope, "h100x8");
      hooks = scope.folder("hooks.d");
      log = join(scope.folder("log"), "log");
      writeFileSync(log, "");
      chmodSync(join(log, ".."), 0o755);
      chmodSync(log, 0o666);
      appendFileSync(host.configPath, `\n[nvidia-container-cli]\ndebug = "${log}"\n`);
      addHook(hooks, host);
      graphics = simHost(scope, "l40s-graphics");
      graphicsHooks = scope.folder("graphics-hooks.d");
      addHook(graphicsHooks, graphics);
    }, 600_000);

    afterAll(() => scope.close());

    /** As `nvidia-ctk runtime configure --config-mode=oci-hook` writes it. Source: nvidia-container-toolkit 1.20, pkg/config/ocihook. */
    function addHook(folder: string, { bin }: SimHost): void {
      const path = join(bin, "nvidia-container-runtime-hook");
      const env = [`PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${bin}`];
      const file = {
        version: "1.0.0",
        hook: { path, args: ["nvidia-container-runtime-hook", "prestart"], env },
        when: { always: true, commands: [".*"] },
        stages: ["prestart"],
      };
      writeFileSync(join(folder, "oci-nvidia-hook.json"), JSON.stringify(file));
      chmodSync(folder, 0o755);
    }

    function runGpu(
      podman: Podman,
      devices: string | undefined,
      args: readonly string[],
      ...more: readonly string[]
    ): Output {
      const words = ["run", "--rm", ...NO_NETWORK, ...askFor(devices), ...more, "debian", ...args];
      return podman.run("--hooks-dir", hooks, ...words);
    }

    const LOOK = ["sh", "-c", `nvidia-smi -L; ${LIST_NODES}; /sbin/ldconfig -p | grep -c 'libcuda.so.1 '`];

    function seen(...indices: readonly number[]): Output {
      const nodes = ["uvm", "uvm-tools"].map((name) => `nvidia-${name}`);
      const own = indices.map((index) => `nvidia${index}`);
      const names = [...nodes, ...own, "nvidiactl"].join(" ");
      return { status: 0, stdout: `${listing(pick(host, ...indices))}${names}\n1\n`, stderr: "" };
    }

    describe.each(["runc", "crun"] as const)("(root, %s)", (name) => {
      let podman: Podman;

      beforeAll(() => {
        const before = name === "runc" ? [] : holdMountNamespace(scope, MOUNT_CGROUP2);
        podman = setUpPodman(scope, program(name), before);
        importIntoPodman(podman, debianTree(), "debian");
      });

      test("gives a container exactly the GPUs of its environment, and one that asks for none nothing", () => {
        const limit = ["--pids-limit", "0"];
        expect(runGpu(podman, "2,5", LOOK, ...limit)).toEqual(seen(2, 5));
        expect(runGpu(podman, undefined, ["sh", "-c", LIST_NODES], ...limit).stdout).toBe("nvidia*\n");
      });

      test("lets it open these devices and no other", () => {
        const make = "mknod /own c 195 2; mknod /other c 195 3; cat /own; cat /other";
        const { stderr } = runGpu(podman, "2", ["sh", "-c", make], "--cap-add", "MKNOD", "--pids-limit", "0");
        // Nothing is behind a simulated node: this is what an allowed one says.
        expect(stderr).toBe("cat: /own: No such device or address\ncat: /other: Operation not permitted\n");
      });
    });

    describe.each(["runc", "crun"] as const)("(a user without rights, %s)", (name) => {
      let podman: Podman;

      beforeAll(() => {
        const mounts = (etc: string): string =>
          `${MOUNT_CGROUP2} && mount -t overlay overlay -o lowerdir=${etc}:/etc /etc`;
        podman = setUpRootlessPodman(scope, program(name), { nodes: scope.folder("nodes"), mounts });
        importIntoPodman(podman, debianTree(), "debian");
      });

      test("gives a container exactly its GPUs, and says why it leaves the permissions alone", () => {
        writeFileSync(log, "");
        expect(podman.must("info", "--format", "{{.Host.Security.Rootless}}")).toBe("true");
        expect(runGpu(podman, "2,5", LOOK)).toEqual(seen(2, 5));
        expect(readFileSync(log, "utf8")).toMatch(
          /level=warning msg="the container's device permissions stay as they are: without root/,
        );
      });

      for (const options of ["--read-only --user 1000", "--userns keep-id", "--tmpfs /etc"]) {
        test(`lists its GPU with ${options}`, () => {
          const { stdout, stderr } = runGpu(podman, "3", ["nvidia-smi", "-L"], ...options.split(" "));
          expect({ stdout, stderr }).toEqual({ stdout: listing(pick(host, 3)), stderr: "" });
        });
      }

      test("leaves nothing more in its layer after two starts than after one", () => {
        const words = ["create", ...NO_NETWORK, ...askFor("1"), "debian", "nvidia-smi", "-L"];
        const id = podman.must("--hooks-dir", hooks, ...words);
        const traces = ["first", "second"].map(() => {
          expect(podman.must("--hooks-dir", hooks, "start", "--attach", id)).toBe(listing(pick(host, 1)).trimEnd());
          return podman.must("diff", id).split("\n").toSorted();
        });
        expect(traces[1]).toEqual(traces[0]);
        podman.must("rm", id);
      });

      test("a GPU that is not there stops the start", () => {
        const { status, stderr } = runGpu(podman, "99", ["true"]);
        expect(status).not.toBe(0);
        // crun keeps what a hook says to itself.
        expect(stderr).toContain(name === "runc" ? "99: unknown device" : "error executing hook");
      });

      test("has the files for itself alone that graphics need", () => {
        const script =
          "nvidia-smi -L; grep -c EGLVisible /etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf";
        const words = [
          "run",
          "--rm",
          ...NO_NETWORK,
          ...askFor("1"),
          "--env",
          "NVIDIA_DRIVER_CAPABILITIES=all",
          "debian",
        ];
        const before = readdirSync("/tmp").filter((each) => each.startsWith("berth-"));
        const output = podman.run("--hooks-dir", graphicsHooks, ...words, "sh", "-c", script);
        expect(output).toEqual({ status: 0, stdout: `${listing(pick(graphics, 1))}1\n`, stderr: "" });
        expect(readdirSync("/tmp").filter((each) => each.startsWith("berth-"))).toEqual(before);
      });
    });
  },
);
