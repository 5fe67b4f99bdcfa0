import { expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  ALPINE,
  DEBIAN,
  DISTROLESS,
  LIBRARIES,
  makeContainer,
  makeMachine,
  makeTree,
  readCache,
  readTree,
  RHEL,
  workFolder,
} from "./container.test-helper.ts";
import { RECORD_PATH } from "./record.ts";

test("a Debian image gets the links, the merged cache and the record; its other cache entries stay", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  container.start(makeMachine(join(work.path, "driver")));
  const tree = readTree(container.rootfs);
  expect(tree[`${LIBRARIES}/libcuda.so.1`]).toBe("-> libcuda.so.570.1");
  expect(tree[`${LIBRARIES}/libcuda.so`]).toBe("-> libcuda.so.570.1");
  expect(readCache(join(container.rootfs, "/etc/ld.so.cache")).toSorted()).toEqual([
    "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6",
    `libcuda.so.1 => ${LIBRARIES}/libcuda.so.570.1`,
    `libnvidia-ml.so.1 => ${LIBRARIES}/libnvidia-ml.so.570.1`,
  ]);
});

test("the record names what was put into the layer, and lists no folder that the image's ldconfig knows", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  container.start(makeMachine(join(work.path, "driver"), { names: ["cuda"] }));
  const lines = readFileSync(join(container.rootfs, RECORD_PATH), "utf8").split("\n");
  expect(lines.slice(1)).toEqual([
    "# folder\t/run/nvidia-persistenced",
    "# folder\t/usr/lib/firmware",
    "# folder\t/usr/lib/firmware/nvidia",
    "# folder\t/usr/lib/firmware/nvidia/570.1",
    "# stub\t/run/nvidia-persistenced/socket",
    "# stub\t/usr/bin/nvidia-smi",
    "# stub\t/usr/lib/firmware/nvidia/570.1/gsp.bin",
    "# stub\t/usr/lib/x86_64-linux-gnu/libcuda.so.570.1",
    "# link\t/usr/lib/x86_64-linux-gnu/libcuda.so\tlibcuda.so.570.1",
    "# link\t/usr/lib/x86_64-linux-gnu/libcuda.so.1\tlibcuda.so.570.1",
    "# cache\t/usr/lib/x86_64-linux-gnu/libcuda.so.570.1",
    "",
  ]);
});

test.each([
  ["Debian's folder in a RHEL image", RHEL, LIBRARIES, [LIBRARIES]],
  ["RHEL's folder in a RHEL image", RHEL, "/usr/lib64", []],
  ["RHEL's folder in a Debian image", DEBIAN, "/usr/lib64", ["/usr/lib64"]],
  ["a folder that the image lists", { ...RHEL, "/etc/ld.so.conf.d/x.conf": "/opt/nv/ # ours\n" }, "/opt/nv", []],
  ["a folder that cannot stand on a line", RHEL, "/opt/a#b", []],
] as const)(
  "a later ldconfig is told of the libraries' folder only where it must be: %s",
  (_, image, libraries, listed) => {
    using work = workFolder();
    const container = makeContainer(work.path, image);
    container.start(makeMachine(join(work.path, "driver"), { libraries }));
    const lines = readFileSync(join(container.rootfs, RECORD_PATH), "utf8").trimEnd().split("\n");
    expect(lines.filter((line) => !line.startsWith("#"))).toEqual([...listed]);
  },
);

test.each([
  ["Debian", DEBIAN],
  ["RHEL", RHEL],
  ["Alpine", ALPINE],
  ["distroless", DISTROLESS],
])("a second start of a container changes nothing: %s", (_, image) => {
  using work = workFolder();
  const container = makeContainer(work.path, image);
  const machine = makeMachine(join(work.path, "driver"));
  container.start(machine);
  const before = { tree: readTree(container.rootfs), config: readFileSync(join(container.dir, "config.json"), "utf8") };
  const plan = container.start(machine);
  expect(plan.rootfsWrites).toEqual([]);
  expect({
    tree: readTree(container.rootfs),
    config: readFileSync(join(container.dir, "config.json"), "utf8"),
  }).toEqual(before);
});

