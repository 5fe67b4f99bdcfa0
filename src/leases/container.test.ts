import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { printErr, runProgram } from "../base/index.ts";
import type { Taken } from "./asking.ts";
import { readContainerInit } from "./container-init.ts";
import type { LeasedContainer } from "./lease.ts";
import { lookNow } from "./lease-site.ts";
import { asking, fakePool, kill, look, newStore, ownerOf, sleeper, used } from "./store.test-helper.ts";

const work = mkdtempSync(join(tmpdir(), "berth-lease-container-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const pool = fakePool(4);
const now = look(pool);

function names({ lease }: Pick<Taken, "lease">): readonly string[] | undefined {
  return lease?.devices.map(({ name }) => name);
}

/** A folder of a low-level runtime's state, with what a container's init is. */
function stateFolder(name: string, files: Readonly<Record<string, unknown>>): string {
  const folder = join(work, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of Object.entries(files))
    writeFileSync(join(folder, file), typeof content === "string" ? content : JSON.stringify(content));
  return folder;
}

function runcState(pid: number): Readonly<Record<string, unknown>> {
  return { "state.json": { init_process_pid: pid, init_process_start: Number(ownerOf(pid).start), cgroup_paths: {} } };
}

function container(id: string, changes: Partial<LeasedContainer> = {}): LeasedContainer {
  const state = join(work, id);
  return { id, state, engine: "docker", name: id, image: "nginx:1.27", project: "", user: "", ...changes };
}

describe("the init of a container", () => {
  test.each([
    [
      "runc 1.1",
      {
        "state.json": {
          id: "t1",
          init_process_pid: 27495,
          init_process_start: 4787808,
          cgroup_paths: { "": "/sys/fs/cgroup/unified/t1", "name=systemd": "/sys/fs/cgroup/systemd/t1" },
        },
      },
      { pid: 27495, start: "4787808", cgroups: ["/sys/fs/cgroup/unified/t1", "/sys/fs/cgroup/systemd/t1"] },
    ],
    [
      "an older runc, whose start is a text",
      { "state.json": { init_process_pid: 7, init_process_start: "88" } },
      { pid: 7, start: "88", cgroups: [] },
    ],
    [
      "crun 1.21",
      { status: { pid: 32195, "process-start-time": 4791498, "cgroup-path": "/berth/t4", scope: "" } },
      {
        pid: 32195,
        start: "4791498",
        cgroups: ["", "/unified", "/systemd", "/pids", "/devices"].map((top) => `/sys/fs/cgroup${top}/berth/t4`),
      },
    ],
    [
      "crun without a control group",
      { status: { pid: 9, "process-start-time": 5, "cgroup-path": "" } },
      { pid: 9, start: "5", cgroups: [] },
    ],
    [
      "runc with groups that are everybody's",
      {
        "state.json": {
          init_process_pid: 7,
          init_process_start: 8,
          cgroup_paths: { "": "/sys/fs/cgroup/unified", pids: "/sys/fs/cgroup/pids/../..", devices: "/etc" },
        },
      },
      { pid: 7, start: "8", cgroups: [] },
    ],
    [
      "crun with a group that in version 1 is the top of a hierarchy",
      { status: { pid: 7, "process-start-time": 8, "cgroup-path": "/cpu" } },
      {
        pid: 7,
        start: "8",
        cgroups: [
          ...(existsSync("/sys/fs/cgroup/cgroup.controllers") ? ["/sys/fs/cgroup/cpu"] : []),
          ...["/unified", "/systemd", "/pids", "/devices"].map((top) => `/sys/fs/cgroup${top}/cpu`),
        ],
      },
    ],
  ])("is read as %s writes it", (name, files, expected) => {
    expect(readContainerInit(stateFolder(name, files))).toEqual(expected);
  });

  test.each([
    ["nothing", {}],
    ["a torn text", { "state.json": '{"init_process_pid": 7, "init_pro' }],
    ["a list", { "state.json": [7] }],
    ["no start", { "state.json": { init_process_pid: 7 } }],
    ["a start of nonsense", { "state.json": { init_process_pid: 7, init_process_start: "../8" } }],
    ["number 0, before there is one", { "state.json": { init_process_pid: 0, init_process_start: 0 } }],
    ["a number that no process has", { "state.json": { init_process_pid: 4194305, init_process_start: 3 } }],
    ["a text for a number", { status: { pid: "7", "process-start-time": 3 } }],
  ])("is none where the state says %s", (name, files) => {
    expect(readContainerInit(stateFolder(`odd ${name}`, files))).toBeUndefined();
  });

  test("is none where something else stands in the place of the file", () => {
    const folder = stateFolder("pipe", {});
    runProgram(["mkfifo", join(folder, "state.json")]);
    mkdirSync(join(folder, "status"));
    expect(readContainerInit(folder)).toBeUndefined();
  });
});

describe("a lease of a container", () => {
  test("is its init's once who made it is gone, and ends with that", async () => {
    using temporary = newStore();
    const { store } = temporary;
    const [maker, init] = [sleeper(), sleeper()];
    const web = container("web");
    const at = lookNow(now);
    store.take(asking("any:2", { owner: ownerOf(maker.pid), container: web }), pool, {
      ...at,
      uptime: at.uptime - 100,
    });
    stateFolder("web", runcState(init.pid));
    expect(store.read(now).leases).toMatchObject([{ state: "RESERVED", owner: { pid: maker.pid } }]);
    await kill(maker);
    expect(store.read(now).leases).toMatchObject([{ state: "BOUND", owner: { pid: init.pid }, container: web }]);
    expect(store.events(1)).toMatchObject([{ kind: "bound", text: `process ${init.pid}` }]);
    await kill(init);
    expect(store.read(now).leases).toEqual([]);
  });

  test("ends with its maker where no init was written down", async () => {
    using temporary = newStore();
    const maker = sleeper();
    temporary.store.take(asking("any", { owner: ownerOf(maker.pid), container: container("never") }), pool, now);
    await kill(maker);
    expect(temporary.store.read(now).leases).toEqual([]);
  });

  test("is not that of an earlier life's init", async () => {
    using temporary = newStore();
    const [maker, init] = [sleeper(), sleeper()];
    stateFolder("earlier", runcState(init.pid));
    const later = { ...now, uptime: lookNow().uptime + 1000 };
    temporary.store.take(asking("any", { owner: ownerOf(maker.pid), container: container("earlier") }), pool, later);
    await kill(maker);
    expect(temporary.store.read(later).leases).toEqual([]);
    await kill(init);
  });

  test("has no owner but the living: an init that is dead is none", async () => {
    using temporary = newStore();
    const [maker, init] = [sleeper(), sleeper()];
    stateFolder("dead", runcState(init.pid));
    temporary.store.take(asking("any", { owner: ownerOf(maker.pid), container: container("dead") }), pool, {
      ...now,
      uptime: 0,
    });
    await kill(init);
    await kill(maker);
    expect(temporary.store.read(now).leases).toEqual([]);
  });

  test("is taken anew at a restart: what it had is preferred, though the look before saw its last life use it", async () => {
    using temporary = newStore();
    const { store } = temporary;
    const first = sleeper();
    store.take(asking("any:2"), pool, now);
    const web = container("restarted");
    const { lease } = store.take(asking("any", { owner: ownerOf(first.pid), container: web }), pool, now);
    expect(names({ lease })).toEqual(["2"]);
    store.release(store.read(now).leases[0]?.id ?? "", undefined, now);
    await kill(first);
    const [busy] = [used([first.pid], 9e9, 90)];
    const key = lease?.devices[0]?.key ?? "";
    const samples = [busy, used([])].flatMap((usage) => (usage.kind === "known" ? usage.samples.slice(1) : []));
    const restart = look(pool, { [key]: { kind: "known", memoryBytes: 85e9, samples } });
    expect(names(store.take(asking("any", { container: web }), pool, restart))).toEqual(["2"]);
  });

  test("has no claim to what it had: what another has meanwhile is another's", async () => {
    using temporary = newStore();
    const { store } = temporary;
    const first = sleeper();
    const web = container("stopped");
    const { lease } = store.take(asking("any", { owner: ownerOf(first.pid), container: web }), pool, now);
    await kill(first);
    store.take(asking("any"), pool, now);
    expect(names({ lease })).toEqual(["0"]);
    expect(names(store.take(asking("any", { container: web }), pool, now))).toEqual(["1"]);
  });

  test("is another's where only the id is the same", async () => {
    using temporary = newStore();
    const { store } = temporary;
    const first = sleeper();
    const other = { owner: ownerOf(first.pid), container: container("same") };
    store.take(asking("any:2"), pool, now);
    const { lease } = store.take(asking("any", other), pool, now);
    store.release(store.read(now).leases[0]?.id ?? "", undefined, now);
    await kill(first);
    expect(names({ lease })).toEqual(["2"]);
    const elsewhere = container("same", { state: "/run/other/same" });
    expect(names(store.take(asking("any", { container: elsewhere }), pool, now))).not.toEqual(["2"]);
  });
});

/** crun does without the mixed control groups that some machines have: version 2 by itself, in a mount namespace of its own. */
const CGROUP2 = "umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && ";
const RUNTIMES = [
  ["runc", ["sh", "-c"], ""],
  ["crun", ["unshare", "--mount", "sh", "-c"], CGROUP2],
] as const;
const needs = ["busybox", "unshare", ...RUNTIMES.map(([name]) => name)];
const missing = process.geteuid?.() === 0 ? needs.filter((name) => Bun.which(name) === null) : ["root"];
if (missing.length > 0) printErr(`not tried: real containers, which need ${missing.join(", ")}\n`);

describe.skipIf(missing.length > 0).each(RUNTIMES)("a container of %s", (name, shell, before) => {
  const bundle = join(work, `bundle-${name}`);
  const root = join(work, name);
  const run = (...args: readonly string[]) =>
    runProgram([...shell, `${before}exec ${name} --root "$0" "$@"`, root, ...args], { cwd: bundle });

  /** As the runtime does: the process that asks becomes the low-level runtime, once it has its lease. */
  function startMaker(id: string) {
    const script = `${before}read go; exec ${name} --root "$0" create "$1"`;
    const stdio = { stdin: "pipe", stdout: "ignore", stderr: "ignore" } as const;
    return Bun.spawn([...shell, script, root, id], { cwd: bundle, ...stdio });
  }

  beforeAll(() => {
    for (const folder of ["bin", "dev", "proc"]) mkdirSync(join(bundle, "rootfs", folder), { recursive: true });
    cpSync(Bun.which("busybox") ?? "", join(bundle, "rootfs/bin/busybox"));
    symlinkSync("busybox", join(bundle, "rootfs/bin/sleep"));
    writeFileSync(
      join(bundle, "config.json"),
      JSON.stringify({
        ociVersion: "1.0.2",
        process: { user: { uid: 0, gid: 0 }, args: ["/bin/sleep", "600"], cwd: "/", env: ["PATH=/bin"] },
        root: { path: "rootfs" },
        mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
        linux: { namespaces: [{ type: "pid" }, { type: "mount" }] },
      }),
    );
  });

  test("is found by the state that it writes, from create to the end, and from its next start on", async () => {
    using temporary = newStore();
    const { store } = temporary;
    const id = `berth-lease-${process.pid}`;
    const about = container(id, { state: join(root, id) });
    for (let life = 1; life <= 2; life += 1) {
      const maker = startMaker(id);
      const { lease } = store.take(asking("any", { owner: ownerOf(maker.pid), container: about }), pool, lookNow(now));
      void maker.stdin.write("\n");
      await maker.stdin.end();
      expect(await maker.exited).toBe(0);
      const [bound] = store.read(lookNow(now)).leases;
      expect(bound).toMatchObject({ id: lease?.id, state: "BOUND", devices: [{ name: "0" }] });
      expect(bound?.owner.cgroups.length).toBeGreaterThan(0);
      expect(run("start", id).exitCode).toBe(0);
      expect(store.read(lookNow(now)).leases).toHaveLength(1);
      run("delete", "--force", id);
      expect(store.read(lookNow(now)).leases).toEqual([]);
    }
    expect(store.holdings(0, now)).toMatchObject([{ container: about }, { container: about }]);
  });

  test("whose create is killed has nothing any more", async () => {
    using temporary = newStore();
    const id = `berth-killed-${process.pid}`;
    const maker = startMaker(id);
    const about = container(id, { state: join(root, id) });
    temporary.store.take(asking("any", { owner: ownerOf(maker.pid), container: about }), pool, lookNow(now));
    void maker.stdin.write("\n");
    await maker.stdin.end();
    await Bun.sleep(Math.random() * 30);
    await kill(maker);
    run("delete", "--force", id);
    expect(temporary.store.read(lookNow(now)).leases).toEqual([]);
  });
});
