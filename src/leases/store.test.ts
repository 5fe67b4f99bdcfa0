import { describe, expect, test } from "bun:test";
import {
  fakeDevice,
  fakePool,
  asking,
  HERE,
  kill,
  look,
  newStore,
  ownerOf,
  sleeper,
  used,
} from "./store.test-helper.ts";
import type { Taken } from "./asking.ts";
import { LeaseStore } from "./store.ts";

const pool = fakePool(4);
const now = look(pool);

function names({ lease }: Pick<Taken, "lease">): readonly string[] | undefined {
  return lease?.devices.map(({ name }) => name);
}

describe("take", () => {
  test("gives each GPU once, a close pair to one who wants two, and nothing where nothing is left", () => {
    using temporary = newStore();
    const { store } = temporary;
    expect(names(store.take(asking("any"), pool, now))).toEqual(["0"]);
    expect(names(store.take(asking("any:2"), pool, now))).toEqual(["2", "3"]);
    expect(names(store.take(asking("any:2"), pool, now))).toBeUndefined();
    expect(names(store.take(asking("any"), pool, now))).toEqual(["1"]);
    const { lease, choice } = store.take(asking("any"), pool, now);
    expect(lease).toBeUndefined();
    expect(choice.verdicts.map(({ kind }) => kind)).toEqual(["taken", "taken", "taken", "taken"]);
    expect(choice.verdicts[0]?.why).toMatch(new RegExp(`^lease [0-9a-f]{8} of process ${process.pid}, user 0$`));
  });

  test("a lease counts before its owner uses the GPU, and another process sees it", () => {
    using temporary = newStore();
    using other = LeaseStore.open(temporary.folder);
    const { lease } = temporary.store.take(asking("any:4"), pool, now);
    expect(names(other.take(asking("any"), pool, now))).toBeUndefined();
    expect(other.read(now).leases.map(({ id }) => id)).toEqual([lease?.id ?? ""]);
  });

  test("a GPU that a stranger uses, or that nobody can be seen to use, is not given, and the reason is said", () => {
    using temporary = newStore();
    const [a = "", b = "", c = "", d = ""] = pool.devices.map(({ key }) => key);
    const seen = look(pool, {
      [a]: used([77], 9e9, 80),
      [b]: used([], 0, 100),
      [c]: used([], 5e9),
      [d]: used([], 1e6, 5),
    });
    const { lease, choice } = temporary.store.take(asking("any"), pool, seen);
    expect(lease?.devices.map(({ key }) => key)).toEqual([d]);
    expect(choice.verdicts.map(({ why }) => why)).toEqual([
      "in use without a lease: process 77, 9.0 GB of memory, 80 % busy",
      "in use by nobody that can be seen: no process, 0.0 GB of memory, 100 % busy",
      "in use by nobody that can be seen: no process, 5.0 GB of memory, 0 % busy",
      "",
    ]);
  });

  test("where use is not known nothing is given, unless that is waived", () => {
    using temporary = newStore();
    const blind = { ...now, usage: new Map() };
    const { lease, choice } = temporary.store.take(asking("any"), pool, blind);
    expect([lease, choice.verdicts[0]?.kind]).toEqual([undefined, "unknown"]);
    expect(names(temporary.store.take(asking("any"), pool, { ...blind, isUnchecked: true }))).toEqual(["0"]);
  });

  test("one sample alone says nothing", () => {
    using temporary = newStore();
    const sample = { processes: [], usedBytes: 0, utilisation: 0 };
    const usage = new Map(
      pool.devices.map(({ key }) => [key, { kind: "known", memoryBytes: 1, samples: [sample] } as const]),
    );
    expect(temporary.store.take(asking("any"), pool, { ...now, usage }).lease).toBeUndefined();
  });

  test("an owner that is gone gets nothing", async () => {
    using temporary = newStore();
    const child = sleeper();
    const owner = ownerOf(child.pid);
    await kill(child);
    expect(() => temporary.store.take(asking("any", { owner }), pool, now)).toThrow("there is no such process");
  });

  test("a user gets no more than are allowed, and others still do", () => {
    using temporary = newStore();
    const { store } = temporary;
    store.take(asking("any:2", { uid: 7, userLimit: 2 }), pool, now);
    expect(() => store.take(asking("any", { uid: 7, userLimit: 2 }), pool, now)).toThrow(
      "Cannot give 1 more to user 7: that one has 2, and no more than 2 may be had",
    );
    expect(names(store.take(asking("any", { uid: 8, userLimit: 2 }), pool, now))).toHaveLength(1);
  });

  test.each([
    ["any,mem>=80G", undefined],
    ["any,mem>=90G", "it has 85.0 GB of memory"],
    ["any,cc>=9.0", undefined],
    ["any,cc>=10.0", "its compute capability is 9.0"],
    ["any,model~h100", undefined],
    ["any,model~A100", "its model is NVIDIA H100 80GB HBM3"],
    ["any,numa=0", undefined],
    ["any,numa=1", "it is on NUMA node 0"],
    ["any:2,link=nvlink", "its NVLinks are not known"],
    ["any,mig=1g.10gb", "it is a whole GPU, and MIG devices are wished for"],
  ])("%s is held against every GPU", (wish, why) => {
    using temporary = newStore();
    const { verdicts } = temporary.store.explain(asking(wish).wish, pool, now).choice;
    expect(verdicts[0]).toMatchObject(why === undefined ? { kind: "free" } : { kind: "misfit", why });
  });
});

