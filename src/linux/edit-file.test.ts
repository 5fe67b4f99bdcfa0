import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { editFile, type EditOptions } from "./edit-file.ts";
import { lockFile } from "./lock-file.ts";
import { syscall, trySyscall } from "./sys.ts";
import { readAttribute } from "./xattr.ts";

const isRoot = process.geteuid?.() === 0;
const base = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "berth-edit-"));
const mounts: string[] = [];
afterAll(() => {
  for (const place of mounts.toReversed()) Bun.spawnSync(["umount", place]);
  rmSync(base, { recursive: true, force: true });
});

let count = 0;
function folder(): string {
  const path = join(base, String(count++));
  mkdirSync(path);
  return path;
}

function edit(path: string, text: string | undefined, options: Partial<EditOptions> = {}) {
  return editFile(path, { change: () => text, lock: join(base, "run/lock"), ...options });
}

/** A file with a text, and its folder. */
function file(text = "old\n"): { readonly path: string; readonly dir: string } {
  const dir = folder();
  const path = join(dir, "daemon.json");
  writeFileSync(path, text);
  return { path, dir };
}

/** What tells that nobody wrote. */
function timesOf(path: string): readonly bigint[] {
  const { ino, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
  return [ino, mtimeNs, ctimeNs];
}

function mount(...args: readonly string[]): boolean {
  const isDone = Bun.spawnSync(["mount", ...args]).exitCode === 0;
  if (isDone) mounts.push(args.at(-1) ?? "");
  return isDone;
}

test("editFile makes, changes and removes a file, and says which, with the hash before and after", () => {
  const path = join(folder(), "a.json");
  expect(edit(path, "{}\n")).toEqual({
    kind: "made",
    target: path,
    backup: undefined,
    before: undefined,
    after: "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356",
    warnings: [],
  });
  expect(statSync(path).mode & 0o7777).toBe(0o644);
  const changed = editFile(path, { change: (text) => `${text}\n`, lock: join(base, "run/lock") });
  expect(changed).toMatchObject({ kind: "written", before: expect.stringMatching(/^ca3d163b/) });
  expect(readFileSync(path, "utf8")).toBe("{}\n\n");
  expect(edit(path, undefined)).toMatchObject({ kind: "removed", before: changed.after, after: undefined });
  expect(edit(path, undefined)).toMatchObject({ kind: "unchanged", before: undefined });
  expect(readdirSync(join(path, ".."))).toEqual([]);
});

test("the same text changes neither times nor inode, and makes no backup", () => {
  const { path, dir } = file();
  utimesSync(path, 1, 1);
  const before = timesOf(path);
  expect(edit(path, "old\n", { backup: true }).kind).toBe("unchanged");
  expect(timesOf(path)).toEqual(before);
  expect(readdirSync(dir)).toEqual(["daemon.json"]);
});

test("a byte order mark reaches the change, and stays", () => {
  const { path } = file("\ufeff{}");
  editFile(path, { change: (text) => `${text}\r\n`, lock: join(base, "run/lock") });
  expect(readFileSync(path, "utf8")).toBe("\ufeff{}\r\n");
});

test("folders on the way are made when asked, and only when there is something to write", () => {
  const dir = folder();
  const path = join(dir, "a/b/c.toml");
  expect(() => edit(path, "x")).toThrow(/BERTH|the folder ".*\/a\/b" does not exist/);
  expect(edit(path, undefined, { makeParents: true }).kind).toBe("unchanged");
  expect(existsSync(join(dir, "a"))).toBe(false);
  expect(edit(path, "x", { makeParents: true })).toMatchObject({ kind: "made", target: path });
  expect(statSync(join(dir, "a/b")).mode & 0o7777).toBe(0o755);
});

test.each([
  ["relative", (dir: string) => symlinkSync("real/x.json", join(dir, "link"))],
  ["absolute", (dir: string) => symlinkSync(join(dir, "real/x.json"), join(dir, "link"))],
  ["in a chain", (dir: string) => {
    symlinkSync("other", join(dir, "link"));
    symlinkSync("./real/../folder/x.json", join(dir, "other"));
    symlinkSync("real", join(dir, "folder"));
  }],
])("a link that is %s stays, and the file it leads to is changed", (_, make) => {
  const dir = folder();
  mkdirSync(join(dir, "real"));
  writeFileSync(join(dir, "real/x.json"), "old");
  make(dir);
  const said = readlinkSync(join(dir, "link"));
  expect(edit(join(dir, "link"), "new")).toMatchObject({ kind: "written", target: join(dir, "real/x.json") });
  expect(readFileSync(join(dir, "real/x.json"), "utf8")).toBe("new");
  expect(readlinkSync(join(dir, "link"))).toBe(said);
}); // prettier-ignore

test("a new file may stand behind the link of a folder, but not behind one of its own", () => {
  const dir = folder();
  mkdirSync(join(dir, "real"));
  symlinkSync("real", join(dir, "folder"));
  symlinkSync("real/none", join(dir, "link"));
  expect(edit(join(dir, "folder/x"), "new").target).toBe(join(dir, "real/x"));
  expect(() => edit(join(dir, "link"), "new")).toThrow(/a link leads to ".*\/real\/none", which does not exist/);
});

test("a circle of links, a folder and a device are refused, and nothing is written", () => {
  const dir = folder();
  symlinkSync("b", join(dir, "a"));
  symlinkSync("a", join(dir, "b"));
  symlinkSync("/dev/null", join(dir, "null"));
  mkdirSync(join(dir, "folder"));
  writeFileSync(join(dir, "file"), "");
  Bun.spawnSync(["mkfifo", join(dir, "fifo")]);
  const names = readdirSync(dir);
  expect(() => edit(join(dir, "a"), "x")).toThrow("its links lead in a circle");
  expect(() => edit(join(dir, "null"), "x")).toThrow(/"\/dev\/null": it is not a regular file \(char\)/);
  expect(() => edit(join(dir, "fifo"), "x")).toThrow("it is not a regular file (fifo)");
  expect(() => edit(join(dir, "folder"), "x")).toThrow("it is a folder");
  expect(() => edit(join(dir, "file/x"), "x")).toThrow("something on the way to it is no folder");
  expect(readdirSync(dir)).toEqual(names);
});

test("a file that is too large or not UTF-8 is refused", () => {
  const { path } = file();
  writeFileSync(path, Buffer.alloc(4 * 1024 * 1024 + 1, 32));
  expect(() => edit(path, "x")).toThrow(/has 4194305 bytes, and 4194304 are allowed/);
  writeFileSync(path, Buffer.from([0x7b, 0xff]));
  expect(() => edit(path, "x")).toThrow("it is not valid UTF-8");
});

test("a folder that others may write to is refused, and /tmp is not", () => {
  const { path, dir } = file();
  chmodSync(dir, 0o777);
  expect(() => edit(path, "x")).toThrow(`others may write to the folder "${dir}"`);
  chmodSync(dir, 0o1777);
  expect(edit(path, "x").kind).toBe("written");
  if (!isRoot) return;
  chmodSync(dir, 0o755);
  chownSync(dir, 1234, 1234);
  expect(() => edit(path, "y")).toThrow(`"${dir}" belongs to user 1234`);
});

test('under another root, links and ".." end there', () => {
  const root = folder();
  mkdirSync(join(root, "etc/real"), { recursive: true });
  symlinkSync("/etc/real", join(root, "etc/docker"));
  symlinkSync("../../../../etc/real/x", join(root, "etc/link"));
  writeFileSync(join(root, "etc/real/x"), "");
  expect(edit("/etc/docker/daemon.json", "{}", { root }).target).toBe(join(root, "etc/real/daemon.json"));
  expect(edit("/etc/link", "y", { root }).target).toBe(join(root, "etc/real/x"));
  expect(edit("/../../etc/real/x", "z", { root }).target).toBe(join(root, "etc/real/x"));
});

test.skipIf(!isRoot)("mode, owner, access list and attributes stay, also on the backup, whatever the umask", () => {
  const { path, dir } = file();
  const fd = openSync(path, "r");
  const list = Buffer.from(
    "0200000001000600ffffffff02000600d204000004000400ffffffff10000600ffffffff20000000ffffffff",
    "hex",
  );
  const label = Buffer.from("system_u:object_r:etc_t:s0\0");
  const hasList = trySyscall("fsetxattr", fd, "system.posix_acl_access", list, list.length, 0) === 0;
  const hasLabel = trySyscall("fsetxattr", fd, "security.selinux", label, label.length, 0) === 0;
  syscall(path, "fsetxattr", fd, "trusted.note", Buffer.from("x"), 1, 0);
  closeSync(fd);
  chownSync(path, 12, 34);
  chmodSync(path, 0o2640);
  const umask = process.umask(0o777);
  let backup: string | undefined;
  try {
    backup = edit(path, "new", { backup: true }).backup;
  } finally {
    process.umask(umask);
  }
  const names = readdirSync(dir).toSorted();
  expect(names).toEqual(["daemon.json", expect.stringMatching(/^daemon\.json\.berth-backup\.\d{8}T\d{9}Z$/)]);
  expect(backup).toBe(join(dir, names[1] ?? ""));
  expect([readFileSync(path, "utf8"), readFileSync(backup ?? "", "utf8")]).toEqual(["new", "old\n"]);
  for (const each of [path, backup ?? ""]) {
    const { mode, uid, gid } = statSync(each);
    expect([mode & 0o7777, uid, gid]).toEqual([0o2640, 12, 34]);
    const opened = openSync(each, "r");
    expect(readAttribute(opened, "trusted.note")).toEqual(new Uint8Array(Buffer.from("x")));
    if (hasLabel) expect(readAttribute(opened, "security.selinux")).toEqual(new Uint8Array(label));
    if (hasList) expect(readAttribute(opened, "system.posix_acl_access")?.length).toBe(list.length);
    closeSync(opened);
  }
});

test("the newest five backups are kept, and nobody else's file", () => {
  const { path, dir } = file("0");
  writeFileSync(join(dir, "daemon.json.berth-backup.mine"), "");
  for (let number = 1; number <= 8; number++) edit(path, String(number), { backup: true });
  const backups = readdirSync(dir).filter((name) => /backup\.\d/.test(name));
  expect(backups.toSorted().map((name) => readFileSync(join(dir, name), "utf8"))).toEqual(["3", "4", "5", "6", "7"]);
  expect(existsSync(join(dir, "daemon.json.berth-backup.mine"))).toBe(true);
});

test("other names of a file are left behind with a warning", () => {
  const { path, dir } = file();
  linkSync(path, join(dir, "other"));
  expect(edit(path, "new").warnings).toEqual([expect.stringContaining("had 1 other names (hard links)")]);
  expect(readFileSync(join(dir, "other"), "utf8")).toBe("old\n");
});

test("what change or validate throws comes back as it is, and leaves file, folder and times", () => {
  const { path, dir } = file();
  const before = timesOf(path);
  const seen: string[] = [];
  const refuse = Object.assign(new Error("no"), { code: "EROFS" });
  const validate = (temporary: string) => {
    seen.push(readFileSync(temporary, "utf8"), join(temporary, ".."));
    throw refuse;
  };
  expect(() => edit(path, "new", { validate, backup: true })).toThrow(refuse);
  expect(seen).toEqual(["new", dir]);
  const change = () => {
    throw refuse;
  };
  expect(() => edit(path, "new", { change })).toThrow(refuse);
  expect(timesOf(path)).toEqual(before);
  expect(readdirSync(dir)).toEqual(["daemon.json"]);
});

test("another editor is waited for, and named when it does not end", () => {
  const { path } = file();
  const lock = join(base, "run/held");
  using _ = lockFile(lock, 0);
  const options = { lock, lockDeadlineMs: 60 };
  expect(() => edit(path, "new", options)).toThrow(
    new RegExp(`process ${process.pid} \\(.+\\) has held the lock "${lock}"`),
  );
  expect(readFileSync(path, "utf8")).toBe("old\n");
});

test("what is replaced while it is edited is read again, and only five times", () => {
  const { path, dir } = file("0");
  let theirs = 0;
  const replace = () => {
    writeFileSync(join(dir, "theirs"), String(++theirs));
    renameSync(join(dir, "theirs"), path);
  };
  const validate = () => void (theirs < 3 && replace());
  const add = (text: string | undefined) => `${text} and ours`;
  expect(edit(path, "", { change: add, validate }).kind).toBe("written");
  expect(readFileSync(path, "utf8")).toBe("3 and ours");
  expect(() => edit(path, "", { change: add, validate: replace, backup: true })).toThrow("replaced it 5 times");
  expect(readFileSync(path, "utf8")).toBe("8");
  expect(readdirSync(dir)).toEqual(["daemon.json"]);
});

test("an owner or mode that is changed meanwhile counts as a change", () => {
  const { path } = file();
  let times = 0;
  const validate = () => void (times++ === 0 && chmodSync(path, 0o600));
  edit(path, "new", { validate });
  expect([times, statSync(path).mode & 0o7777]).toEqual([2, 0o600]);
});

const isTraceable = Bun.which("strace") !== null;
/** In one file, so that it starts fast. */
const helper = join(base, "edit-file.test-helper.js");
beforeAll(async () => {
  await Bun.build({ entrypoints: [join(import.meta.dir, "edit-file.test-helper.ts")], target: "bun", outdir: base });
});

test("no line of two editors is lost, nor what a third one writes that knows no lock", async () => {
  const { path, dir } = file("count 0\n");
  const alone = join(dir, "alone");
  const lock = join(dir, "lock");
  const start = (...args: string[]) => Bun.spawn([process.execPath, helper, ...args], { stderr: "pipe" });
  const editors = [1, 2].map(() => start("add", alone, lock, "40"));
  expect(await Promise.all(editors.map(({ exited }) => exited))).toEqual([0, 0]);
  const lines = readFileSync(alone, "utf8").trimEnd().split("\n");
  const expected = editors.flatMap(({ pid }) => Array.from({ length: 40 }, (_, line) => `${pid} ${line}`));
  expect(lines.toSorted()).toEqual(expected.toSorted());

  const ignoring = start("ignore", path, "-", "3000");
  let edits = 0;
  while (ignoring.exitCode === null) {
    edits += tryEdit(path, lock) ? 1 : 0;
    await Bun.sleep(0);
  }
  expect(await new Response(ignoring.stderr).text()).toBe("");
  expect(readFileSync(path, "utf8")).toStartWith("count 3000\n");
  expect(edits).toBeGreaterThan(0);
});

function tryEdit(path: string, lock: string): boolean {
  try {
    return editFile(path, { change: (text) => `${text?.slice(0, 200)}x\n`, lock }).kind === "written";
  } catch (error) {
    // Between two looks it can replace the file more often than anybody can exchange it: that is said, too.
    expect(String(error)).toMatch(/another program replaced it 5 times meanwhile|somebody keeps replacing it/);
    return false;
  }
}

/** How long the exchange of another process is held up, so that somebody can be in between. */
const HOLD_US = 400_000;

test.skipIf(!isTraceable)(
  "what is written in the very moment of the exchange goes back, and the edit starts over",
  async () => {
    const { path, dir } = file();
    const inject = `inject=renameat2:delay_enter=${HOLD_US}:when=2`;
    const words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2", "-e", inject];
    const editor = Bun.spawn([...words, process.execPath, helper, "add", path, join(base, "run/lock")]);
    const isReady = () => readdirSync(dir).some((name) => name.includes(".berth-swap."));
    while (!isReady() && editor.exitCode === null) await Bun.sleep(1);
    writeFileSync(join(dir, "theirs"), "theirs\n");
    renameSync(join(dir, "theirs"), path);
    expect(await editor.exited).toBe(0);
    expect(readFileSync(path, "utf8")).toMatch(/^theirs\n\d+ 0\n$/);
    const [, backup = ""] = readdirSync(dir).toSorted();
    expect([readdirSync(dir).length, readFileSync(join(dir, backup), "utf8")]).toEqual([2, "theirs\n"]);
  },
);

/** The name that a killed editor's file has after the exchange: what it wrote, or that it took the file out, and what it had read. */
function leftBehind(dir: string, written: string | undefined, read: string): string {
  const [short, before] = [written, read].map((text) => {
    return text === undefined ? "gone" : new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16);
  });
  return join(dir, `.daemon.json.berth-swap.${short}.${before}.${Bun.spawnSync(["true"]).pid}`);
}

