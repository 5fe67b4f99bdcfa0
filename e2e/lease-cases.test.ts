import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runBerth } from "./lib/berth.ts";
import { makePlainBundle, type Bundle, type Spec } from "./lib/bundle.ts";
import { describeWith, program } from "./lib/gate.ts";
import { must, run, type Output } from "./lib/run.ts";
import { endProcess, isAlive, Scope, waitFor } from "./lib/scope.ts";
import { setConfig, simHost, type SimHost } from "./lib/sim-host.ts";

/** What can go wrong with a lease and needs a real kernel or a real container to be seen: docs/leases.md has the whole list. */
describeWith(["runc", "busybox"], "a lease", () => {
  let scope: Scope;
  let host: SimHost;

  let state: string;
  const prefix = `berth-lease-case-${process.pid}`;

  beforeAll(() => {
    scope = new Scope("lease-cases");
    host = simHost(scope, "h100x8");
    // The driver is not asked: each look would take it a second.
    setConfig(host, ["[berth]", "[berth]\nlease-unchecked = true"]);
    state = scope.folder("state");
  });

  afterAll(() => scope.close());

  const lease = (...words: readonly string[]): Output => runBerth(host, ["lease", ...words]);
  const listed = (): readonly { readonly id: string; readonly devices: readonly { readonly name: string }[] }[] =>
    JSON.parse(lease("ls", "--json").stdout).leases;
  const held = (): readonly string[] => listed().flatMap(({ devices }) => devices.map((device) => device.name));

  /** A process that does nothing. */
  const sleeper = (): Bun.Subprocess => {
    const child = Bun.spawn(["sleep", "600"], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    scope.defer(() => endProcess(child.pid));
    return child;
  };
  /** The same with a lease of its own. */
  const leaseFor = (wish: string): Bun.Subprocess => {
    const child = sleeper();
    expect(lease("take", "-g", wish, "--unchecked", "--owner-pid", `${child.pid}`).stderr).toBe("");
    return child;
  };

  /** Ends every lease with its owner. */
  const endAll = (): void => {
    for (const { id } of listed()) lease("release", id);
    lease("gc", "--unchecked");
    expect(held()).toEqual([]);
  };

  test("is not judged by a berth in another PID namespace, which sees that it is there", () => {
    leaseFor("any:7");
    const inside = (...words: readonly string[]): Output =>
      run([
        program("unshare"),
        "--pid",
        "--fork",
        "--mount-proc",
        join(host.bin, "berth"),
        "--root",
        host.dir,
        "lease",
        ...words,
      ]);
    expect(inside("gc", "--unchecked").stdout).toBe("Nothing to do.\n");
    expect(held()).toHaveLength(7);
    expect(inside("take", "-g", "any:2", "--unchecked", "--owner-pid", "1").stderr).toContain("BERTH-A002");
    // It is process 1 of a namespace that ends with it: only a release can say so.
    const [id = ""] = inside("take", "-g", "any:1", "--unchecked", "--owner-pid", "1").stdout.split(" ");
    lease("gc", "--unchecked");
    expect(held()).toHaveLength(8);
    lease("release", id);
    lease("gc", "--unchecked");
    expect(held()).toHaveLength(7);
    endAll();
  });

  const bundleFor = (id: string, args: readonly string[], edit?: (spec: Spec) => void): Bundle => {
    scope.defer(() => run(["runc", "--root", state, "delete", "--force", id]));
    return makePlainBundle(scope, addBusybox, {
      args,
      env: ["NVIDIA_VISIBLE_DEVICES=any"],
      edit: (spec) => {
        Object.assign(spec.linux, { cgroupsPath: `/${id}` });
        edit?.(spec);
      },
    });
  };
  /** A detached container that asks for one GPU; its exit code, and what it said. */
  const runDetached = (id: string, { dir }: Bundle): Output => {
    const log = join(dir, "err");
    const words = ["--root", state, "run", "--detach", "--bundle", dir, "--pid-file", join(dir, "pid"), id];
    // Its streams are the container's, too.
    const child = Bun.spawnSync([host.runtime, ...words], { stdin: "ignore", stdout: "ignore", stderr: Bun.file(log) });
    return { status: child.exitCode, stdout: "", stderr: readFileSync(log, "utf8") };
  };
  /** Its init. */
  const start = (id: string, script: string, edit?: (spec: Spec) => void): number => {
    const bundle = bundleFor(id, ["/bin/busybox", "sh", "-c", script], edit);
    expect(runDetached(id, bundle)).toEqual({ status: 0, stdout: "", stderr: "" });
    return Number(readFileSync(join(bundle.dir, "pid"), "utf8"));
  };
  const untilGone = (pid: number): void =>
    void waitFor(
      () => !isAlive(pid) || undefined,
      10_000,
      () => `process ${pid} lives`,
    );

  test("does not hide a stranger who uses its GPU and is left alone; when it has ended that GPU is not given", async () => {
    const asked = simHost(scope, "h100x8", scope.folder("asked"));
    const [owner, stranger] = [sleeper(), sleeper()];
    const use = join(asked.dir, "var/lib/berth-sim/nvml-state");
    mkdirSync(dirname(use), { recursive: true });
    runBerth(asked, ["lease", "take", "-g", "any", "--unchecked", "--owner-pid", `${owner.pid}`]);
    writeFileSync(use, `0 process ${stranger.pid} 500\n0 memory-used-mib 504\n`);
    expect(runBerth(asked, ["gpus"]).stdout).toMatch(/^0 .* lease root .*sleep\/root\(500M\)$/m);
    owner.kill("SIGKILL");
    await owner.exited;
    expect(runBerth(asked, ["lease", "explain", "-g", "any:7"]).stdout).toMatch(/^GPU 0 .*: not given: /m);
    expect(stranger.exitCode).toBeNull();
  });

  test("ends with whoever cannot create its container", () => {
    const id = `${prefix}-broken`;
    expect(runDetached(id, bundleFor(id, ["/bin/none"])).stderr).toContain("/bin/none");
    lease("gc", "--unchecked");
    expect(held()).toEqual([]);
  });

  test("is none of a second container that cannot be created because the first has its id", () => {
    const id = `${prefix}-twice`;
    const init = start(id, "sleep 600");
    expect(runDetached(id, bundleFor(id, ["/bin/busybox", "sleep", "600"])).stderr).toContain("already exists");
    lease("gc", "--unchecked");
    expect(held()).toHaveLength(1);
    process.kill(init, "SIGKILL");
    untilGone(init);
    lease("gc", "--unchecked");
    expect(held()).toEqual([]);
  });

  test("lives with a container that is paused, even one that is killed meanwhile, and ends with it", () => {
    const id = `${prefix}-paused`;
    const init = start(id, "sleep 600");
    must(["runc", "--root", state, "pause", id]);
    lease("gc", "--unchecked");
    expect(held()).toHaveLength(1);
    process.kill(init, "SIGKILL");
    must(["runc", "--root", state, "resume", id]);
    untilGone(init);
    lease("gc", "--unchecked");
    expect(held()).toEqual([]);
  });

  test("lives with what a container's first program has left in it, where it has no PID namespace", () => {
    const id = `${prefix}-host-pid`;
    const init = start(id, "sleep 600 & echo $! >/child", (spec) => {
      spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "pid");
    });
    untilGone(init);
    lease("gc", "--unchecked");
    expect(held()).toHaveLength(1);
    const child = cgroupProcesses(id);
    expect(child).toHaveLength(1);
    for (const pid of child) {
      process.kill(pid, "SIGKILL");
      untilGone(pid);
    }
    lease("gc", "--unchecked");
    expect(held()).toEqual([]);
  });

  test("lives with a process that procfs hides from who looks (hidepid)", async () => {
    const child = leaseFor("any");
    const owner = new URL("../src/leases/index.ts", import.meta.url).pathname;
    const judge = join(scope.dir, "judge.ts");
    // What a process of another user sees of an owner that root has named.
    writeFileSync(judge, JUDGE(owner));
    const built = join(scope.folder("built"), "judge.js");
    must([process.execPath, "build", "--target=bun", `--outfile=${built}`, judge]);
    chmodSync(join(built, ".."), 0o755);
    const identity = must([process.execPath, built, "identify", `${child.pid}`]).trim();
    const hidden = (): string =>
      must([program("unshare"), "--mount", "sh", "-ec", HIDE, "sh", process.execPath, built, identity]).trim();
    expect(hidden()).toBe("hidden: true, alive");
    child.kill("SIGKILL");
    await child.exited;
    expect(hidden()).toBe("hidden: true, dead");
    endAll();
  });
});

