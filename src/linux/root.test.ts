import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError, errnoCode } from "../base/index.ts";
import { Root } from "./root.ts";

const US = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const PLAIN = { ...US, mode: 0o644 };
const isSuperuser = US.uid === 0;

let base: string;
let inside: string;
let outside: string;
let root: Root;
let before: string;

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "berth-root-")));
  inside = join(base, "rootfs");
  outside = join(base, "canary");
  for (const folder of [join(inside, "etc"), join(inside, "usr/lib"), join(outside, "etc"), join(outside, "lib")]) {
    mkdirSync(folder, { recursive: true });
  }
  writeFileSync(join(inside, "etc/plain"), "inside");
  writeFileSync(join(outside, "secret"), "outside");
  writeFileSync(join(outside, "etc/plain"), "outside");
  root = Root.open(inside);
  before = fingerprint(outside);
});

afterEach(() => {
  root.close();
  const after = fingerprint(outside);
  rmSync(base, { recursive: true, force: true });
  expect(after).toBe(before);
});

/** Everything below a folder, as text: names, modes, owners, sizes, link targets, hashes, times. */
function fingerprint(path: string): string {
  const stat = lstatSync(path);
  const own = [path, stat.mode, stat.uid, stat.gid, stat.size, stat.ino, stat.mtimeMs, stat.ctimeMs].join(" ");
  if (stat.isSymbolicLink()) return `${own} -> ${readlinkSync(path)}\n`;
  if (stat.isFile()) return `${own} ${createHash("sha256").update(readFileSync(path)).digest("hex")}\n`;
  const below = stat.isDirectory() ? readdirSync(path).toSorted() : [];
  return `${own}\n${below.map((name) => fingerprint(join(path, name))).join("")}`;
}

function link(target: string, path: string): void {
  symlinkSync(target, join(inside, path));
}

function refused(action: () => unknown): BerthError {
  try {
    action();
  } catch (error) {
    if (error instanceof BerthError) return error;
    throw error;
  }
  throw new Error("It was not refused");
}

