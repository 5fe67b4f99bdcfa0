import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError, runProgram } from "../base/index.ts";
import { networkFileSystem } from "./network-file-system.ts";
import { SCHEMA_STEPS } from "./schema.ts";
import { asking, fakePool, look, newStore, ownerOf } from "./store.test-helper.ts";
import { lacksLeaseStore } from "./store-path.ts";
import { LeaseStore } from "./store.ts";

const work = mkdtempSync(join(tmpdir(), "berth-lease-faults-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const pool = fakePool(2);

function problemOf(use: () => unknown): string {
  try {
    use();
  } catch (error) {
    const { code, message } = BerthError.from(error);
    return `${code}: ${message}`;
  }
  return "none";
}

const open = (folder: string) => (): void => LeaseStore.open(folder)[Symbol.dispose]();

test("folder and file are their owner's alone, whatever the umask", () => {
  const before = process.umask(0);
  using temporary = newStore();
  process.umask(before);
  expect([temporary.folder, join(temporary.folder, "leases.db")].map((path) => statSync(path).mode & 0o777)).toEqual([
    0o700, 0o600,
  ]);
});

test("what was taken is still taken when the store is opened again", () => {
  using temporary = newStore();
  const { lease } = temporary.store.take(asking("any:2"), pool, look(pool));
  using again = LeaseStore.open(temporary.folder);
  expect(again.read(look(pool)).leases).toEqual(lease === undefined ? [] : [lease]);
});

describe("a damaged store gives nothing", () => {
  test.each([
    ["that is no database", (path: string) => writeFileSync(path, "who has which GPU\n".repeat(100))],
    ["that lost its end", (path: string) => shorten(path, 9000)],
    ["with a page of something else", (path: string) => overwrite(path, 8192)],
  ])("one %s", (_, damage) => {
    using temporary = newStore();
    temporary.store.take(asking("any"), pool, look(pool));
    temporary.store[Symbol.dispose]();
    damage(join(temporary.folder, "leases.db"));
    expect(problemOf(open(temporary.folder))).toMatch(
      /^BERTH-A005: Cannot use the lease store ".*leases\.db": it is damaged \(.*\), so who has which GPU is not known$/,
    );
  });
});

function shorten(path: string, bytes: number): void {
  const fd = openSync(path, "r+");
  ftruncateSync(fd, bytes);
  closeSync(fd);
}

function overwrite(path: string, at: number): void {
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.alloc(4096, 0xa5), 0, 4096, at);
  closeSync(fd);
}

test("a store of a newer berth is left as it is", () => {
  using temporary = newStore();
  using database = new Database(join(temporary.folder, "leases.db"));
  database.run("PRAGMA user_version = 99");
  expect(problemOf(open(temporary.folder))).toContain("BERTH-A011: ");
  expect(problemOf(open(temporary.folder))).toContain("its version is 99, and this berth knows 2");
});

test("a store of the first version is brought over: who has what, who waits and what is drained stay, and no generation comes twice", () => {
  const folder = join(work, "version-1");
  mkdirSync(folder, { mode: 0o700 });
  const { boot, pidNamespace, pid, start } = ownerOf(process.pid);
  const keys = pool.devices.map(({ key }) => key);
  {
    using old = new Database(join(folder, "leases.db"), { create: true, strict: true });
    old.run(SCHEMA_STEPS[0] ?? "");
    const owner = [boot, pidNamespace, pid, start];
    const insertLease = old.query(
      "INSERT INTO lease VALUES (?, ?, 'RESERVED', ?, ?, ?, ?, '', 7, 'train', 'any:1', 5, 6)",
    );
    insertLease.run(3, "a".repeat(32), ...owner);
    insertLease.run(9, "b".repeat(32), ...owner);
    old.run("DELETE FROM lease WHERE generation = 9");
    old.run("INSERT INTO grip VALUES (?, ?, '0', 'GPU-0', 3)", [keys[0] ?? "", keys[0] ?? ""]);
    old.run("INSERT INTO device VALUES (?, 'drained', 'fan', 4)", [keys[1] ?? ""]);
    old.run("INSERT INTO ticket VALUES (1, ?, ?, ?, ?, 7, 'any:9', 4)", owner);
  }
  using store = LeaseStore.open(folder);
  const { leases, tickets, marks } = store.read(look(pool));
  expect(leases).toMatchObject([
    { id: "a".repeat(32), generation: 3, mode: "own", label: "train", devices: [{ key: keys[0] }] },
  ]);
  expect([leases[0]?.container, tickets.length, marks.map(({ reason }) => reason)]).toEqual([undefined, 1, ["fan"]]);
  expect(store.take(asking("any"), pool, look(pool)).lease).toBeUndefined();
  store.unmark(keys[1] ?? "", look(pool));
  expect(store.take(asking("any"), pool, look(pool)).lease).toMatchObject({
    generation: 10,
    devices: [{ key: keys[1] }],
  });
});

test.each([
  ["a file", (path: string) => writeFileSync(path, "")],
  ["a link", (path: string) => symlinkSync("/tmp", path)],
])("%s in the place of its folder is refused", (name, put) => {
  const folder = join(work, `in-place-${name.replace(" ", "-")}`);
  put(folder);
  expect(problemOf(open(folder))).toContain("BERTH-A006: Cannot use the lease store");
});

describe.skipIf(process.geteuid?.() !== 0)("a file system", () => {
  /** A tmpfs of its own that is unmounted with the result. */
  function mountTmpfs(name: string, options: string): Disposable & { readonly folder: string } {
    const folder = join(work, name);
    mkdirSync(folder);
    runProgram(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]);
    return { folder, [Symbol.dispose]: () => void runProgram(["umount", "--lazy", folder]) };
  }

  test("that is full is said, the lease is not there, and the next one is once there is room", () => {
    using disk = mountTmpfs("full", "size=256k");
    const folder = join(disk.folder, "leases");
    using store = LeaseStore.open(folder);
    const filler = join(disk.folder, "filler");
    runProgram(["dd", "if=/dev/zero", `of=${filler}`, "bs=4k"]);
    expect(problemOf(() => store.take(asking("any"), pool, look(pool)))).toMatch(
      /^BERTH-A006: .*: its file system is full$/,
    );
    rmSync(filler);
    expect(store.read(look(pool)).leases).toEqual([]);
    expect(store.take(asking("any"), pool, look(pool)).lease?.devices).toHaveLength(1);
  });

  test("that is read-only is said", () => {
    using disk = mountTmpfs("read-only", "size=1m");
    const folder = join(disk.folder, "leases");
    open(folder)();
    runProgram(["mount", "-o", "remount,ro", disk.folder]);
    using store = openOrNot(folder);
    expect(problemOf(() => store?.take(asking("any"), pool, look(pool)) ?? open(folder)())).toMatch(
      /^BERTH-A006: .*: its file system is read-only$/,
    );
  });

  function openOrNot(folder: string): LeaseStore | undefined {
    try {
      return LeaseStore.open(folder);
    } catch (error) {
      expect(error).toBeInstanceOf(BerthError);
      return undefined;
    }
  }
});

describe.skipIf(process.geteuid?.() !== 0)("a user who may not see the store", () => {
  test("is not told that there is none", () => {
    using temporary = newStore();
    process.seteuid?.(65534);
    try {
      expect([temporary.folder, "/nowhere/leases"].map(lacksLeaseStore)).toEqual([false, true]);
    } finally {
      process.seteuid?.(0);
    }
  });
});

test.each([
  [0x6969, "NFS"],
  [-11317950, "CIFS"],
  [0xff534d42, "CIFS"],
  [0x65735546, "FUSE"],
  [0xef53, undefined],
  [0x01021994, undefined],
  [0x794c7630, undefined],
])("a file system of the kind %i is %p to be shared with other machines", (type, name) => {
  expect(networkFileSystem(type)).toBe(name);
});
