import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NO_NETWORK } from "./engines/words.ts";
import { debianTree } from "./images/debian.ts";
import { makeBundle, runContainer, writeSpec, type Spec } from "./lib/bundle.ts";
import { killAt } from "./lib/compile.ts";
import { importImage, startDocker, type Docker } from "./lib/daemon.ts";
import { describeWith, program } from "./lib/gate.ts";
import { run, type Output } from "./lib/run.ts";
import { readMountTable, Scope } from "./lib/scope.ts";
import { listing, pick, simHost, type SimHost } from "./lib/sim-host.ts";

/** Kernel calls by which something outside the process changes. */
const CHANGES =
  "open_tree move_mount mount_setattr umount2 setns fsopen fsconfig fsmount mkdirat mkdir symlinkat renameat rename unlinkat unlink fchown fchmod".split(
    " ",
  );

/** Words before a program that have the Nth of these calls refused by the kernel. */
function refused(call: string, number: number): readonly string[] {
  const inject = `inject=${call}:error=ENOSPC:when=${number}`;
  return ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", inject];
}

/**
 * Has each of the calls go wrong in turn, the first time, the second and so on, until `isReached` says that it was not. `step` leaves out some of those that are made many
 * times. Gives back how often something went wrong.
 */
function tryEach(calls: readonly string[], step: number, isReached: (call: string, number: number) => boolean): number {
  let faults = 0;
  for (const call of calls) {
    for (let number = 1; isReached(call, number); number += number < 2 ? 1 : step) faults++;
  }
  return faults;
}

describeWith(
  ["docker", "dockerd", "runc", "gcc", "strace", "debootstrap"],
  "a fault or a kill at any change that is made to a live container",
  () => {
    let scope: Scope;
    let host: SimHost;

    beforeAll(() => {
      scope = new Scope("faults");
      host = simHost(scope, "h100x8");
      debianTree();
    }, 600_000);

    afterAll(() => scope.close());

    /** What of the machine must stay as it is; what other programs do in cgroups of their own is none of ours. */
    function machine(): readonly unknown[] {
      const devices = "/sys/fs/cgroup/devices";
      const own = /^\d+:devices:(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? "/";
      return [
        // Those of other test files come and go.
        readMountTable().filter((line) => !line.includes("/berth-e2e-") || line.includes(scope.dir)),
        readdirSync("/dev").toSorted(),
        ["/", own].map((path) => readFileSync(join(devices, path, "devices.list"), "utf8")),
        readdirSync(join(host.dir, "dev")),
      ];
    }

    test("the hook, killed before each of them: the container does not start, or it is complete, and nothing is left on the machine", () => {
      const script = join(scope.folder("hook"), "nvidia-container-runtime-hook");
      const edit = (spec: Spec): void => {
        spec.hooks = { prestart: [{ path: script, args: [script], env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] }] };
      };
      const env = ["NVIDIA_VISIBLE_DEVICES=3", "NVIDIA_DRIVER_CAPABILITIES=utility"];
      const options = { args: ["nvidia-smi", "-L"], env, edit };
      const bundle = makeBundle(scope, debianTree(), options);
      const runc = { argv: [program("runc")], lowLevel: program("runc") };
      const before = machine();
      const kills = tryEach([...CHANGES, "write"], 1, (call, number) => {
        const words = [...killAt(call, number), join(host.bin, "nvidia-container-runtime-hook"), "prestart"];
        writeFileSync(script, `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(" ")}\n`);
        chmodSync(script, 0o755);
        writeSpec(bundle, options);
        const { status, stdout } = runContainer(runc, bundle);
        expect(machine()).toEqual(before);
        expect(stdout).toBe(status === 0 ? listing(pick(host, 3)) : "");
        return status !== 0;
      });
      // Nodes, a dozen files of the driver, its links, the loader's cache: each takes several calls.
      expect(kills).toBeGreaterThan(50);
    }, 300_000);

    let docker: Docker;
    let box: { readonly name: string; readonly pid: number };

    function startBox(): void {
      docker = startDocker(scope, { runtime: host.runtime });
      importImage(docker, debianTree(), "debian");
      docker.must("run", "--detach", "--name", "box", ...NO_NETWORK, "debian", "sleep", "3600");
      box = { name: "box", pid: Number(docker.must("inspect", "--format", "{{.State.Pid}}", "box")) };
    }

    function attach(verb: string, prefix: readonly string[] = []): Output {
      const words = [verb, ...(verb === "attach" ? ["--capabilities", "utility"] : []), "--pid", String(box.pid), "3"];
      return run([...prefix, join(host.bin, "berth"), ...words]);
    }

    /** Mounts, device rules, and what is in /dev and of the driver in the layer. */
    function container(): readonly string[] {
      const folder = /^\d+:devices:(.*)$/m.exec(readFileSync(`/proc/${box.pid}/cgroup`, "utf8"))?.[1] ?? "";
      const rules = readFileSync(`/sys/fs/cgroup/devices${folder}/devices.list`, "utf8");
      const dev = readdirSync(`/proc/${box.pid}/root/dev`);
      const layer = docker
        .must("diff", "box")
        .split("\n")
        .filter((line) => /nvidia|cuda/.test(line));
      return [...readFileSync(`/proc/${box.pid}/mountinfo`, "utf8").split("\n"), rules, ...dev, ...layer];
    }

    test("attach, with each of them refused by the kernel: the container has the GPU, or it is as it was", () => {
      startBox();
      const before = container();
      // A process that the kernel does not let out of the container's mount namespace ends as if it were killed.
      const refusable = CHANGES.filter((call) => call !== "setns");
      const refusals = tryEach(refusable, 14, (call, number) => {
        const { status, stderr } = attach("attach", refused(call, number));
        if (status === 0) {
          expect(docker.run("exec", "box", "nvidia-smi", "-L").stdout).toBe(listing(pick(host, 3)));
          expect(attach("detach")).toMatchObject({ status: 0 });
        } else expect(stderr).toMatch(/BERTH-[A-Z]\d{3}/);
        expect({ call, number, stderr, state: container() }).toEqual({ call, number, stderr, state: before });
        return status !== 0;
      });
      expect(refusals).toBeGreaterThan(12);
    }, 300_000);

    test("attach, killed before each of them: attach completes it, and detach takes all of it back", () => {
      const before = container();
      const kills = tryEach(CHANGES, 14, (call, number) => {
        const { status } = attach("attach", killAt(call, number));
        if (number === 2 || status === 0) {
          expect(attach("attach")).toMatchObject({ status: 0 });
          expect(docker.run("exec", "box", "nvidia-smi", "-L").stdout).toBe(listing(pick(host, 3)));
        }
        expect(attach("detach")).toMatchObject({ status: 0 });
        expect({ call, number, state: container() }).toEqual({ call, number, state: before });
        return status !== 0;
      });
      expect(kills).toBeGreaterThan(12);
      expect(readdirSync(join(host.dir, "run/berth/attached"))).toEqual(["lock"]);
    }, 300_000);
  },
);