function leftovers(folder: string): string[] {
  return readdirSync(join(inside, folder)).filter((name) => name.startsWith(".berth-"));
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (read: Uint8Array | undefined): string | undefined => read && Buffer.from(read).toString();

describe("reading", () => {
  test("stat and readFile see what a process inside would see", () => {
    link("/etc/plain", "usr/absolute");
    link("../../../../../../etc/plain", "usr/upwards");
    for (const path of ["/etc/plain", "/usr/absolute", "/usr/upwards", "//etc/./plain"]) {
      expect(text(root.readFile(path, 100))).toBe("inside");
      expect(root.stat(path)?.kind).toBe("file");
    }
    expect(root.lstat("/usr/absolute")?.kind).toBe("link");
    expect(root.stat("/")?.kind).toBe("folder");
  });

  test("stat tells the numbers of a file and of a device node", () => {
    chmodSync(join(inside, "etc/plain"), 0o4750);
    const { ino } = lstatSync(join(inside, "etc/plain"), { bigint: true });
    const dev = expect.stringMatching(/^\d+:\d+$/);
    const expected = { kind: "file", size: 6, mode: 0o4750, ...US, major: 0, minor: 0, ino, dev } as const;
    expect(root.stat("/etc/plain")).toEqual(expected);
    const machine = Root.open("/");
    expect(machine.stat("/dev/null")).toMatchObject({ kind: "char", major: 1, minor: 3 });
    machine.close();
  });

  test("nothing there is undefined, not an error", () => {
    link("/nowhere", "etc/dangling");
    for (const path of ["/nowhere", "/etc/nowhere/deeper", "/etc/plain/below", "/etc/dangling"]) {
      expect(root.stat(path)).toBeUndefined();
      expect(root.readFile(path, 10)).toBeUndefined();
      expect(root.list(path, 10)).toBeUndefined();
      expect(root.resolve(path)).toBeUndefined();
    }
    expect(root.readLink("/etc/plain")).toBeUndefined();
    expect(root.readLink("/nowhere/x")).toBeUndefined();
    expect(root.readLink("/etc/dangling")).toBe("/nowhere");
  });

  test("a link to a path of the machine stays inside", () => {
    link(outside, "etc/out");
    link("../../canary", "etc/up");
    expect(root.stat("/etc/out")).toBeUndefined();
    expect(root.readFile("/etc/out/secret", 100)).toBeUndefined();
    expect(root.readFile("/etc/up/secret", 100)).toBeUndefined();
  });

  test("links in a circle and links of procfs are refused", () => {
    link("loop-b", "etc/loop-a");
    link("loop-a", "etc/loop-b");
    expect(refused(() => root.stat("/etc/loop-a")).code).toBe("BERTH-P001");
    const machine = Root.open("/");
    const error = refused(() => machine.readFile("/proc/self/root/etc/passwd", 10 ** 6));
    expect(error.message).toContain("a link in it leads to no place in this root file system");
    machine.close();
  });

  test("readFile refuses a FIFO, a folder and a device without opening them", () => {
    Bun.spawnSync(["mkfifo", join(inside, "etc/fifo")]);
    expect(refused(() => root.readFile("/etc/fifo", 10)).message).toContain("it is not a regular file (fifo)");
    expect(refused(() => root.readFile("/etc", 10)).message).toContain("it is not a regular file (folder)");
    const machine = Root.open("/");
    expect(refused(() => machine.readFile("/dev/zero", 10)).message).toContain("it is not a regular file (char)");
    machine.close();
  });

  test("readFile refuses a file over the cap at once, a sparse terabyte too", () => {
    const fd = openSync(join(inside, "etc/huge"), "w");
    ftruncateSync(fd, 2 ** 40);
    closeSync(fd);
    expect(refused(() => root.readFile("/etc/huge", 10 ** 6)).message).toContain("it is larger than 1000000 bytes");
    expect(refused(() => root.readFile("/etc/plain", 5)).message).toContain("it is larger than 5 bytes");
    expect(text(root.readFile("/etc/plain", 6))).toBe("inside");
  });

  test("readFile reads files whose size is not told, as those of procfs, to the end or to the cap", () => {
    const machine = Root.open("/");
    expect(text(machine.readFile("/proc/self/maps", 10 ** 7))).toBeTruthy();
    expect(refused(() => machine.readFile("/proc/self/maps", 5000)).message).toContain("it is larger than 5000 bytes");
    machine.close();
  });

  test("list gives all names up to the cap", () => {
    const names = Array.from({ length: 1500 }, (_, index) => `a-rather-long-name-of-a-file-${index}`);
    for (const name of names) writeFileSync(join(inside, "usr/lib", name), "");
    expect(root.list("/usr/lib", 1500)?.toSorted()).toEqual(names.toSorted());
    expect(refused(() => root.list("/usr/lib", 1499)).message).toContain("it holds more than 1499 entries");
    expect(root.list("/etc", 10)).toEqual(["plain"]);
  });

  test("a path that is relative, holds .. or a NUL, or is too long is refused", () => {
    const long = `/${"x".repeat(4095)}`;
    for (const path of ["", "etc/plain", "/etc/../etc/plain", "/..", "/etc\0/plain", long]) {
      const acts = [
        () => root.stat(path),
        () => root.resolve(path),
        () => root.resolveDeep(path),
        () => root.readLink(path),
        () => root.unlink(path),
        () => root.makeFolders(path),
        () => root.replaceFile(path, bytes("x"), PLAIN),
      ];
      for (const act of acts) expect(refused(act).code).toBe("BERTH-P001");
    }
  });
});

describe("resolving", () => {
  test("resolve gives the path without links", () => {
    link("usr/lib", "lib");
    link("/lib/../lib", "usr/lib64");
    writeFileSync(join(inside, "usr/lib/x"), "");
    expect(root.resolve("/lib/x")).toBe("/usr/lib/x");
    expect(root.resolve("/usr/lib64/x")).toBe("/usr/lib/x");
    expect(root.resolve("/")).toBe("/");
  });

  test.each([
    ["/usr/lib/x", "/usr/lib/x", false],
    ["/etc/plain", "/etc/plain", true],
    ["/lib/a/b", "/usr/lib/a/b", false],
    ["/to-nothing/a", "/new/folder/a", false],
    ["/to-nothing", "/new/folder", false],
    ["/out/a", "/canary/a", false],
    ["/etc/plain/a", "/etc/plain/a", false],
    ["/back/x", "/usr/lib/x", false],
  ])("resolveDeep leads %s to %s, whether or not it exists", (path, expected, exists) => {
    link("usr/lib", "lib");
    link("/new/folder", "to-nothing");
    link("../../../canary", "out");
    link("/missing/../lib", "back");
    expect(root.resolveDeep(path)).toEqual({ path: expected, exists });
  });

  test("resolveDeep refuses links without an end", () => {
    link("/grow/x", "grow");
    expect(refused(() => root.resolveDeep("/grow/y")).code).toBe("BERTH-P001");
  });
});

describe("writing", () => {
  test("makeFolders makes what is missing, whatever the umask, and says what it made", () => {
    link("usr/lib", "lib");
    const umask = process.umask(0o077);
    expect(root.makeFolders("/lib/a/b")).toEqual(["/usr/lib/a", "/usr/lib/a/b"]);
    process.umask(umask);
    expect(lstatSync(join(inside, "usr/lib/a/b")).mode & 0o7777).toBe(0o755);
    expect(root.makeFolders("/lib/a/b")).toEqual([]);
    expect(root.makeFolders("/")).toEqual([]);
    expect(root.makeFolders("/top")).toEqual(["/top"]);
  });

  test.skipIf(!isSuperuser)("what is made belongs to the owner that was given", () => {
    const owner = { uid: 100000, gid: 100001 };
    root.makeFolders("/x/y", owner);
    root.replaceFile("/x/file", bytes("x"), { ...owner, mode: 0o4711 });
    root.replaceLink("/x/link", "/anywhere", owner);
    for (const path of ["/x", "/x/y", "/x/file", "/x/link"]) expect(root.lstat(path)).toMatchObject(owner);
    expect(root.lstat("/x/file")?.mode).toBe(0o4711);
  });

  test("replaceFile puts a new file in place, with its mode, and leaves nothing else", () => {
    const umask = process.umask(0o077);
    root.replaceFile("/etc/plain", bytes("new"), { ...US, mode: 0o664 });
    process.umask(umask);
    expect(text(root.readFile("/etc/plain", 10))).toBe("new");
    expect(root.stat("/etc/plain")?.mode).toBe(0o664);
    expect(readdirSync(join(inside, "etc"))).toEqual(["plain"]);
  });

  test("replaceFile takes away what a killed process left in the folder, and nothing else", () => {
    for (const name of [".berth-999999999", ".berth-1", ".berth-x"]) writeFileSync(join(inside, "etc", name), "");
    root.replaceFile("/etc/plain", bytes("new"), PLAIN);
    expect(leftovers("etc").toSorted()).toEqual([".berth-1", ".berth-x"]);
    for (const name of [".berth-1", ".berth-x"]) root.unlink(`/etc/${name}`);
  });

  test("replaceFile replaces a link, and a second name of a file, instead of what they lead to", () => {
    link(join(outside, "secret"), "etc/link");
    root.replaceFile("/etc/link", bytes("new"), PLAIN);
    expect(root.lstat("/etc/link")?.kind).toBe("file");

    linkSync(join(outside, "secret"), join(inside, "etc/hard"));
    root.replaceFile("/etc/hard", bytes("new"), PLAIN);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("outside");
    // The second name itself changed the times of the file.
    before = fingerprint(outside);
  });

  test("replaceLink makes and replaces links, stores the target as it is, and does nothing for the same one", () => {
    root.replaceLink("/usr/lib/libx.so", "libx.so.1", US);
    const { ino } = lstatSync(join(inside, "usr/lib/libx.so"));
    root.replaceLink("/usr/lib/libx.so", "libx.so.1", US);
    expect(lstatSync(join(inside, "usr/lib/libx.so")).ino).toBe(ino);
    root.replaceLink("/usr/lib/libx.so", "../../../../odd//target", US);
    expect(root.readLink("/usr/lib/libx.so")).toBe("../../../../odd//target");
    root.replaceLink("/etc/plain", "/x", US);
    expect(root.readLink("/etc/plain")).toBe("/x");
    expect(leftovers("usr/lib")).toEqual([]);
  });

  test("a folder in the place of a file or link is refused, and nothing is left behind", () => {
    const file = refused(() => root.replaceFile("/usr/lib", bytes("x"), PLAIN));
    expect(file.message).toContain("a folder is in its place");
    expect(refused(() => root.replaceLink("/usr/lib", "x", US)).code).toBe("BERTH-P001");
    expect(refused(() => root.replaceFile("/", bytes("x"), PLAIN)).message).toContain("it is the root itself");
    expect(leftovers("usr")).toEqual([]);
  });

  test("a folder that is missing is refused by the writers", () => {
    const error = refused(() => root.replaceFile("/nowhere/x", bytes("x"), PLAIN));
    expect(error.message).toContain("it or its folder does not exist");
    expect(errnoCode(error.cause)).toBe("ENOENT");
  });

  test("unlink and removeFolder say whether they removed something", () => {
    link("/etc", "usr/link");
    expect(root.unlink("/usr/link")).toBe(true);
    expect(existsSync(join(inside, "etc/plain"))).toBe(true);
    expect(root.unlink("/usr/link")).toBe(false);
    expect(root.unlink("/nowhere/x")).toBe(false);
    expect(root.removeFolder("/etc")).toBe(false);
    expect(root.removeFolder("/usr/lib")).toBe(true);
    expect(root.removeFolder("/usr/lib")).toBe(false);
    expect(refused(() => root.unlink("/usr")).code).toBe("BERTH-P001");
  });
});

const DEVICE: readonly [string, (target: string) => void] = [
  "a device node",
  (path) => Bun.spawnSync(["mknod", join(inside, path), "c", "1", "5"]),
];

const ATTACKS: readonly (readonly [string, (target: string) => void])[] = [
  ["an absolute link", (path) => link(outside, path)],
  ["a link upwards", (path) => link("../../../../../../../../../../canary", path)],
  ["a link upwards through what exists", (path) => link("../canary", path)],
  ["a link into procfs", (path) => link("/proc/1/root", path)],
  ["a link to the current folder of a process", (path) => link("/proc/self/cwd", path)],
  ["a dangling link", (path) => link("/nowhere/at/all", path)],
  ["a link to itself", (path) => link(path.split("/").at(-1) ?? "", path)],
  ["a FIFO", (path) => Bun.spawnSync(["mkfifo", join(inside, path)])],
  ...(isSuperuser ? [DEVICE] : []),
  ["a file", (path) => writeFileSync(join(inside, path), "")],
];

describe.each(ATTACKS)("with %s in the place of a folder", (_, attack) => {
  test.each(["etc", "usr", "usr/lib"])("nothing outside is changed, and nothing hangs (/%s)", (place) => {
    rmSync(join(inside, place), { recursive: true });
    attack(place);
    const path = `/${place}/lib/x`;
    const acts = [
      () => root.makeFolders(`/${place}/lib`),
      () => root.replaceFile(path, bytes("escaped"), PLAIN),
      () => root.replaceFile(`/${place}`, bytes("escaped"), PLAIN),
      () => root.replaceLink(`/${place}/etc`, "escaped", US),
      () => root.unlink(`/${place}/secret`),
      () => root.removeFolder(`/${place}/lib`),
      () => root.readFile(`/${place}/secret`, 100),
      () => root.list(`/${place}`, 100),
    ];
    for (const act of acts) {
      let result: unknown;
      try {
        result = act();
      } catch (error) {
        expect(error).toBeInstanceOf(BerthError);
      }
      expect(result instanceof Uint8Array ? text(result) : undefined).not.toBe("outside");
    }
    expect(fingerprint(outside)).toBe(before);
  });
});

test("makeFolders refuses a dangling link on the way instead of making its target", () => {
  link("/new/place", "usr/dangling");
  const error = refused(() => root.makeFolders("/usr/dangling/x"));
  expect(error.code).toBe("BERTH-P001");
  expect(existsSync(join(inside, "new"))).toBe(false);
});

/** Runs statements on `root` in a process of its own, started by `prefix`; "$RUN" in it is the command. */
function runOnRoot(prefix: string, statements: string): string[] {
  const script = `
    import { Root } from ${JSON.stringify(join(import.meta.dir, "root.ts"))};
    const say = (act) => { try { console.log("done", act()); } catch (error) { console.log(error.code, error.message); } };
    const us = { mode: 0o644, uid: ${US.uid}, gid: ${US.gid} };
    const open = () => Root.open(${JSON.stringify(inside)});
    ${statements}
  `;
  const env = { ...process.env, SCRIPT: script, BUN: process.execPath };
  const command = prefix.replace("$RUN", '"$BUN" -e "$SCRIPT"');
  const { stdout, stderr, exitCode } = Bun.spawnSync(["sh", "-c", command], { env });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout.toString().trim().split("\n");
}

test.skipIf(!isSuperuser)("nothing is written through a mount, and the reason says so", () => {
  const lines = runOnRoot(
    `unshare -m sh -c 'mount --bind "${outside}/etc" "${inside}/etc" && exec $RUN'`,
    `const root = open();
    say(() => root.replaceFile("/etc/x", new Uint8Array(1), us));
    say(() => root.makeFolders("/etc/deep/er"));
    say(() => root.unlink("/etc/plain"));
    say(() => root.replaceLink("/usr/lib/x", "y", us));
    console.log(new TextDecoder().decode(root.readFile("/etc/plain", 100)));`,
  );
  expect(lines).toHaveLength(5);
  for (const line of lines.slice(0, 3)) {
    expect(line).toContain("BERTH-P001");
    expect(line).toContain("it is on another mount, and nothing is written into a volume");
  }
  expect(lines.slice(3)).toEqual(["done undefined", "outside"]);
});

test.skipIf(!isSuperuser)("a full and a read-only file system are told apart, and nothing is left behind", () => {
  const lines = runOnRoot(
    `unshare -m sh -c 'mount -t tmpfs -o size=64k none "${inside}" && exec $RUN'`,
    `import { mkdirSync, readdirSync } from "node:fs";
    const root = open();
    say(() => root.replaceFile("/small", new Uint8Array(10), us));
    say(() => root.replaceFile("/large", new Uint8Array(10 ** 6), us));
    Bun.spawnSync(["mount", "-o", "remount,ro", ${JSON.stringify(inside)}]);
    say(() => root.replaceFile("/small", new Uint8Array(11), us));
    say(() => root.makeFolders("/a/b"));
    say(() => root.list("/", 10).join(" "));`,
  );
  expect(lines[0]).toBe("done undefined");
  expect(lines[1]).toContain("the file system is full (ENOSPC)");
  expect(lines[2]).toContain("the file system is read-only (EROFS)");
  expect(lines[3]).toContain("the file system is read-only (EROFS)");
  expect(lines[4]).toBe("done small");
});

describe.skipIf(Bun.which("strace") === null)("when a kernel call fails", () => {
  test("mkdirat half-way, the folders that were made are gone again", () => {
    const lines = runOnRoot(
      "strace -qq -f -o /dev/null -e inject=mkdirat:error=ENOSPC:when=3 $RUN",
      'const root = open(); say(() => root.makeFolders("/etc/a/b/c/d"));',
    );
    expect(lines.join()).toContain("the file system is full (ENOSPC)");
    expect(readdirSync(join(inside, "etc"))).toEqual(["plain"]);
  });

  test.each(["fchown", "fchmod", "renameat", "symlinkat", "fchownat"])("%s, nothing is left behind", (call) => {
    const lines = runOnRoot(
      `strace -qq -f -o /dev/null -e inject=${call}:error=EIO $RUN`,
      `const root = open();
      say(() => { root.replaceFile("/etc/plain", new Uint8Array(10), us); root.replaceLink("/etc/link", "x", us); });`,
    );
    expect(lines.join()).toContain("BERTH-P001");
    expect(leftovers("etc")).toEqual([]);
  });

  test.each(["ENOSYS", "EPERM"])("openat2 with %s, the message says what the kernel lacks", (code) => {
    const [line] = runOnRoot(`strace -qq -f -o /dev/null -e inject=openat2:error=${code} $RUN`, "say(open);");
    expect(line).toContain("BERTH-K001");
    expect(line).toContain(`the kernel refused openat2 (${code})`);
  });

  test("openat2 with EAGAIN, it is tried again 128 times and then given up", () => {
    const act = 'const root = open(); say(() => root.stat("/etc/plain").kind);';
    const often = runOnRoot("strace -qq -f -o /dev/null -e inject=openat2:error=EAGAIN:when=2..128 $RUN", act);
    expect(often).toEqual(["done file"]);
    const always = runOnRoot("strace -qq -f -o /dev/null -e inject=openat2:error=EAGAIN:when=2+ $RUN", act);
    expect(always.join()).toContain("its folders are being changed at the same time");
  });
});

/** Another process that swaps `a` and `b` without a pause until it is killed. */
function startSwapping(a: string, b: string): { stop(): Promise<unknown> } {
  const script = `
    import { trySyscall } from ${JSON.stringify(join(import.meta.dir, "sys.ts"))};
    for (;;) trySyscall("renameat2", -100, ${JSON.stringify(a)}, -100, ${JSON.stringify(b)}, 2);
  `;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "ignore", stderr: "ignore" });
  return {
    stop: () => {
      child.kill("SIGKILL");
      return child.exited;
    },
  };
}

