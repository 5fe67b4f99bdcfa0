import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const work = mkdtempSync(join(tmpdir(), "berth-mount-files-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/**
 * Runs TypeScript in a mount namespace of its own, with `Root`, `mountFiles` and a prepared root file system `rootfs` that has a tmpfs on /vol and procfs on /proc. Gives
 * back what it reports.
 */
function inNamespace(name: string, body: string): unknown {
  const rootfs = join(work, name);
  for (const folder of ["etc", "vol", "proc", "usr/lib"]) mkdirSync(join(rootfs, folder), { recursive: true });
  writeFileSync(join(rootfs, "etc/file"), "old");
  symlinkSync("/etc", join(rootfs, "link"));
  symlinkSync(join(work, "outside"), join(rootfs, "out"));
  const script = `
    import { readFileSync, writeFileSync, existsSync } from "node:fs";
    import { mountFiles, PROC_SUPER_MAGIC, Root, TMPFS_MAGIC } from ${JSON.stringify(join(import.meta.dir, "index.ts"))};
    const rootfs = ${JSON.stringify(rootfs)};
    const bytes = (text: string) => Buffer.from(text);
    const messageOf = (call: () => void) => { try { call(); return ""; } catch (error) { return String(error.message); } };
    const mounts = () => readFileSync("/proc/self/mountinfo", "utf8").split("\\n").filter((line) => line.includes(rootfs));
    console.log(JSON.stringify((() => { ${body} })()));`;
  const file = join(work, `${name}.ts`);
  writeFileSync(file, script);
  const prepare = `mount --make-rprivate / && mount --bind "$1" "$1" && mount -t tmpfs none "$1/vol" && touch "$1/vol/inside" && mount -t proc proc "$1/proc" && exec "$2" "$3"`;
  const words = ["unshare", "--mount", "sh", "-ec", prepare, "sh", rootfs, process.execPath, file];
  const { exitCode, stdout, stderr } = Bun.spawnSync(words);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

describe.skipIf(process.geteuid?.() !== 0)("in a mount namespace", () => {
  test("Root.openLayer sees and writes what lies below the mounts, and no mount", () => {
    const seen = inNamespace(
      "layer",
      `const [layer, whole] = [Root.openLayer(rootfs), Root.open(rootfs)];
       layer.replaceFile("/vol/new", bytes("x"), { mode: 0o644, uid: 0, gid: 0 });
       return [layer.list("/vol", 9), whole.list("/vol", 9), layer.resolve("/link/file"), layer.stat("/out"), layer.list("/proc", 9)];`,
    );
    expect(seen).toEqual([["new"], ["inside"], "/etc/file", null, []]);
    expect(readdirSync(join(work, "layer/vol"))).toEqual(["new"]);
  });

  test("Root.enter is a root of its own on the mount that is there, and says which file system it is", () => {
    const seen = inNamespace(
      "enter",
      `const whole = Root.open(rootfs);
       const vol = whole.enter("/vol");
       vol.replaceLink("/l", "inside", { uid: 0, gid: 0 });
       return [vol.list("/", 9).toSorted(), vol.fileSystem === TMPFS_MAGIC, whole.enter("/proc").fileSystem === PROC_SUPER_MAGIC, whole.enter("/none")];`,
    );
    expect(seen).toEqual([["inside", "l"], true, true, null]);
  });

  test("mountFiles puts files over what is there, read-only, also into procfs; the files below stay, and no tmpfs lies on the root", () => {
    const seen = inNamespace(
      "files",
      `const whole = Root.open(rootfs);
       mountFiles(whole, [{ path: "/link/file", bytes: bytes("new") }, { path: "/proc/version", bytes: bytes("mine"), on: PROC_SUPER_MAGIC }]);
       const write = messageOf(() => writeFileSync(rootfs + "/etc/file", "x"));
       const own = mounts().filter((line) => line.includes("/etc/file") || line.includes("/proc/version"));
       return [readFileSync(rootfs + "/etc/file", "utf8"), readFileSync(rootfs + "/proc/version", "utf8"), write, own.map((line) => line.split(" ")[5]), mounts().length];`,
    );
    const options = "ro,nosuid,nodev,noexec,relatime";
    expect(seen).toEqual(["new", "mine", expect.stringContaining("EROFS"), [options, options], 5]);
    expect(readFileSync(join(work, "files/etc/file"), "utf8")).toBe("old");
  });

  test("mountFiles refuses a place that is not there or on another file system, and leaves no mount behind", () => {
    const seen = inNamespace(
      "refused",
      `const whole = Root.open(rootfs);
       const before = mounts().length;
       return [
         messageOf(() => mountFiles(whole, [{ path: "/etc/none", bytes: bytes("x") }])),
         messageOf(() => mountFiles(whole, [{ path: "/etc/file", bytes: bytes("x"), on: PROC_SUPER_MAGIC }])),
         messageOf(() => mountFiles(whole, [{ path: "/out", bytes: bytes("x") }])),
         mounts().length - before,
       ];`,
    );
    expect(seen).toEqual([
      expect.stringContaining('there is no "/etc/none"'),
      expect.stringContaining('"/etc/file" is on another file system'),
      expect.stringContaining('there is no "/out"'),
      0,
    ]);
  });

  test("changeMode follows no link out, and changes what is on a mount, too", () => {
    const seen = inNamespace(
      "modes",
      `const whole = Root.open(rootfs);
       for (const path of ["/out", "/none", "/vol/inside", "/link/file"]) whole.changeMode(path, 0o711);
       return [whole.stat("/vol/inside").mode, whole.stat("/etc/file").mode, existsSync(${JSON.stringify(join(work, "outside"))})];`,
    );
    expect(seen).toEqual([0o711, 0o711, false]);
  });
});
