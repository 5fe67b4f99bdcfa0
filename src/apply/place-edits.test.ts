import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../base/index.ts";
import { mountsOf } from "../oci/index.ts";
import {
  ALPINE,
  cacheOf,
  DEBIAN,
  DISTROLESS,
  ENGINE_MOUNTS,
  LIBRARIES,
  makeContainer,
  makeMachine,
  makeTree,
  readCache,
  readTree,
  RHEL,
  tmpfs,
  volume,
  workFolder,
  type Container,
  type Tree,
} from "./container.test-helper.ts";

/** Whose the files of a test are. */
const ME = `${process.getuid?.()}:${process.getgid?.()}`;

function destinations(spec: JsonObject): readonly string[] {
  return mountsOf(spec).map((mount) => mount.destination);
}

/** A container with a volume (made of `content`) and the mounts that `place` makes of its source. */
function withVolume(
  work: string,
  image: Tree,
  content: Tree,
  place: (source: string) => readonly JsonObject[],
): Container {
  const source = makeTree(join(work, "volume"), content);
  return makeContainer(work, image, { mounts: [...ENGINE_MOUNTS, ...place(source)] });
}

test("our mounts stand behind the container's own, in the order of their paths, with sources on the host", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  const { spec } = container.plan(makeMachine(join(work.path, "driver"), { names: ["cuda"] }));
  expect(destinations(spec)).toEqual([
    "/proc",
    "/dev",
    "/lib/firmware/nvidia/570.1/gsp.bin",
    "/run/nvidia-persistenced/socket",
    "/usr/bin/nvidia-smi",
    `${LIBRARIES}/libcuda.so.570.1`,
  ]);
  expect(mountsOf(spec).at(-1)?.source).toBe(join(work.path, "driver/libcuda.so.570.1"));
});

test("a mount of the container on the same place is replaced, also when it is spelled through a link of the image", () => {
  using work = workFolder();
  const own = [volume("/etc/hostname", "/bin/nvidia-smi"), volume("/etc/hostname", "/etc/hostname")];
  const container = makeContainer(work.path, DEBIAN, { mounts: [...ENGINE_MOUNTS, ...own] });
  const { spec } = container.plan(makeMachine(join(work.path, "driver")));
  expect(destinations(spec)).not.toContain("/bin/nvidia-smi");
  expect(destinations(spec)).toContain("/etc/hostname");
});

test.each([
  ["over the libraries' folder", LIBRARIES],
  ["over the folder, spelled through a link", "/lib/x86_64-linux-gnu"],
  ["over a folder above it", "/usr/lib"],
])("libraries below a volume %s move to /usr/local/nvidia/lib64, with links and loader entries", (_, destination) => {
  using work = workFolder();
  const container = withVolume(work.path, DEBIAN, { "/own": "file" }, (source) => [volume(source, destination)]);
  const plan = container.start(makeMachine(join(work.path, "driver"), { names: ["cuda"] }));
  expect(destinations(plan.spec)).toContain("/usr/local/nvidia/lib64/libcuda.so.570.1");
  expect(destinations(plan.spec)).not.toContain(`${LIBRARIES}/libcuda.so.570.1`);
  const tree = readTree(container.rootfs);
  expect(tree["/usr/local/nvidia/lib64/libcuda.so.1"]).toBe("-> libcuda.so.570.1");
  expect(tree[`${LIBRARIES}/libcuda.so.1`]).toBeUndefined();
  expect(tree["/etc/ld.so.conf.d/00-berth.conf"]).toEndWith("\n/usr/local/nvidia/lib64\n");
  expect(readCache(join(container.rootfs, "/etc/ld.so.cache")).join()).toContain(
    "/usr/local/nvidia/lib64/libcuda.so.570.1",
  );
  expect(plan.warnings.join()).toContain(destination);
  expect(readTree(join(work.path, "volume"))).toEqual({ "/own": expect.any(String) });
});

