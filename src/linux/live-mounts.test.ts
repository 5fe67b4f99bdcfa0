import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const work = mkdtempSync(join(tmpdir(), "berth-live-mounts-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

let count = 0;

/**
 * Runs TypeScript on this machine beside a process whose mount namespace has a prepared root file system, a mount of its own (shared with this machine's where `propagation`
 * is "shared"), with a tmpfs on /dev. `scene` is that of `placeMounts`; `inside(command)` is a shell's output in the other namespace. Gives back what `body` returns.
 */
function besideContainer(body: string, propagation = "private"): unknown {
  const rootfs = join(work, String(++count));
  for (const folder of ["etc", "dev", "empty"]) mkdirSync(join(rootfs, folder), { recursive: true });
  writeFileSync(join(rootfs, "etc/file"), "old");
  symlinkSync("/etc", join(rootfs, "link"));
  writeFileSync(join(work, "source"), "new");
  const file = join(work, `${count}.ts`);
  writeFileSync(
    file,
    `import { readFileSync, readdirSync, existsSync, readlinkSync, symlinkSync } from "node:fs";
     import { MountNamespace, placeMounts, ProcessHandle, readMountTable, Root, unmountAll, makeTmpfs, writeNewFile } from ${JSON.stringify(join(import.meta.dir, "index.ts"))};
     const [rootfs, pid] = [${JSON.stringify(rootfs)}, Number(process.argv[2])];
     const messageOf = (call: () => void) => { try { call(); return ""; } catch (error) { return String(error.message); } };
     const inside = (command: string) => Bun.spawnSync(["nsenter", "--mount=/proc/" + pid + "/ns/mnt", "sh", "-c", "cd " + rootfs + "; " + command]).stdout.toString().trim();
     const tableOf = (id: number | string) => readFileSync("/proc/" + id + "/mountinfo", "utf8").split("\\n").filter((line) => line.includes(rootfs));
     const handle = ProcessHandle.open(pid);
     const whole = Root.open(handle.folder + "/root" + rootfs, rootfs);
     const scene = { namespace: MountNamespace.of(handle), whole, table: readMountTable(handle.folder), rootPoint: whole.place };
     const source = ${JSON.stringify(join(work, "source"))};
     const flags = new Set(["ro", "nosuid", "nodev", "noexec"]);
     console.log(JSON.stringify((() => { ${body} })()));`,
  );
  // The machine of the test is a namespace, too: what it mounts is gone with it.
  const script = `mount --make-rprivate / && mount --bind "$1" "$1" && mount -t tmpfs -o mode=755 none "$1/dev" && mount --make-${propagation} "$1" && mount --make-${propagation} "$1/dev"
    unshare --mount --propagation unchanged sleep 60 & other=$!
    while [ "$(readlink /proc/$other/ns/mnt)" = "$(readlink /proc/$$/ns/mnt)" ]; do sleep 0.02; done
    "$2" "$3" $other; status=$?; kill $other; exit $status`;
  const words = ["unshare", "--mount", "sh", "-uc", script, "sh", rootfs, process.execPath, file];
  const { exitCode, stdout, stderr } = Bun.spawnSync(words);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

describe.skipIf(process.geteuid?.() !== 0)("beside a container's mount namespace", () => {
  test("placeMounts mounts there and not here, with the flags in force, and comes home to its own root and folder", () => {
    const seen = besideContainer(
      `const before = [process.cwd(), readlinkSync("/proc/self/ns/mnt"), readlinkSync("/proc/self/root")];
       placeMounts(scene, [{ source, path: "/link/file", flags }]);
       const after = [process.cwd(), readlinkSync("/proc/self/ns/mnt"), readlinkSync("/proc/self/root")];
       return [inside("cat etc/file"), readFileSync(rootfs + "/etc/file", "utf8"), JSON.stringify(before) === JSON.stringify(after),
         tableOf(pid).find((line) => line.includes("/etc/file")).split(" ")[5], inside("echo x >etc/file || echo refused")];`,
    );
    expect(seen).toEqual(["new", "old", true, "ro,nosuid,nodev,noexec,relatime", "refused"]);
  });

  test("placeMounts gives a device that can be opened, and refuses another device than was meant", () => {
    const seen = besideContainer(
      `inside("touch dev/full");
       const mount = { source: "/dev/full", path: "/dev/full", flags: new Set(["ro", "nosuid", "noexec"]) };
       const wrong = messageOf(() => placeMounts(scene, [{ ...mount, device: { major: 1, minor: 3 } }]));
       placeMounts(scene, [{ ...mount, device: { major: 1, minor: 7 } }]);
       return [wrong, inside("head -c 2 dev/full | od -An -tx1"), inside("chmod 600 dev/full || echo refused")];`,
    );
    expect(seen).toEqual([expect.stringContaining('"/dev/full" is not the character device 1:3'), "00 00", "refused"]);
  });

  test("placeMounts is all or nothing, and its undo takes off what it mounted", () => {
    const seen = besideContainer(
      `const before = tableOf(pid);
       const good = { source, path: "/etc/file", flags };
       const messages = [
         messageOf(() => placeMounts(scene, [good, { source, path: "/none", flags }])),
         messageOf(() => placeMounts(scene, [good, { source: "/none", path: "/etc/file", flags }])),
         messageOf(() => placeMounts(scene, [good, { source, path: "/empty", flags }])),
       ];
       const untouched = JSON.stringify(tableOf(pid)) === JSON.stringify(before);
       const undo = placeMounts(scene, [good, good]);
       const two = tableOf(pid).length - before.length;
       undo();
       return [messages, untouched, two, JSON.stringify(tableOf(pid)) === JSON.stringify(before)];`,
    );
    expect(seen).toEqual([
      [
        expect.stringContaining('there is no "/none"'),
        expect.stringContaining("it or its folder does not exist (ENOENT)"),
        expect.stringContaining('move_mount "/empty": EINVAL'),
      ],
      true,
      2,
      true,
    ]);
  });

  test("placeMounts mounts a tmpfs of our own, and unmountAll passes over what is not mounted", () => {
    const seen = besideContainer(
      `const tmpfs = makeTmpfs(0o555);
       writeNewFile(tmpfs, "a/b", Buffer.from("deep"));
       placeMounts(scene, [{ source: tmpfs, path: "/empty", flags }, { source, path: "/empty/a/b", flags }]);
       const got = [inside("cat empty/a/b"), inside("touch empty/x || echo refused")];
       unmountAll(scene, ["/etc/file", "/empty", "/empty/a/b", "/none"]);
       return [...got, inside("ls empty"), readdirSync(rootfs + "/empty")];`,
    );
    expect(seen).toEqual(["new", "refused", "", []]);
  });

  test("placeMounts mounts on what a link in the last place leads to, and its undo and unmountAll take it off there", () => {
    const seen = besideContainer(
      `symlinkSync("file", rootfs + "/etc/name");
       const before = tableOf(pid).length;
       const place = () => placeMounts(scene, [{ source, path: "/link/name", flags }]);
       const undo = place();
       const mounted = inside("cat etc/file");
       undo();
       const undone = tableOf(pid).length - before;
       place();
       unmountAll(scene, ["/link/name"]);
       const failed = messageOf(() => placeMounts(scene, [{ source, path: "/link/name", flags }, { source, path: "/none", flags }]));
       return [mounted, undone, tableOf(pid).length - before, failed !== ""];`,
    );
    expect(seen).toEqual(["new", 0, 0, true]);
  });

  test("placeMounts refuses a place in a mount that the machine shares and that cannot be kept to the container, and nothing shows here", () => {
    const seen = besideContainer(
      `const before = [tableOf("self"), tableOf(pid)];
       const lost = { ...scene, rootPoint: "/elsewhere" };
       const message = messageOf(() => placeMounts(lost, [{ source, path: "/etc/file", flags }]));
       return [message, JSON.stringify([tableOf("self"), tableOf(pid)]) === JSON.stringify(before)];`,
      "shared",
    );
    expect(seen).toEqual([expect.stringContaining("what is mounted there would show on this machine"), true]);
  });

  test("what is mounted in a mount that the machine shares stays in the container, and the mount is shared as before", () => {
    const seen = besideContainer(
      `inside("touch dev/full");
       const [here, there] = [tableOf("self"), tableOf(pid)];
       const undo = placeMounts(scene, [{ source, path: "/etc/file", flags }, { source: "/dev/full", path: "/dev/full", flags: new Set(["ro"]) }]);
       const mounted = [inside("cat etc/file"), JSON.stringify(tableOf("self")) === JSON.stringify(here)];
       const peers = (lines: string[]) => lines.slice(0, 2).map((line) => line.match(/ shared:[0-9]+ /)?.[0]);
       const kept = JSON.stringify(peers(tableOf(pid))) === JSON.stringify(peers(there));
       undo();
       const undone = [JSON.stringify(tableOf("self")) === JSON.stringify(here), JSON.stringify(tableOf(pid)) === JSON.stringify(there)];
       inside("mount -t tmpfs none empty");
       return [...mounted, kept, peers(there).every((peer) => peer !== undefined), undone, tableOf("self").length - here.length];`,
      "shared",
    );
    expect(seen).toEqual(["new", true, true, true, [true, true], 1]);
  });

  test("a process that is gone cannot be mistaken for another one", () => {
    const seen = besideContainer(
      `const child = Bun.spawnSync(["true"]);
       const start = handle.startTime;
       process.kill(pid, "SIGKILL");
       while (handle.startTime !== undefined && !handle.read("stat", 4096).includes(") Z ")) Bun.sleepSync(5);
       return [Number(start) > 0, ProcessHandle.open(child.pid) === undefined, messageOf(() => MountNamespace.of(handle)) !== ""];`,
    );
    expect(seen).toEqual([true, true, true]);
  });
});
