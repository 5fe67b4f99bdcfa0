import { describe, expect, test } from "bun:test";
import { BerthError } from "../base/index.ts";
import type { NamedAsking, Taken } from "./asking.ts";
import { askerIn } from "./history.ts";
import type { LeasedContainer, LeasePolicy } from "./lease.ts";
import { asking, fakeDevice, fakePool, kill, look, newStore, ownerOf, sleeper, used } from "./store.test-helper.ts";

const pool = fakePool(4);
const now = look(pool);
const keys = pool.devices.map(({ key }) => key);

function names({ lease }: Pick<Taken, "lease">): readonly string[] | undefined {
  return lease?.devices.map(({ name }) => name);
}

function named(index: number, mode: NamedAsking["mode"], changes: Partial<NamedAsking> = {}): NamedAsking {
  const owner = ownerOf(process.pid);
  const words = `${index},${mode}`;
  return { keys: [keys[index] ?? ""], mode, owner, uid: 0, label: "", words, container: undefined, ...changes };
}

function container(id: string): LeasedContainer {
  return { id, state: `/run/nothing/${id}`, engine: "", name: id, image: "", project: "", user: "" };
}

/** The sentence that stands in the place of ids and numbers. */
function plain(text: string): string {
  return text.replace(/lease [0-9a-f]{8}/g, "lease L").replaceAll(`${process.pid}`, "P");
}

function outcomeOf(use: () => { readonly warnings: readonly string[] }): string {
  try {
    return use().warnings.map(plain).join("; ");
  } catch (error) {
    const { code, message } = BerthError.from(error);
    return `${code}: ${plain(message)}`;
  }
}

const OWN = "GPU 0 is somebody's: lease L of process P, user 0";
const NO = "BERTH-A013: Cannot give GPU 0: lease L of process P, user 0";

describe("who names a GPU that somebody has", () => {
  test.each<[string, LeasePolicy, NamedAsking["mode"], string]>([
    ["any", "", "shared", OWN],
    ["any", "warn", "shared", OWN],
    ["any", "allow", "shared", ""],
    ["any", "deny", "shared", `${NO}, and the policy is to deny that`],
    ["any,exclusive", "", "shared", `${NO}, exclusive, and that one is exclusive`],
    ["any,exclusive", "warn", "shared", `${OWN}, exclusive`],
    ["any,exclusive", "allow", "shared", ""],
    ["any,exclusive", "deny", "shared", `${NO}, exclusive, and the policy is to deny that`],
    ["any", "", "exclusive", `${NO}, and it is to be had by nobody else`],
    ["any", "allow", "exclusive", `${NO}, and it is to be had by nobody else`],
  ])("by the wish %s, under the policy %j, and wants it %s: %s", (wish, policy, mode, outcome) => {
    using temporary = newStore();
    temporary.store.take(asking(wish), pool, now);
    expect(outcomeOf(() => temporary.store.useNamed(named(0, mode, { policy }), pool, now))).toBe(outcome);
    expect(temporary.store.read(now).leases).toHaveLength(outcome.startsWith("BERTH") ? 1 : 2);
  });

  test("shares it with others who name it, and nobody gets it by a wish or for himself while one of them has it", () => {
    using temporary = newStore();
    const { store } = temporary;
    expect(outcomeOf(() => store.useNamed(named(0, "shared"), pool, now))).toBe("");
    expect(outcomeOf(() => store.useNamed(named(0, "shared"), pool, now))).toBe("");
    expect(names(store.take(asking("any:4"), pool, now))).toBeUndefined();
    expect(names(store.take(asking("any:3"), pool, now))).toEqual(["1", "2", "3"]);
    expect(outcomeOf(() => store.useNamed(named(0, "exclusive"), pool, now))).toStartWith("BERTH-A013: ");
    const [first = { id: "" }, second = { id: "" }] = store.read(now).leases;
    store.release(first.id, undefined, now);
    expect(outcomeOf(() => store.useNamed(named(0, "exclusive"), pool, now))).toStartWith("BERTH-A013: ");
    store.release(second.id, undefined, now);
    expect(outcomeOf(() => store.useNamed(named(0, "exclusive"), pool, now))).toBe("");
    expect(outcomeOf(() => store.useNamed(named(0, "shared"), pool, now))).toContain("that one is exclusive");
  });

  test("is told that a GPU is drained", () => {
    using temporary = newStore();
    temporary.store.mark({ key: keys[0] ?? "", state: "drained", reason: "fan", at: 1 }, now);
    expect(outcomeOf(() => temporary.store.useNamed(named(0, "shared"), pool, now))).toBe("GPU 0 is drained: fan");
  });

  test("is not kept from it by his own last life", async () => {
    using temporary = newStore();
    const { store } = temporary;
    const first = sleeper();
    const busy = look(pool, { [keys[0] ?? ""]: used([1], 9e9) });
    store.useNamed(named(0, "exclusive", { owner: ownerOf(first.pid), container: container("web") }), pool, busy);
    await kill(first);
    expect(store.read(busy).leases).toMatchObject([{ state: "DRAINING" }]);
    expect(outcomeOf(() => store.useNamed(named(0, "exclusive", { container: container("web") }), pool, busy))).toBe(
      "",
    );
    expect(store.read(busy).leases).toMatchObject([{ state: "RESERVED", mode: "exclusive", wish: "0,exclusive" }]);
  });

  test("has what it names besides what it has: no lease of its own life is lost, and none stands twice", () => {
    using temporary = newStore();
    const { store } = temporary;
    const web = { container: container("web") };
    store.take(asking("any:2", web), pool, now);
    const use = (...which: readonly number[]) =>
      store.useNamed(named(0, "exclusive", { ...web, keys: which.map((index) => keys[index] ?? "") }), pool, now);
    use(1, 2);
    use(0);
    use(2);
    expect(store.read(now).leases.map(({ devices }) => devices.map(({ name }) => name).join(","))).toEqual([
      "0,1",
      "2",
    ]);
  });

  test("does not get for itself what it shares already", () => {
    using temporary = newStore();
    const web = { container: container("web") };
    temporary.store.useNamed(named(0, "shared", { ...web, keys: keys.slice(0, 2) }), pool, now);
    expect(outcomeOf(() => temporary.store.useNamed(named(0, "exclusive", web), pool, now))).toStartWith("BERTH-A013");
  });

  test("of a part of a GPU has a part of what another has as a whole", () => {
    const part = fakeDevice(0, { key: `${keys[0]}/3/0`, name: "0:3", migProfile: "1g.10gb" });
    const parts = fakePool(1, [part]);
    using temporary = newStore();
    temporary.store.take(asking("any"), pool, now);
    expect(outcomeOf(() => temporary.store.useNamed(named(0, "shared", { keys: [part.key] }), parts, now))).toBe(
      "GPU 0:3 is somebody's: lease L of process P, user 0",
    );
  });

  test("the end of one who shares it says nothing of its use by the others", () => {
    using temporary = newStore();
    const { store } = temporary;
    const busy = look(pool, { [keys[0] ?? ""]: used([], 9e9) }, { uptime: 90_000 });
    store.take(asking("any"), pool, now);
    const { lease } = store.useNamed(named(0, "shared"), pool, now);
    store.release(lease.id, undefined, busy);
    expect(store.read(busy)).toMatchObject({ leases: [{ mode: "own" }], marks: [] });
  });
});