test("a folder whose name only begins like a volume's is not covered", () => {
  using work = workFolder();
  const container = withVolume(work.path, RHEL, {}, (source) => [volume(source, "/usr/lib")]);
  const plan = container.plan(makeMachine(join(work.path, "driver"), { libraries: "/usr/lib64" }));
  expect(destinations(plan.spec)).toContain("/usr/lib64/libcuda.so.570.1");
});

test("binaries below a volume move to /usr/local/nvidia/bin; firmware and sockets are left out and said so", () => {
  using work = workFolder();
  const container = withVolume(work.path, DEBIAN, {}, (source) => [
    volume(source, "/usr/bin"),
    volume(source, "/run"),
    volume(source, "/usr/lib/firmware"),
  ]);
  const plan = container.plan(makeMachine(join(work.path, "driver"), { names: [] }));
  expect(destinations(plan.spec).slice(5)).toEqual(["/usr/local/nvidia/bin/nvidia-smi"]);
  expect(plan.warnings.join("\n")).toContain(`"/run/nvidia-persistenced/socket" is left out`);
  expect(plan.warnings.join("\n")).toContain(`"/lib/firmware/nvidia/570.1/gsp.bin" is left out`);
});

test("a socket is mounted into a volume that has its mount point already", () => {
  using work = workFolder();
  const content = { "/nvidia-persistenced/socket": "" };
  const container = withVolume(work.path, DEBIAN, content, (source) => [volume(source, "/var/run")]);
  const plan = container.plan(makeMachine(join(work.path, "driver")));
  expect(destinations(plan.spec)).toContain("/run/nvidia-persistenced/socket");
});

test("volumes over the libraries' folder and over the spare one are a refusal that names both", () => {
  using work = workFolder();
  const container = withVolume(work.path, DEBIAN, {}, (source) => [
    volume(source, LIBRARIES),
    volume(source, "/usr/local"),
  ]);
  const machine = makeMachine(join(work.path, "driver"));
  expect(() => container.plan(machine)).toThrow(
    expect.objectContaining({ code: "BERTH-P002", message: expect.stringContaining("/usr/local") }),
  );
});

test("the mount that is made last decides: a tmpfs in a volume is a place where mount points may be made", () => {
  using work = workFolder();
  const container = withVolume(work.path, DEBIAN, {}, (source) => [
    volume(source, "/run"),
    tmpfs("/run/nvidia-persistenced"),
  ]);
  const plan = container.plan(makeMachine(join(work.path, "driver")));
  expect(destinations(plan.spec)).toContain("/run/nvidia-persistenced/socket");
  const reversed = withVolume(join(work.path, "x"), DEBIAN, {}, (source) => [
    tmpfs("/run/nvidia-persistenced"),
    volume(source, "/run"),
  ]);
  expect(destinations(reversed.plan(makeMachine(join(work.path, "driver"))).spec)).not.toContain(
    "/run/nvidia-persistenced/socket",
  );
});

test("links below a tmpfs become mounts of the file they lead to", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN, { mounts: [...ENGINE_MOUNTS, tmpfs(LIBRARIES)] });
  const plan = container.start(makeMachine(join(work.path, "driver"), { names: ["cuda"] }));
  const mounts = mountsOf(plan.spec).filter((mount) => mount.destination === `${LIBRARIES}/libcuda.so.1`);
  expect(mounts.map((mount) => mount.source)).toEqual([join(work.path, "driver/libcuda.so.570.1")]);
  expect(readTree(container.rootfs)[`${LIBRARIES}/libcuda.so.1`]).toBeUndefined();
  const config = readFileSync(join(container.dir, "config.json"), "utf8");
  container.start(makeMachine(join(work.path, "driver"), { names: ["cuda"] }));
  expect(readFileSync(join(container.dir, "config.json"), "utf8")).toBe(config);
});