function addBusybox(rootfs: string): void {
  for (const folder of ["bin", "dev", "proc", "sys"]) mkdirSync(join(rootfs, folder));
  copyFileSync(program("busybox"), join(rootfs, "bin/busybox"));
  symlinkSync("busybox", join(rootfs, "bin/sleep"));
}

/** In whichever hierarchy there is. */
function cgroupProcesses(group: string): readonly number[] {
  const folders = ["", "devices", "unified"].map((hierarchy) =>
    join("/sys/fs/cgroup", hierarchy, group, "cgroup.procs"),
  );
  const path = folders.find((folder) => existsSync(folder));
  return path === undefined ? [] : readFileSync(path, "utf8").split("\n").filter(Boolean).map(Number);
}

const HIDE = `mount -t proc -o hidepid=2 proc /proc
exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`;

const JUDGE = (leases: string): string => `
import { existsSync } from "node:fs";
import { identify, lookHere, lifeOf } from ${JSON.stringify(leases.replace("index.ts", "owner.ts"))};
const here = lookHere("boot");
const [word, pid] = process.argv.slice(2);
console.log(word === "identify"
  ? JSON.stringify(identify(Number(pid), here))
  : "hidden: " + !existsSync("/proc/" + JSON.parse(word).pid) + ", " + lifeOf(JSON.parse(word), here));
`;