test.if(isRoot)(
  "in a folder like /tmp, what another user gives an editor's name does not take the place of a file",
  () => {
    const { path, dir } = file("ours\n");
    chmodSync(dir, 0o1777);
    const planted = leftBehind(dir, "ours\n", "gone");
    writeFileSync(planted, "theirs\n");
    chownSync(planted, 1000, 1000);
    edit(path, "ours\n");
    expect([readFileSync(path, "utf8"), statSync(path).uid]).toEqual(["ours\n", 0]);
  },
);

test("what a killed editor had taken the place of is put back by the next one, unless there is something newer", () => {
  const { path, dir } = file("ours\n");
  writeFileSync(leftBehind(dir, "ours\n", "old\n"), "theirs\n");
  expect(edit(path, "", { change: (text) => text }).kind).toBe("unchanged");
  expect([readFileSync(path, "utf8"), readdirSync(dir)]).toEqual(["theirs\n", ["daemon.json"]]);

  rmSync(path);
  writeFileSync(leftBehind(dir, undefined, "old\n"), "theirs\n");
  edit(path, "", { change: (text) => text });
  expect([readFileSync(path, "utf8"), readdirSync(dir)]).toEqual(["theirs\n", ["daemon.json"]]);

  for (const [left, current] of [
    ["old\n", "ours\n"],
    ["theirs\n", "newer\n"],
    ["ours\n", "old\n"],
  ] as const) {
    writeFileSync(path, current);
    writeFileSync(leftBehind(dir, "ours\n", "old\n"), left);
    edit(path, "", { change: (text) => text });
    expect([readFileSync(path, "utf8"), readdirSync(dir)]).toEqual([current, ["daemon.json"]]);
  }
});