test("a volume whose mounts the host sees, too, gets no file of ours mounted into it; one that keeps them to itself does", () => {
  for (const [propagation, isMounted] of [["rshared", false], ["shared", false], ["rprivate", true]] as const) {
    using work = workFolder();
    const container = withVolume(work.path, DEBIAN, { "/gsp.bin": "" }, (source) => [
      { ...volume(source, "/lib/firmware/nvidia/570.1"), options: ["rbind", propagation] },
    ]);
    const plan = container.plan(makeMachine(join(work.path, "driver")));
    expect(destinations(plan.spec).includes("/lib/firmware/nvidia/570.1/gsp.bin")).toBe(isMounted);
    expect(plan.warnings.join().includes("would show on the host")).toBe(!isMounted);
  }
}); // prettier-ignore

test("an image's link at a mount point counts for where it leads: into a volume is a covered place", () => {
  using work = workFolder();
  const image = { ...DEBIAN, "/usr/bin/nvidia-smi": "-> /data/x" };
  const container = withVolume(work.path, image, {}, (source) => [volume(source, "/data")]);
  const plan = container.plan(makeMachine(join(work.path, "driver")));
  expect(destinations(plan.spec)).not.toContain("/usr/bin/nvidia-smi");
  expect(destinations(plan.spec)).toContain("/usr/local/nvidia/bin/nvidia-smi");
});

test("a volume over /etc with a cache: a merged copy of that cache is mounted over it, and the volume stays as it is", () => {
  using work = workFolder();
  const content = { "/ld.so.cache": cacheOf(["libown.so", "/data/libown.so"]) };
  const container = withVolume(work.path, DEBIAN, content, (source) => [volume(source, "/etc")]);
  const before = readTree(join(work.path, "volume"));
  const plan = container.start(makeMachine(join(work.path, "driver"), { names: ["cuda"] }));
  const mount = mountsOf(plan.spec).find((each) => each.destination === "/etc/ld.so.cache");
  expect(mount).toEqual(
    expect.objectContaining({
      source: join(container.state, "containers/c1/ld.so.cache"),
      options: expect.arrayContaining(["ro"]),
    }),
  );
  expect(readCache(mount?.source ?? "").toSorted()).toEqual([
    `libcuda.so.1 => ${LIBRARIES}/libcuda.so.570.1`,
    "libown.so => /data/libown.so",
  ]);
  expect(readTree(join(work.path, "volume"))).toEqual(before);
  expect(readCache(join(container.rootfs, "/etc/ld.so.cache"))).toEqual([
    "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6",
  ]);
});

test("a second start with a volume over /etc leaves spec and cache as they are", () => {
  using work = workFolder();
  const content = { "/ld.so.cache": cacheOf(["libown.so", "/data/libown.so"]) };
  const container = withVolume(work.path, DEBIAN, content, (source) => [volume(source, "/etc")]);
  const machine = makeMachine(join(work.path, "driver"));
  container.start(machine);
  const before = [
    readFileSync(join(container.dir, "config.json")),
    readFileSync(join(container.state, "containers/c1/ld.so.cache")),
  ];
  container.start(machine);
  expect([
    readFileSync(join(container.dir, "config.json")),
    readFileSync(join(container.state, "containers/c1/ld.so.cache")),
  ]).toEqual(before);
});

test("a tmpfs over /etc: the cache is mounted into it", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN, { mounts: [...ENGINE_MOUNTS, tmpfs("/etc")] });
  const plan = container.start(makeMachine(join(work.path, "driver")));
  expect(destinations(plan.spec)).toContain("/etc/ld.so.cache");
});

test("a volume over /etc without a cache: a warning where the loader searches the libraries' folder by itself", () => {
  using work = workFolder();
  const container = withVolume(work.path, DEBIAN, {}, (source) => [volume(source, "/etc")]);
  const plan = container.plan(makeMachine(join(work.path, "driver")));
  expect(plan.warnings.join()).toContain("ld.so.cache");
  expect(destinations(plan.spec)).not.toContain("/etc/ld.so.cache");
});

test("a volume over /etc without a cache: a refusal where the loader would not find the libraries", () => {
  using work = workFolder();
  const container = withVolume(work.path, RHEL, {}, (source) => [volume(source, "/etc")]);
  const machine = makeMachine(join(work.path, "driver"));
  expect(() => container.plan(machine)).toThrow(
    expect.objectContaining({ code: "BERTH-P002", remedy: expect.stringContaining("ld.so.cache") }),
  );
});