test("after a driver upgrade nothing of the old driver is left", () => {
  using work = workFolder();
  const fresh = { ...DEBIAN, "/etc/ld.so.cache": DEBIAN["/etc/ld.so.cache"] ?? null };
  const container = makeContainer(work.path, fresh);
  const config = readFileSync(join(container.dir, "config.json"));
  container.start(makeMachine(join(work.path, "old"), { names: ["cuda", "nvidia-ml", "gone"] }));
  writeFileSync(join(container.dir, "config.json"), config);
  const upgraded = makeMachine(join(work.path, "new"), { version: "580.2" });
  container.start(upgraded);
  const expected = makeContainer(join(work.path, "other"), fresh);
  expected.start(upgraded);
  expect(readTree(container.rootfs)).toEqual(readTree(expected.rootfs));
  expect(JSON.stringify(readTree(container.rootfs))).not.toContain("570.1");
});

test("entries that an ldconfig in the container made of our links go with the links", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  const config = readFileSync(join(container.dir, "config.json"));
  container.start(makeMachine(join(work.path, "old"), { names: ["cuda", "gone"] }));
  const afterLdconfig = makeContainer(join(work.path, "x"), {
    ...DEBIAN,
    "/etc/ld.so.cache": Buffer.from(readFileSync(join(container.rootfs, "/etc/ld.so.cache"))),
  });
  afterLdconfig.start(
    makeMachine(join(work.path, "ldconfig"), { names: ["gone"], libraries: "/lib/x86_64-linux-gnu" }),
  );
  writeFileSync(
    join(container.rootfs, "/etc/ld.so.cache"),
    readFileSync(join(afterLdconfig.rootfs, "/etc/ld.so.cache")),
  );
  writeFileSync(join(container.dir, "config.json"), config);
  container.start(makeMachine(join(work.path, "new"), { version: "580.2", names: ["cuda"] }));
  expect(readCache(join(container.rootfs, "/etc/ld.so.cache")).join()).not.toContain("gone");
});

test("what the image had itself is not taken out later", () => {
  using work = workFolder();
  const own = {
    [`${LIBRARIES}/libcuda.so.1`]: "-> libcuda.so.570.1",
    [`${LIBRARIES}/libcuda.so.570.1`]: "",
    "/usr/lib/firmware/nvidia": null,
  };
  const container = makeContainer(work.path, { ...DEBIAN, ...own });
  const config = readFileSync(join(container.dir, "config.json"));
  container.start(makeMachine(join(work.path, "old")));
  writeFileSync(join(container.dir, "config.json"), config);
  container.start(makeMachine(join(work.path, "new"), { version: "580.2", names: ["other"] }));
  const tree = readTree(container.rootfs);
  expect(tree[`${LIBRARIES}/libcuda.so.1`]).toBe("-> libcuda.so.570.1");
  expect(tree[`${LIBRARIES}/libcuda.so.570.1`]).toBeDefined();
  expect(tree["/usr/lib/firmware/nvidia"]).toBe("folder");
});

const FIRST =
  "# berth 1: what berth put into this layer; the next start of the container takes out what is no longer wanted\n";