/** Calls by which an edit changes something. */
const CHANGES = ["fchown", "fchmod", "fsetxattr", "fsync", "renameat", "renameat2", "unlinkat"];

type Run = (argv: readonly string[], wasReached: () => boolean) => void;

/** Has one call of another process' edit go wrong, the first, the second and so on, until there is none. Gives back how many did. */
function injectEach(call: string, what: string, run: Run): number {
  const log = join(base, "strace");
  const wasReached = () => /INJECTED|killed by SIGKILL/.test(readFileSync(log, "utf8"));
  // Only the calls that are traced stop then, but no signal is sent.
  const fast = what.startsWith("error") ? ["--seccomp-bpf"] : [];
  const step = call === "openat2" ? 3 : 1;
  for (let number = 1; ; number += step) {
    const inject = `inject=${call}:${what}:when=${number}`;
    const argv = ["strace", "-f", ...fast, "-qq", "-o", log, "-e", `trace=${call}`, "-e", inject];
    run([...argv, process.execPath, helper], wasReached);
    if (!wasReached()) return (number - 1) / step;
  }
}

function target(): { readonly path: string; readonly dir: string } {
  const { path, dir } = file();
  const fd = openSync(path, "r");
  trySyscall("fsetxattr", fd, "user.note", Buffer.from("x"), 1, 0);
  closeSync(fd);
  if (isRoot) chownSync(path, 12, 34);
  chmodSync(path, 0o640);
  return { path, dir };
}

