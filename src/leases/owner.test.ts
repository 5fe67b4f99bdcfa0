import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isPopulated } from "./cgroup-populated.ts";
import { lifeOf } from "./owner.ts";
import { asking, fakePool, HERE, kill, look, newStore, ownerOf, sleeper } from "./store.test-helper.ts";

const work = mkdtempSync(join(tmpdir(), "berth-owner-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** A folder with the files of a control group. */
function fakeGroup(name: string, files: Readonly<Record<string, string>>): string {
  const folder = join(work, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

describe("isPopulated", () => {
  test.each([
    ["of version 2 that says so", { "cgroup.events": "populated 1\nfrozen 0\n", "cgroup.procs": "" }, true],
    ["of version 2 that is empty", { "cgroup.events": "populated 0\nfrozen 0\n", "cgroup.procs": "" }, false],
    ["of version 2 that is frozen", { "cgroup.events": "populated 1\nfrozen 1\n", "cgroup.procs": "12\n" }, true],
    ["of version 1 with a process", { "cgroup.procs": "12\n" }, true],
    ["of version 1 without", { "cgroup.procs": "" }, false],
    ["that is gone", {}, false],
  ])("a control group %s", (name, files, expected) => {
    expect(isPopulated(fakeGroup(name, files))).toBe(expected);
  });

  test("of version 1 counts what is below it", () => {
    const folder = fakeGroup("nested", { "cgroup.procs": "" });
    fakeGroup("nested/a/b", { "cgroup.procs": "7\n" });
    fakeGroup("nested/a", { "cgroup.procs": "" });
    expect(isPopulated(folder)).toBe(true);
  });
});

describe("lifeOf", () => {
  test("init is gone and a child of the container lives on in its group: alive, and dead when that is empty", async () => {
    const child = sleeper();
    const group = fakeGroup("container", { "cgroup.procs": "99\n" });
    const owner = { ...ownerOf(child.pid), cgroups: [group] };
    await kill(child);
    expect(lifeOf(owner, HERE)).toBe("alive");
    writeFileSync(join(group, "cgroup.procs"), "");
    expect(lifeOf(owner, HERE)).toBe("dead");
  });

  test("a process that is stopped lives", async () => {
    const child = sleeper();
    process.kill(child.pid, "SIGSTOP");
    expect(lifeOf(ownerOf(child.pid), HERE)).toBe("alive");
    await kill(child);
  });

  test("a process whose first thread has ended lives as long as another works", async () => {
    const script =
      "import ctypes,threading,time; threading.Thread(target=time.sleep,args=(600,)).start(); ctypes.CDLL(None).pthread_exit(None)";
    if (Bun.which("python3") === null) return;
    const child = Bun.spawn(["python3", "-c", script]);
    const owner = ownerOf(child.pid);
    while (!/\) Z /.test(await Bun.file(`/proc/${child.pid}/stat`).text())) await Bun.sleep(1);
    expect(lifeOf(owner, HERE)).toBe("alive");
    await kill(child);
    expect(lifeOf(owner, HERE)).toBe("dead");
  });
});

const freezer = "/sys/fs/cgroup/freezer";

test.skipIf(!existsSync(freezer) || process.geteuid?.() !== 0)(
  "a bound lease lives with the kernel's own control group, and no longer",
  async () => {
    using temporary = newStore();
    const { store } = temporary;
    const pool = fakePool(1);
    const group = join(freezer, `berth-lease-test-${process.pid}`);
    mkdirSync(group);
    const [init, child] = [sleeper(), sleeper()];
    writeFileSync(join(group, "cgroup.procs"), `${child.pid}`);
    const { lease } = store.take(asking("any"), pool, look(pool));
    store.bind(lease?.id ?? "", lease?.generation ?? 0, { ...ownerOf(init.pid), cgroups: [group] }, look(pool));
    await kill(init);
    expect(store.read(look(pool)).leases).toMatchObject([{ state: "BOUND" }]);
    await kill(child);
    expect(store.read(look(pool)).leases).toEqual([]);
    rmdirSync(group);
  },
);

test("a lease that has ended cannot be bound any more", () => {
  using temporary = newStore();
  const pool = fakePool(1);
  const { lease } = temporary.store.take(asking("any"), pool, look(pool));
  temporary.store.release(lease?.id ?? "", undefined, { ...look(pool), usage: new Map() });
  expect(() => temporary.store.bind(lease?.id ?? "", lease?.generation ?? 0, ownerOf(process.pid), look(pool))).toThrow(
    "it has ended",
  );
});