describe("a lease that was taken beforehand", () => {
  const withLease = (wish: string, id: string | undefined) => asking(`${wish},lease=${id}`);

  test("is adopted by the container that it was taken for", () => {
    using temporary = newStore();
    const { store } = temporary;
    const { lease } = store.take(asking("any:2,exclusive"), pool, now);
    const wish = withLease("any:2,exclusive", lease?.id);
    const adopted = store.take({ ...wish, container: container("web") }, pool, now);
    expect(adopted.lease).toMatchObject({ id: lease?.id, mode: "exclusive", container: { id: "web" } });
    expect(store.read(now).leases).toEqual(adopted.lease === undefined ? [] : [adopted.lease]);
    expect(store.events(1)).toMatchObject([{ kind: "adopted", lease: lease?.id }]);
    const again = store.take({ ...wish, container: container("web") }, pool, now);
    expect(again.lease?.id).toBe(lease?.id ?? "");
  });

  test.each([
    ["of another wish", "any:1", "a"],
    ["of another container", "any:2", "b"],
  ])("and is one %s is left alone, and another one taken", (_, wish, id) => {
    using temporary = newStore();
    const { store } = temporary;
    const { lease } = store.take(asking("any:2", { container: container("a") }), pool, now);
    const other = store.take({ ...withLease(wish, lease?.id), container: container(id) }, pool, now);
    expect([names({ lease }), names(other)?.[0]]).toEqual([["0", "1"], "2"]);
    expect(other.lease?.wish).toBe(wish);
  });

  test("and has ended is taken anew", async () => {
    using temporary = newStore();
    const taker = sleeper();
    const { lease } = temporary.store.take(asking("any", { owner: ownerOf(taker.pid) }), pool, now);
    await kill(taker);
    const other = temporary.store.take(withLease("any", lease?.id), pool, now);
    expect([names(other), other.lease?.id === lease?.id]).toEqual([["0"], false]);
  });

  test.each<[LeasePolicy, string]>([
    ["", "BERTH-A012: Cannot start with lease L: GPU 0 is used by process 77, which came between choice and start"],
    ["deny", "BERTH-A012: Cannot start with lease L: GPU 0 is used by process 77, which came between choice and start"],
    ["warn", "GPU 0 is used by process 77, which came between choice and start"],
    ["allow", ""],
  ])("and whose GPU a stranger uses by now is, under the policy %j: %s", (policy, outcome) => {
    using temporary = newStore();
    const { lease } = temporary.store.take(asking("any"), pool, now);
    const strange = look(pool, { [keys[0] ?? ""]: used([process.pid, 77], 9e9) });
    const wish = { ...withLease("any", lease?.id), policy };
    expect(outcomeOf(() => temporary.store.take(wish, pool, strange))).toBe(outcome);
  });
});