/** Calls `act` with 0, 1, 2 … until it returns true or the time is up; returns how often. */
function repeat(milliseconds: number, act: (round: number) => boolean): number {
  const end = Bun.nanoseconds() + milliseconds * 1e6;
  let round = 0;
  while (Bun.nanoseconds() < end && !act(round)) round++;
  return round;
}

/** What this file must never do: check a path as text, then use it. */
function writeNaively(path: string, name: string): void {
  try {
    const real = realpathSync(join(inside, path));
    if (real.startsWith(`${inside}/`)) writeFileSync(join(real, name), "escaped");
  } catch {
    // The swap came between: the next round tries again.
  }
}

test("a folder that is swapped for a link all the time never leads outside, where a check of the path does", async () => {
  const control = join(base, "control");
  mkdirSync(control);
  link(control, "usr/evil");
  const first = startSwapping(join(inside, "usr/lib"), join(inside, "usr/evil"));
  repeat(4000, (round) => {
    writeNaively("/usr/lib", `naive-${round % 8}`);
    return round % 16 === 0 && readdirSync(control).length > 0;
  });
  await first.stop();
  expect(readdirSync(control).length).toBeGreaterThan(0);

  rmSync(join(inside, "usr"), { recursive: true });
  mkdirSync(join(inside, "usr/lib"), { recursive: true });
  link(join(outside, "lib"), "usr/evil");
  const second = startSwapping(join(inside, "usr/lib"), join(inside, "usr/evil"));
  let done = 0;
  let refusals = 0;
  repeat(1200, (round) => {
    const acts = [
      () => root.replaceFile("/usr/lib/file", bytes("new"), PLAIN),
      () => root.replaceLink("/usr/lib/link", `target-${round}`, US),
      () => root.makeFolders(`/usr/lib/folder-${round % 64}/deep`, US),
      () => root.removeFolder(`/usr/lib/folder-${round % 64}/deep`),
      () => root.unlink("/usr/lib/file"),
    ];
    for (const act of acts) {
      try {
        act();
        done++;
      } catch (error) {
        expect(error).toBeInstanceOf(BerthError);
        refusals++;
      }
    }
    return false;
  });
  await second.stop();
  expect(done).toBeGreaterThan(50);
  expect(refusals).toBeGreaterThan(50);
  expect(fingerprint(outside)).toBe(before);
}, 15_000);