test("a record that an image made up takes out empty files, matching links and empty folders of that image, and nothing else", () => {
  using work = workFolder();
  const record = [
    "# stub\t/etc/passwd",
    "# stub\t/empty",
    "# link\t/other\t/wrong",
    "# link\t/same\t/right",
    "# folder\t/full",
    "# folder\t/void",
    "# stub\t/out/canary",
    "# link\t/out/link\tcanary",
    "# folder\t/out/folder",
  ];
  const outside = makeTree(join(work.path, "outside"), { "/canary": "", "/link": "-> canary", "/folder": null });
  const container = makeContainer(work.path, {
    ...DEBIAN,
    [RECORD_PATH]: `${FIRST}${record.join("\n")}\n`,
    "/etc/passwd": "root",
    "/empty": "",
    "/other": "-> /elsewhere",
    "/same": "-> /right",
    "/full/file": "",
    "/void": null,
    "/out": `-> ${outside}`,
  });
  const before = readTree(outside);
  container.start(makeMachine(join(work.path, "driver")));
  const tree = readTree(container.rootfs);
  expect([tree["/etc/passwd"], tree["/other"], tree["/full"]].every((each) => each !== undefined)).toBe(true);
  expect([tree["/empty"], tree["/same"], tree["/void"]]).toEqual([undefined, undefined, undefined]);
  expect(readTree(outside)).toEqual(before);
});

test.each([
  ["a relative path", "# stub\tempty"],
  ["a path that climbs", "# stub\t/a/../empty"],
  ["an unknown word", "# file\t/empty"],
  ["a field too many", "# stub\t/empty\tx"],
  ["the root", "# stub\t/"],
])("one line that berth would not write and the record counts for nothing: %s", (_, line) => {
  using work = workFolder();
  const content = `${FIRST}# stub\t/empty\n${line}\n`;
  const container = makeContainer(work.path, { ...DEBIAN, "/empty": "", [RECORD_PATH]: content });
  container.start(makeMachine(join(work.path, "driver")));
  expect(readTree(container.rootfs)["/empty"]).toBeDefined();
});

test.each([
  ["the libraries' folder", { "/usr/lib/x86_64-linux-gnu": "-> OUT" }],
  ["the library folder's parent", { "/usr/lib": "-> OUT" }],
  ["/etc", { "/etc": "-> OUT" }],
  ["ld.so.conf.d", { "/etc/ld.so.conf.d": "-> OUT" }],
  ["the record", { [RECORD_PATH]: "-> OUT/canary" }],
  ["the cache", { "/etc/ld.so.cache": "-> OUT/canary" }],
  ["the link", { [`${LIBRARIES}/libcuda.so.1`]: "-> OUT/canary" }],
  ["ld.so.conf", { "/etc/ld.so.conf": "-> OUT/new", "/sbin/ldconfig": "x" }],
  ["climbing", { "/etc": "-> ../../../../../../../../../../OUT" }],
  ["the musl path file", { "/lib/ld-musl-x86_64.so.1": "x", "/etc/ld-musl-x86_64.path": "-> OUT/canary" }],
])("an image's link that leads out of its root never touches the host: %s", (_, links) => {
  using work = workFolder();
  const outside = makeTree(join(work.path, "outside"), {
    "/canary": "",
    "/etc/canary": "",
    "/x86_64-linux-gnu/canary": "",
  });
  const image = Object.entries(links).map(([path, text]) => [
    path,
    text.replace("OUT", outside.replace(/^\//, text.includes("..") ? "" : "/")),
  ]);
  const container = makeContainer(work.path, Object.fromEntries(image));
  const before = readTree(outside);
  try {
    container.start(makeMachine(join(work.path, "driver")));
  } catch (error) {
    expect(String(error)).toContain("Cannot");
  }
  expect(readTree(outside)).toEqual(before);
});

test.skipIf(process.getuid?.() !== 0)(
  "what is made gets the owner of its folder, as a user namespace needs it (needs root)",
  () => {
    using work = workFolder();
    const container = makeContainer(work.path, { "/app": "static" });
    Bun.spawnSync(["chown", "-R", "1000:1001", container.rootfs]);
    container.start(makeMachine(join(work.path, "driver")));
    const owners = ["/etc", "/etc/ld.so.cache", RECORD_PATH].map((path) => statSync(join(container.rootfs, path)));
    expect(owners.map(({ uid, gid }) => `${uid}:${gid}`)).toEqual(["1000:1001", "1000:1001", "1000:1001"]);
  },
);