test.skipIf(!isTraceable)(
  "an editor that is killed at any call leaves the old file or the new one, and nothing after the next edit",
  () => {
    const { path, dir } = target();
    const lock = join(base, "run/lock");
    let kills = 0;
    for (const call of CHANGES) {
      kills += injectEach(call, "signal=KILL", (argv) => {
        writeFileSync(path, "old\n");
        Bun.spawnSync([...argv, "add", path, lock]);
        expect(readFileSync(path, "utf8")).toMatch(/^old\n(?:\d+ 0\n)?$/);
        const { mode, uid } = statSync(path);
        expect([mode & 0o777, uid]).toEqual([0o640, isRoot ? 12 : uid]);
      });
    }
    edit(path, "end", { backup: true });
    expect(readdirSync(dir).filter((name) => !name.includes("berth-backup"))).toEqual(["daemon.json"]);
    for (const name of readdirSync(dir))
      expect(readFileSync(join(dir, name), "utf8")).toMatch(/^(?:end|old\n(?:\d+ 0\n)?)$/);
    expect(kills).toBeGreaterThan(9);
  },
  60_000,
);

test.skipIf(!isTraceable)(
  "a call that fails leaves the old file and nothing else, or was of no consequence",
  () => {
    const { path, dir } = target();
    const lock = join(base, "run/lock");
    let faults = 0;
    for (const call of ["flock", "openat2", "fchown", "fchmod", "fsync", "renameat", "renameat2"]) {
      faults += injectEach(call, "error=EIO", (argv, wasReached) => {
        writeFileSync(path, "old\n");
        for (const name of readdirSync(dir).filter((each) => each.includes("backup"))) rmSync(join(dir, name));
        const { exitCode, stderr } = Bun.spawnSync([...argv, "add", path, lock]);
        const text = readFileSync(path, "utf8");
        if (wasReached() && exitCode !== 0) {
          expect(stderr.toString()).toMatch(/BERTH-T00[34]|Cannot change/);
          // Only the last one, which makes the exchange last, comes after it.
          if (call !== "fsync" && call !== "openat2") expect(text).toBe("old\n");
        } else expect(text).toMatch(/^old\n\d+ 0\n$/);
        expect(readdirSync(dir).filter((name) => name.startsWith("."))).toEqual([]);
      });
    }
    expect(faults).toBeGreaterThan(10);
  },
  60_000,
);