describe("MIG", () => {
  const parts = [3, 4].map((gi) =>
    fakeDevice(0, { key: `0000:00:00.0/${gi}/0`, name: `0:${gi}`, migProfile: "1g.10gb" }),
  );
  const mixed = fakePool(2, [...parts, fakeDevice(1)]);

  test("MIG devices are given for their profile, whole GPUs for none", () => {
    using temporary = newStore();
    expect(names(temporary.store.take(asking("any,mig=1g.10gb"), mixed, look(mixed)))).toEqual(["0:3"]);
    expect(names(temporary.store.take(asking("any"), mixed, look(mixed)))).toEqual(["1"]);
    expect(names(temporary.store.take(asking("any:2,mig=1g.10gb"), mixed, look(mixed)))).toBeUndefined();
  });

  test("a GPU of which a part is leased is not given whole, and no part of one that is leased whole", () => {
    using temporary = newStore();
    const [whole, part] = [fakePool(1), fakePool(1, parts)];
    expect(names(temporary.store.take(asking("any,mig=1g.10gb"), part, look(part)))).toEqual(["0:3"]);
    expect(names(temporary.store.take(asking("any"), whole, look(whole)))).toBeUndefined();
    using other = newStore();
    expect(names(other.store.take(asking("any"), whole, look(whole)))).toEqual(["0"]);
    expect(names(other.store.take(asking("any,mig=1g.10gb"), part, look(part)))).toBeUndefined();
  });
});

