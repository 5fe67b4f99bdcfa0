import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const work = mkdtempSync(join(tmpdir(), "berth-mount-namespace-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

let count = 0;

/** Runs TypeScript beside a process with a mount namespace of its own, `other`, in which a tmpfs with the file `there` lies on the folder `point`. Gives back what `body` returns. */
function besideNamespace(body: string): unknown {
  const file = join(work, `${++count}.ts`);
  writeFileSync(
    file,
    `import { existsSync, readlinkSync, readdirSync, statSync } from "node:fs";
     import { MountNamespace, ProcessHandle, Root } from ${JSON.stringify(join(import.meta.dir, "index.ts"))};
     const [other, point] = [Number(process.argv[2]), ${JSON.stringify(join(work, "point"))}];
     const namespaceNow = () => readlinkSync("/proc/thread-self/ns/mnt");
     const now = () => [namespaceNow(), process.cwd(), readlinkSync("/proc/thread-self/root"), statSync("/").ino, existsSync(point + "/there")].join();
     const descriptors = () => readdirSync("/proc/self/fd").length;
     using handle = ProcessHandle.open(other);
     using namespace = MountNamespace.of(handle);
     console.log(JSON.stringify(await (async () => { ${body} })()));
     process.exit(0);`,
  );
  const script = `mkdir -p "$1" && mount --make-rprivate / && { unshare --mount sh -c 'mount -t tmpfs none "$1" && touch "$1/there" && echo ready && exec sleep 60' sh "$1" >"$1.ready" & } ; other=$!
    while ! grep -q ready "$1.ready" 2>/dev/null; do sleep 0.02; done
    cd /usr; "$2" "$3" $other; status=$?; kill $other; exit $status`;
  const words = ["unshare", "--mount", "sh", "-uc", script, "sh", join(work, "point"), process.execPath, file];
  rmSync(join(work, "point.ready"), { force: true });
  const { exitCode, stdout, stderr } = Bun.spawnSync(words);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

describe.skipIf(process.geteuid?.() !== 0)("beside another mount namespace (needs root)", () => {
  test("MountNamespace.within works in the other namespace and comes home to its own, its root and its folder", () => {
    const seen = besideNamespace(
      `const before = now();
       const inside = namespace.within(() => [existsSync(point + "/there"), namespaceNow() === readlinkSync("/proc/" + other + "/ns/mnt")]);
       return [inside, now() === before, process.cwd(), namespace.isOwn];`,
    );
    expect(seen).toEqual([[true, true], true, "/usr", false]);
  });

  test("MountNamespace.within comes home when the work fails, and throws its error on", () => {
    const seen = besideNamespace(
      `const before = now();
       const message = (() => { try { namespace.within(() => { process.chdir("/"); throw new RangeError("no"); }); } catch (error) { return error.message; } })();
       return [message, now() === before];`,
    );
    expect(seen).toEqual(["no", true]);
  });

  test("MountNamespace.within comes home each time while the engine collects garbage and starts threads, and keeps no descriptor", () => {
    const seen = besideNamespace(
      `const source = "for (let i = 0; i < 200; i++) new Uint8Array(65536); Bun.gc(true); postMessage(1); setTimeout(() => {}, 50);";
       const url = URL.createObjectURL(new Blob([source]));
       namespace.within(() => 1);
       const [before, count] = [now(), descriptors()];
       const faults = [];
       for (let round = 0; round < 300; round++) {
         const worker = round % 10 === 0 ? new Worker(url) : undefined;
         Bun.gc(round % 2 === 0);
         if (!namespace.within(() => existsSync(point + "/there"))) faults.push("not there");
         if (now() !== before) faults.push("not home");
         if (worker !== undefined && round % 30 === 0) await new Promise((resolve) => { worker.onmessage = resolve; });
         worker?.terminate();
       }
       const isNear = Math.abs(descriptors() - count) < 50;
       return [faults, isNear];`,
    );
    expect(seen).toEqual([[], true]);
  }, 60_000);

  test("MountNamespace.readTable and openRoot are of the other namespace, and of one's own where it is that", () => {
    const seen = besideNamespace(
      `using own = MountNamespace.of(ProcessHandle.open(process.pid));
       const has = (each) => [each.readTable().some((mount) => mount.point === point && mount.type === "tmpfs"), [...each.openRoot("it").list(point, 9)]];
       const before = now();
       return [has(namespace), has(own), own.isOwn, now() === before];`,
    );
    expect(seen).toEqual([[true, ["there"]], [false, []], true, true]);
  });
});
