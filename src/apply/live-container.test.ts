import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const work = mkdtempSync(join(tmpdir(), "berth-live-container-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

let count = 0;
const PIVOT_ROOT = process.arch === "arm64" ? 41 : 155;

/**
 * Runs TypeScript beside a process that has made `rootfs` the root of its mount namespace, with a read-only volume of this machine's folder `secret` on /vol, a tmpfs of this machine
 * on /shm and what `dev` mounts on ./dev, and then runs `last`, in Perl. Gives back what `body` returns.
 */
function besidePivoted(
  body: string,
  { last = "1", dev = "mount -t tmpfs none dev" } = {},
): { readonly seen: unknown; readonly secret: string } {
  const top = join(work, String(++count));
  const [rootfs, secret, file] = [join(top, "rootfs"), join(top, "secret"), join(top, "run.ts")];
  for (const folder of [
    `${secret}/etc`,
    `${rootfs}/etc`,
    `${rootfs}/vol`,
    `${rootfs}/dev`,
    `${rootfs}/shm`,
    `${rootfs}/old`,
  ])
    mkdirSync(folder, { recursive: true });
  writeFileSync(`${rootfs}/etc/name`, "container");
  writeFileSync(`${secret}/etc/name`, "machine");
  symlinkSync("/etc/name", `${secret}/out`);
  writeFileSync(
    file,
    `import { openLiveContainer } from ${JSON.stringify(join(import.meta.dir, "live-container.ts"))};
     import { lookIntoVolume, viewContainer } from ${JSON.stringify(join(import.meta.dir, "container-view.ts"))};
     import { mountsOf } from ${JSON.stringify(join(import.meta.dir, "../oci/index.ts"))};
     import { refuseOwnNamespace } from ${JSON.stringify(join(import.meta.dir, "live.ts"))};
     const [pid, top] = [Number(process.argv[2]), ${JSON.stringify(top)}];
     const messageOf = (call: () => void) => { try { call(); return ""; } catch (error) { return String(error.message); } };
     const open = () => openLiveContainer({ pid, rootfs: undefined, spec: undefined, bundleDir: "/" });
     const textOf = (root: any, path: string) => Buffer.from(root.readFile(path, 99) ?? "").toString();
     console.log(JSON.stringify((() => { ${body} })()));`,
  );
  const perl = `chdir $ARGV[0] or die; system("${dev}") == 0 or die; syscall(${PIVOT_ROOT}, my $new = ".", my $old = "old") == 0 or die "pivot_root: $!"; ${last}; $| = 1; print "ready\\n"; sleep 60`;
  const script = `mount --make-rprivate / && mount --bind "$1" "$1" && mount --bind "$2" "$1/vol" && mount -o remount,bind,ro "$1/vol" && mount -t tmpfs none "$1/shm"
    mkfifo "$5/ready"; unshare --mount perl -e "$6" "$1" >"$5/ready" & other=$!
    read line <"$5/ready"; "$3" "$4" $other; status=$?; kill $other; exit $status`;
  const words = ["unshare", "--mount", "sh", "-uc", script, "sh", rootfs, secret, process.execPath, file, top, perl];
  const { exitCode, stdout, stderr } = Bun.spawnSync(words);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return { seen: JSON.parse(stdout.toString()), secret };
}

const hasPerl = Bun.which("perl") !== null;

describe.skipIf(process.geteuid?.() !== 0 || !hasPerl)("beside a container that runs (needs root and perl)", () => {
  const LOOK = `using container = open();
    const { whole, layer, table, rootPoint, spec } = container;
    refuseOwnNamespace(container);
    layer.replaceFile("/etc/new", Buffer.from("x"), { mode: 0o644, uid: 0, gid: 0 });
    const points = table.map(({ point }) => point);
    return [textOf(whole, "/etc/name"), textOf(layer, "/etc/name"), textOf(whole, "/vol/etc/name"), layer.list("/vol", 9), whole.stat("/etc/new")?.kind,
      rootPoint, points.includes("/vol"), spec.mounts.some(({ destination, type }: any) => destination === "/dev" && type === "tmpfs")];`;
  const SEEN = ["container", "container", "machine", [], "file", "/", true, true];

  test("openLiveContainer opens its root file system with the mounts, its layer without them, and its table", () => {
    expect(besidePivoted(LOOK).seen).toEqual(SEEN);
  });

  test("openLiveContainer takes the root of the mount namespace, though the process has changed its own into a volume", () => {
    const { seen, secret } = besidePivoted(LOOK, { last: 'chroot "/vol" or die' });
    expect(seen).toEqual(SEEN);
    expect(existsSync(`${secret}/etc/new`)).toBe(false);
  });

  test("openLiveContainer takes a tmpfs for the container's own that this machine has not mounted, on /dev, too", () => {
    const kinds = `using container = open();
      const view = viewContainer(container.layer, mountsOf(container.spec), true, container.whole);
      return ["/dev", "/shm", "/vol", "/etc"].map((path) => view.folder(path).cover?.kind);`;
    expect(besidePivoted(kinds).seen).toEqual(["empty", "volume", "volume", null]);
    expect(besidePivoted(kinds, { dev: "mount --bind shm dev" }).seen).toEqual(["volume", "volume", "volume", null]);
  });

  test("lookIntoVolume looks where the container sees a volume, and follows no link of the container on this machine", () => {
    const { seen } = besidePivoted(
      `using container = open();
       const { whole, layer, spec } = container;
       const view = viewContainer(layer, mountsOf(spec), true, whole);
       const look = (path: string) => {
         const { kind, bytes } = lookIntoVolume(path, view, { bundleDir: "/", maxBytes: 99 });
         return [kind, Buffer.from(bytes ?? "").toString()];
       };
       return [look("/vol/etc/name"), look("/vol/etc/none"), look("/vol/out"), look("/dev/none")];`,
    );
    expect(seen).toEqual([
      ["file", "machine"],
      [null, ""],
      ["file", "container"],
      [null, ""],
    ]);
  });
});

describe.skipIf(process.geteuid?.() !== 0)("beside a process with this machine's root (needs root)", () => {
  test("refuseOwnNamespace refuses this machine's own mounts, and its root file system in another mount namespace", () => {
    const file = join(work, "refuse.ts");
    writeFileSync(
      file,
      `import { openLiveContainer } from ${JSON.stringify(join(import.meta.dir, "live-container.ts"))};
       import { refuseOwnNamespace } from ${JSON.stringify(join(import.meta.dir, "live.ts"))};
       using container = openLiveContainer({ pid: Number(process.argv[2]), rootfs: undefined, spec: undefined, bundleDir: "/" });
       try { refuseOwnNamespace(container); } catch (error) { console.log(error.code, error.message); }`,
    );
    const script = `"$1" "$2" $$; unshare --mount sleep 60 & other=$!
      while [ "$(readlink /proc/$other/ns/mnt)" = "$(readlink /proc/$$/ns/mnt)" ]; do sleep 0.02; done
      "$1" "$2" $other; kill $other`;
    const { stdout } = Bun.spawnSync(["sh", "-uc", script, "sh", process.execPath, file]);
    expect(stdout.toString().trim().split("\n")).toEqual([
      expect.stringMatching(/^BERTH-P004 .*it has no mount namespace of its own/),
      expect.stringMatching(/^BERTH-P004 .*its root file system is this machine's/),
    ]);
  });
});