describe("the end of a lease", () => {
  test("an owner that is killed has none any more", async () => {
    using temporary = newStore();
    const child = sleeper();
    const { lease } = temporary.store.take(asking("any:4", { owner: ownerOf(child.pid) }), pool, now);
    expect(names(temporary.store.take(asking("any"), pool, now))).toBeUndefined();
    await kill(child);
    expect(names(temporary.store.take(asking("any"), pool, now))).toEqual(["0"]);
    expect(temporary.store.events(9).map(({ kind, lease: id }) => [kind, id === lease?.id])).toEqual([
      ["taken", true],
      ["reaped", true],
      ["freed", true],
      ["taken", false],
    ]);
  });

  test.each([
    ["of a boot that is over", { boot: "another" }],
    ["whose number another process has by now", { start: "1" }],
  ])("an owner %s has none any more", (_, change) => {
    using temporary = newStore();
    const { store } = temporary;
    const { lease } = store.take(asking("any"), pool, now);
    store.bind(lease?.id ?? "", lease?.generation ?? 0, { ...ownerOf(process.pid), ...change }, now);
    expect(store.read(now).leases).toEqual([]);
  });

  test("a control group whose name would be two lines is none that it lives with", () => {
    using temporary = newStore();
    const owner = { ...ownerOf(process.pid), cgroups: ["/a\n/sys/fs/cgroup/devices", "/sys/fs/cgroup/devices/web"] };
    temporary.store.take(asking("any", { owner }), pool, now);
    expect(temporary.store.read(now).leases[0]?.owner.cgroups).toEqual(["/sys/fs/cgroup/devices/web"]);
  });

  test("an owner that is counted in another namespace is not judged from here", () => {
    using temporary = newStore();
    const { lease } = temporary.store.take(asking("any"), pool, now);
    const elsewhere = { ...now, here: { ...HERE, pidNamespace: "pid:[1]" } };
    expect(temporary.store.read(elsewhere).leases.map(({ id }) => id)).toEqual([lease?.id ?? ""]);
  });

  test("a zombie has none any more", async () => {
    using temporary = newStore();
    const parent = Bun.spawn(["sh", "-c", "sleep 600 & echo $!; exec sleep 600"], { stdout: "pipe" });
    const { value } = await parent.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    temporary.store.take(asking("any", { owner: ownerOf(pid) }), pool, now);
    process.kill(pid, "SIGKILL");
    while (!/\) Z /.test(await Bun.file(`/proc/${pid}/stat`).text())) await Bun.sleep(1);
    expect(temporary.store.read(now).leases).toEqual([]);
    await kill(parent);
  });

  test("released twice is released once, by the beginning of its id, and a late release of another generation does nothing", () => {
    using temporary = newStore();
    const { store } = temporary;
    const { lease } = store.take(asking("any"), pool, now);
    store.release(lease?.id ?? "", (lease?.generation ?? 0) - 1, now);
    expect(store.read(now).leases).toHaveLength(1);
    const busy = look(pool, { [pool.devices[0]?.key ?? ""]: used([1]) });
    store.release((lease?.id ?? "").slice(0, 8), undefined, busy);
    store.release(lease?.id ?? "", undefined, busy);
    expect(store.read(now).leases).toEqual([]);
    expect(() => store.release(lease?.id ?? "", undefined, now)).toThrow("Cannot find the lease");
  });

  test("its memory comes back before its GPU is given again", () => {
    using temporary = newStore();
    const { store } = temporary;
    const key = pool.devices[0]?.key ?? "";
    const { lease } = store.take(asking("any"), pool, now);
    const held = { [key]: used([], 9e9) };
    store.release(lease?.id ?? "", undefined, look(pool, held));
    expect(store.read({ ...now, usage: new Map() }).leases).toMatchObject([{ state: "DRAINING" }]);
    const { verdicts } = store.explain(asking("any").wish, pool, look(pool, held, { uptime: 30_000 })).choice;
    expect(verdicts[0]?.why).toMatch(
      /^lease [0-9a-f]{8} has ended, and that its memory is free again is not known yet$/,
    );
    expect(names(store.take(asking("any:4"), pool, look(pool, {}, { uptime: 30_999 })))).toHaveLength(4);
  });

  test("memory that nobody holds 30 seconds later is a ghost's: the GPU is quarantined, and says why", () => {
    using temporary = newStore();
    const { store } = temporary;
    const key = pool.devices[0]?.key ?? "";
    const { lease } = store.take(asking("any"), pool, now);
    const held = { [key]: used([], 9e9, 100) };
    store.release(lease?.id ?? "", undefined, look(pool, held));
    const { leases, marks } = store.read(look(pool, held, { uptime: 31_000 }));
    expect(leases).toEqual([]);
    expect(marks).toMatchObject([{ key, state: "quarantined" }]);
    expect(marks[0]?.reason).toContain(
      "ended it is still in use by nobody that can be seen (no process, 9.0 GB of memory, 100 % busy)",
    );
    expect(store.explain(asking("any").wish, pool, now).choice.verdicts[0]).toMatchObject({ kind: "taken" });
    expect(store.unmark(key, now)).toBe(true);
    expect(names(store.take(asking("any"), pool, now))).toEqual(["0"]);
  });
});

