import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { readBundle } from "../oci/index.ts";
import { Root } from "../linux/index.ts";
import { carryOut } from "./carry-out.ts";
import {
  cacheOf,
  DEBIAN,
  ENGINE_MOUNTS,
  LIBRARIES,
  makeContainer,
  makeMachine,
  makeTree,
  NOW,
  readTree,
  volume,
  workFolder,
} from "./container.test-helper.ts";
import { RECORD_PATH } from "./record.ts";

const isRoot = process.getuid?.() === 0;

test("config.json keeps its mode and owner, and nothing is left beside it", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  const path = join(container.dir, "config.json");
  if (isRoot) chownSync(path, 1000, 1001);
  chmodSync(path, 0o600);
  container.start(makeMachine(join(work.path, "driver")));
  const { mode, uid, gid } = statSync(path);
  expect([mode & 0o7777, uid, gid]).toEqual(isRoot ? [0o600, 1000, 1001] : [0o600, uid, gid]);
  expect(readdirSync(container.dir).toSorted()).toEqual(["config.json", "rootfs"]);
});

test("when config.json cannot be replaced it keeps its bytes and the layer is what it was", () => {
  using work = workFolder();
  const image = {
    ...DEBIAN,
    [`${LIBRARIES}/libcuda.so.1`]: "the image's own",
    [`${LIBRARIES}/libcuda.so`]: "-> elsewhere",
  };
  const container = makeContainer(work.path, image);
  const bundle = readBundle(container.dir);
  const plan = container.plan(makeMachine(join(work.path, "driver")));
  const before = readTree(container.rootfs);
  // A link in its place is never followed: whoever put it there meant another file.
  rmSync(bundle.configPath);
  symlinkSync("/etc/hostname", bundle.configPath);
  using rootfs = Root.open(container.rootfs);
  const run = () => carryOut(plan, { bundle, rootfs, stateDir: container.state, now: NOW });
  expect(run).toThrow(
    expect.objectContaining({ code: "BERTH-P003", message: expect.stringContaining(bundle.configPath) }),
  );
  expect(readTree(container.rootfs)).toEqual(before);
});

test("when the layer cannot be changed everything before is undone, folders too, and config.json keeps its bytes", () => {
  using work = workFolder();
  const container = makeContainer(work.path, { "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1/in-the-way": "x" });
  const before = readTree(container.dir);
  expect(() => container.start(makeMachine(join(work.path, "driver")))).toThrow(
    expect.objectContaining({ code: "BERTH-P001" }),
  );
  expect(readTree(container.dir)).toEqual(before);
});

test("a failed restart puts back what it took out of the old driver", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  const config = readFileSync(join(container.dir, "config.json"));
  container.start(makeMachine(join(work.path, "old")));
  writeFileSync(join(container.dir, "config.json"), config);
  makeTree(container.rootfs, { [`${LIBRARIES}/libblocked.so.1`]: null });
  const before = readTree(container.dir);
  const machine = makeMachine(join(work.path, "new"), { version: "580.2", names: ["cuda", "blocked"] });
  expect(() => container.start(machine)).toThrow(expect.objectContaining({ code: "BERTH-P001" }));
  expect(readTree(container.dir)).toEqual(before);
});

test.skipIf(!isRoot)("a full file system leaves config.json and the layer as they were", () => {
  using work = workFolder();
  const small = join(work.path, "small");
  mkdirSync(small);
  expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", small]).exitCode).toBe(0);
  try {
    const container = makeContainer(small, { "/etc/hostname": "x" });
    const machine = makeMachine(join(work.path, "driver"));
    writeFileSync(join(small, "filler"), "");
    const before = readTree(container.dir);
    let size = 128 * 1024;
    for (; size > 0; size -= 4096) {
      try {
        writeFileSync(join(small, "filler"), Buffer.alloc(size));
        break;
      } catch {
        // as large as fits
      }
    }
    expect(() => container.start(machine)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^BERTH-P00[13]$/) }),
    );
    expect(readTree(container.dir)).toEqual(before);
  } finally {
    Bun.spawnSync(["umount", small]);
  }
});

test.skipIf(!isRoot)(
  "on a file system mounted read-only the cache comes from our own folder, which only root can enter",
  () => {
    using work = workFolder();
    const stubs = Object.fromEntries(["libcuda.so.570.1", "libcuda.so.1"].map((name) => [`${LIBRARIES}/${name}`, ""]));
    const container = makeContainer(work.path, { ...DEBIAN, ...stubs, "/usr/bin/nvidia-smi": "" });
    const mount = (...args: readonly string[]) =>
      expect(Bun.spawnSync(["mount", ...args, container.rootfs]).exitCode).toBe(0);
    mount("--bind", container.rootfs);
    try {
      mount("-o", "remount,bind,ro");
      const before = readTree(container.rootfs);
      container.start(makeMachine(join(work.path, "driver"), { names: ["cuda"] }), { isWritable: false });
      expect(readTree(container.rootfs)).toEqual(before);
      expect(statSync(container.state).mode & 0o777).toBe(0o700);
      expect(existsSync(join(container.state, "containers/c1/ld.so.cache"))).toBe(true);
    } finally {
      Bun.spawnSync(["umount", container.rootfs]);
    }
  },
);

test("our own files for containers that were started long ago are removed with the next one", () => {
  using work = workFolder();
  const source = makeTree(join(work.path, "volume"), { "/ld.so.cache": cacheOf(["libown.so", "/libown.so"]) });
  const container = makeContainer(work.path, DEBIAN, { mounts: [...ENGINE_MOUNTS, volume(source, "/etc")] });
  makeTree(container.state, { "/containers/old/ld.so.cache": "x", "/containers/recent/ld.so.cache": "x" });
  utimesSync(join(container.state, "containers/old"), NOW, new Date(NOW.getTime() - 7_200_000));
  utimesSync(join(container.state, "containers/recent"), NOW, NOW);
  container.start(makeMachine(join(work.path, "driver")));
  expect(readdirSync(join(container.state, "containers")).toSorted()).toEqual(["c1", "recent"]);
});

test("the record is written before anything that it names", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  const plan = container.plan(makeMachine(join(work.path, "driver")));
  expect(plan.rootfsWrites.map(({ path }) => path)[0]).toBe(RECORD_PATH);
});

test("while an old driver is taken out the record names old and new, and at the end only the new", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  const config = readFileSync(join(container.dir, "config.json"));
  container.start(makeMachine(join(work.path, "old"), { names: ["gone"] }));
  writeFileSync(join(container.dir, "config.json"), config);
  const plan = container.plan(makeMachine(join(work.path, "new"), { version: "580.2" }));
  const records = plan.rootfsWrites.flatMap((write) =>
    write.kind === "file" && write.path === RECORD_PATH ? [Buffer.from(write.bytes).toString()] : [],
  );
  expect(records.map((text) => [text.includes("libgone.so.570.1"), text.includes("libcuda.so.580.2")])).toEqual([
    [true, true],
    [false, true],
  ]);
  expect(plan.rootfsWrites.at(-1)?.path).toBe(RECORD_PATH);
});