describe.skipIf(!isRoot)("what a file system does not allow is said, and changes nothing", () => {
  test("a full one", () => {
    const dir = folder();
    if (!mount("-t", "tmpfs", "-o", "size=16k", "tmpfs", dir)) return;
    const path = join(dir, "daemon.json");
    writeFileSync(path, "o".repeat(4096));
    expect(() => edit(path, "n".repeat(16_000))).toThrow("its file system is full");
    // Room for the new file, and none for the backup.
    writeFileSync(join(dir, "other"), "x".repeat(4096));
    expect(() => edit(path, "n".repeat(4097), { backup: true })).toThrow("its file system is full");
    expect(readFileSync(path, "utf8")).toBe("o".repeat(4096));
    expect(readdirSync(dir).toSorted()).toEqual(["daemon.json", "other"]);
  });

  test("one that is mounted read-only", () => {
    const dir = folder();
    if (!mount("-t", "tmpfs", "tmpfs", dir)) return;
    writeFileSync(join(dir, "daemon.json"), "old");
    Bun.spawnSync(["mount", "-o", "remount,ro", dir]);
    expect(() => edit(join(dir, "daemon.json"), "new")).toThrow("its file system is mounted read-only");
    expect(edit(join(dir, "daemon.json"), "old").kind).toBe("unchanged");
  });

  test("a single file that is mounted", () => {
    const { path, dir } = file();
    writeFileSync(join(dir, "source"), "source");
    if (!mount("--bind", join(dir, "source"), path)) return;
    expect(() => edit(path, "new", { backup: true })).toThrow("it is a mount of its own");
    expect(readFileSync(path, "utf8")).toBe("source");
    expect(readdirSync(dir).toSorted()).toEqual(["daemon.json", "source"]);
  });

  test("an immutable file, and one in an immutable folder", () => {
    const { path, dir } = file();
    if (Bun.spawnSync(["chattr", "+i", path]).exitCode !== 0) return;
    expect(() => edit(path, "new", { backup: true })).toThrow(`"${path}" is marked as immutable or append-only`);
    Bun.spawnSync(["chattr", "-i", path]);
    Bun.spawnSync(["chattr", "+i", dir]);
    expect(() => edit(path, "new")).toThrow(`"${dir}" is marked as immutable or append-only`);
    Bun.spawnSync(["chattr", "-i", dir]);
    expect(readFileSync(path, "utf8")).toBe("old\n");
    expect(readdirSync(dir)).toEqual(["daemon.json"]);
  });
});