test("a drained GPU is given to nobody, and whoever has it keeps it", () => {
  using temporary = newStore();
  const { store } = temporary;
  const { lease } = store.take(asking("any"), pool, now);
  store.mark({ key: pool.devices[0]?.key ?? "", state: "drained", reason: "", at: 1 }, now);
  expect(store.read(now).leases.map(({ id }) => id)).toEqual([lease?.id ?? ""]);
  store.release(lease?.id ?? "", undefined, now);
  expect(names(store.take(asking("any:4"), pool, now))).toBeUndefined();
  expect(names(store.take(asking("any:3"), pool, now))).toEqual(["1", "2", "3"]);
});

describe("the row of those who wait", () => {
  test("a small wish does not pass a large one that needs the same GPUs", () => {
    using temporary = newStore();
    const { store } = temporary;
    const { lease } = store.take(asking("any"), pool, now);
    const ticket = store.queue(asking("any:4"), ownerOf(process.pid), now);
    const { lease: none, choice, waiting } = store.take(asking("any"), pool, now);
    expect([none, waiting]).toEqual([undefined, 1]);
    expect(choice.verdicts[1]?.why).toBe(`kept for process ${process.pid} of user 0, which has waited longer`);
    store.release(lease?.id ?? "", undefined, now);
    expect(names(store.take(asking("any:4", { ticket }), pool, now))).toHaveLength(4);
    expect(store.read(now).tickets).toEqual([]);
  });

  test("one that needs other GPUs, or fewer than the first will get, is served meanwhile", () => {
    using temporary = newStore();
    const { store } = temporary;
    store.queue(asking("any:2,numa=0"), ownerOf(process.pid), now);
    expect(names(store.take(asking("any:2"), pool, now))).toEqual(["2", "3"]);
  });

  test("a wish that the machine cannot meet holds nobody up", () => {
    using temporary = newStore();
    temporary.store.queue(asking("any:9"), ownerOf(process.pid), now);
    expect(names(temporary.store.take(asking("any:4"), pool, now))).toHaveLength(4);
  });

  test("who is killed while waiting is skipped", async () => {
    using temporary = newStore();
    const child = sleeper();
    temporary.store.queue(asking("any:4"), ownerOf(child.pid), now);
    await kill(child);
    expect(names(temporary.store.take(asking("any"), pool, now))).toEqual(["0"]);
  });

  test("who comes first is served first", () => {
    using temporary = newStore();
    const { store } = temporary;
    const { lease } = store.take(asking("any:4"), pool, now);
    const [first, second] = [1, 2].map(() => store.queue(asking("any:3"), ownerOf(process.pid), now));
    store.release(lease?.id ?? "", undefined, now);
    expect(names(store.take(asking("any:3", { ticket: second }), pool, now))).toBeUndefined();
    expect(names(store.take(asking("any:3", { ticket: first }), pool, now))).toHaveLength(3);
  });

  test("who waits is told when another has changed something, and not by one who only looked", () => {
    using temporary = newStore();
    using other = LeaseStore.open(temporary.folder);
    const before = temporary.store.changeCount();
    other.read(now);
    expect(temporary.store.changeCount()).toBe(before);
    other.take(asking("any"), pool, now);
    expect(temporary.store.changeCount()).not.toBe(before);
  });
});