test("musl: the folders come behind the loader's defaults, no glibc cache is made, and the image's own list is kept", () => {
  using work = workFolder();
  const container = makeContainer(work.path, ALPINE);
  container.start(makeMachine(join(work.path, "driver")));
  const tree = readTree(container.rootfs);
  expect(tree["/etc/ld-musl-x86_64.path"]).toBe(`644 ${ME} /lib\n/usr/local/lib\n/usr/lib\n${LIBRARIES}\n`);
  expect(tree["/etc/ld.so.cache"]).toBeUndefined();
  const own = makeContainer(join(work.path, "own"), { ...ALPINE, "/etc/ld-musl-x86_64.path": "/lib:/opt" });
  own.start(makeMachine(join(work.path, "driver")));
  expect(readTree(own.rootfs)["/etc/ld-musl-x86_64.path"]).toBe(`644 ${ME} /lib:/opt\n${LIBRARIES}\n`);
});

test("musl and glibc in one image: both are told", () => {
  using work = workFolder();
  const container = makeContainer(work.path, { ...ALPINE, "/lib64/ld-linux-x86-64.so.2": "glibc" });
  container.start(makeMachine(join(work.path, "driver")));
  const tree = readTree(container.rootfs);
  expect(tree["/etc/ld-musl-x86_64.path"]).toBeDefined();
  expect(tree["/etc/ld.so.cache"]).toBeDefined();
});

test("an image without /etc gets one with a cache; without an ldconfig it gets no ld.so.conf", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DISTROLESS);
  container.start(makeMachine(join(work.path, "driver")));
  const tree = readTree(container.rootfs);
  expect(tree["/etc/ld.so.cache"]).toBeDefined();
  expect(tree["/etc/ld.so.conf"]).toBeUndefined();
});

test("an image with an ldconfig but without ld.so.conf gets one that reads our folders", () => {
  using work = workFolder();
  const container = makeContainer(work.path, { ...DISTROLESS, "/sbin/ldconfig": "ldconfig" });
  container.start(makeMachine(join(work.path, "driver")));
  expect(readTree(container.rootfs)["/etc/ld.so.conf"]).toBe(`644 ${ME} include /etc/ld.so.conf.d/*.conf\n`);
});

test("a cache that cannot be read is replaced, and said so", () => {
  using work = workFolder();
  const container = makeContainer(work.path, { ...DEBIAN, "/etc/ld.so.cache": "garbage" });
  const plan = container.start(makeMachine(join(work.path, "driver")));
  expect(plan.warnings.join()).toContain("/etc/ld.so.cache");
  expect(readCache(join(container.rootfs, "/etc/ld.so.cache"))).toHaveLength(2);
});

test("a read-only root file system: links become mounts where a file is, the cache is mounted, and nothing is written", () => {
  using work = workFolder();
  const machine = makeMachine(join(work.path, "driver"), { names: ["cuda"] });
  const own = { [`${LIBRARIES}/libcuda.so.570.1`]: "", [`${LIBRARIES}/libcuda.so.1`]: "", "/usr/bin/nvidia-smi": "" };
  const container = makeContainer(work.path, { ...DEBIAN, ...own });
  const plan = container.plan(machine, { isWritable: false });
  expect(plan.rootfsWrites).toEqual([]);
  expect(destinations(plan.spec).slice(2)).toEqual([
    "/etc/ld.so.cache",
    "/usr/bin/nvidia-smi",
    `${LIBRARIES}/libcuda.so.1`,
    `${LIBRARIES}/libcuda.so.570.1`,
  ]);
  const warnings = plan.warnings.join("\n");
  for (const path of [`${LIBRARIES}/libcuda.so"`, "gsp.bin", "socket"]) expect(warnings).toContain(path);
});

test("a read-only root file system without a mount point for a library is a refusal", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  const machine = makeMachine(join(work.path, "driver"));
  expect(() => container.plan(machine, { isWritable: false })).toThrow(expect.objectContaining({ code: "BERTH-P001" }));
});