test("what has ended is told together with what lives: who had which, from when, and how it ended", async () => {
  using temporary = newStore();
  const { store } = temporary;
  const first = sleeper();
  store.take(asking("any", { owner: ownerOf(first.pid), container: container("web"), uid: 7 }), pool, now);
  await kill(first);
  store.read({ ...now, now: now.now + 500 });
  store.useNamed(named(2, "shared"), pool, now);
  expect(store.holdings(0, now)).toMatchObject([
    {
      uid: 7,
      container: { id: "web" },
      wish: "any:1",
      mode: "own",
      devices: [{ name: "0" }],
      at: now.now,
      seen: now.now,
      endedAt: now.now + 500,
      how: `process ${first.pid} is gone`,
    },
    { mode: "shared", wish: "2,shared", endedAt: undefined, how: "" },
  ]);
  expect(store.holdings(now.now + 501, now)).toHaveLength(1);
});

test("that a lease lives is written down once a minute, and not more often", () => {
  using temporary = newStore();
  const { store } = temporary;
  store.take(asking("any"), pool, now);
  const seenAt = (later: number) => store.read({ ...now, now: now.now + later }).leases[0]?.seen;
  expect([seenAt(59_999), seenAt(60_000), seenAt(61_000)]).toEqual([now.now, now.now + 60_000, now.now + 60_000]);
});

describe("a second container of an id that runs", () => {
  const running = container("twice");
  const bound = { container: running, isBound: true } as const;

  test("does not take over the lease that its wish names, and the first one keeps it", async () => {
    using temporary = newStore();
    const { store } = temporary;
    const init = sleeper();
    const { lease } = store.take(asking("any", { ...bound, owner: ownerOf(init.pid) }), pool, now);
    const second = store.take(asking(`any,lease=${lease?.id}`, { container: running }), pool, now);
    expect(second.lease?.id).not.toBe(lease?.id);
    const owners = store.read(now).leases.map(({ state, owner }) => [state, owner.pid]);
    expect(owners).toEqual([["BOUND", init.pid], ["RESERVED", process.pid]]); // prettier-ignore
    await kill(init);
  });

  test("does not end what the first one has by name", async () => {
    using temporary = newStore();
    const { store } = temporary;
    const init = sleeper();
    const first = store.useNamed(named(0, "exclusive", { ...bound, owner: ownerOf(init.pid) }), pool, now);
    const second = store.useNamed(named(0, "exclusive", { container: running }), pool, now);
    expect(second.lease.id).toBe(first.lease.id);
    expect(store.read(now).leases.map(({ owner }) => owner.pid)).toEqual([init.pid]);
    await kill(init);
  });
});

test("a GPU and a part of it, named at once and exclusively, are the GPU", () => {
  const whole = fakeDevice(0);
  const part = fakeDevice(1, { key: `${whole.key}/1/0`, gpuKey: whole.key, migProfile: "1g.10gb", place: 0 });
  const parts = fakePool(1, [whole, part]);
  using temporary = newStore();
  const asked = named(0, "exclusive", { keys: [part.key, whole.key] });
  const { lease } = temporary.store.useNamed(asked, parts, look(parts));
  expect(lease.devices.map(({ key }) => key)).toEqual([whole.key]);
});

test("one who waits in another PID namespace holds nobody up when it has been silent for long", () => {
  using temporary = newStore();
  const { store } = temporary;
  const there = { ...ownerOf(process.pid), pidNamespace: "pid:[1]" };
  store.queue(asking("any:4"), there, now);
  expect(store.take(asking("any"), pool, now).lease).toBeUndefined();
  const later = { ...now, now: now.now + 121_000 };
  expect(store.take(asking("any"), pool, later).lease).toBeDefined();
});

test("who waits says so again and again, so that nobody takes it for gone", () => {
  using temporary = newStore();
  const { store } = temporary;
  store.take(asking("any:4"), pool, now);
  const ticket = store.queue(asking("any:4"), ownerOf(process.pid), now);
  const later = { ...now, now: now.now + 31_000 };
  store.take(asking("any:4", { ticket }), pool, later);
  expect(store.read(later).tickets.map(({ seen }) => seen)).toEqual([later.now]);
});

test("a refusal is written down with a name that says nothing of others", () => {
  using temporary = newStore();
  const { store } = temporary;
  const name = "x, process 1, user 1000: y";
  store.deny(asking("any", { container: { ...container("a"), name } }), "none is free", now);
  expect(askerIn(store.events(1)[0] ?? { at: 0, kind: "denied", lease: "", device: "", text: "" })?.uid).toBe(0);
});
