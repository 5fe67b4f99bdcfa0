import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  ALPINE,
  cacheOf,
  DEBIAN,
  ENGINE_MOUNTS,
  LIBRARIES,
  makeContainer,
  makeMachine,
  readCache,
  volume,
  workFolder,
  type Machine,
} from "./container.test-helper.ts";
import { RECORD_PATH } from "./record.ts";

const FOLDER = "/usr/local/cuda-12.9/compat";
const FILE = `${FOLDER}/libcuda.so.575.57.08`;
const IMAGE = { ...DEBIAN, [FILE]: "the image's libcuda" };

/** A machine on which the image's libcuda goes before the driver's. */
function withCompat(folder: string): Machine {
  const machine = makeMachine(folder);
  const entry = {
    soname: "libcuda.so.1",
    path: FILE,
    architecture: "x86-64",
    isOfImage: true,
    reason: "a test",
  } as const;
  return { ...machine, edits: { ...machine.edits, loaderEntries: [entry, ...machine.edits.loaderEntries] } };
}

const cudaEntries = (rootfs: string) =>
  readCache(join(rootfs, "etc/ld.so.cache")).filter((line) => line.startsWith("libcuda.so.1 "));
const confLines = (rootfs: string) => {
  return readFileSync(join(rootfs, RECORD_PATH), "utf8").trimEnd().split("\n").filter((line) => !line.startsWith("#")); // prettier-ignore
};

test("the loader finds the image's libcuda first, and a later ldconfig does, too", () => {
  using work = workFolder();
  const container = makeContainer(work.path, IMAGE);
  container.start(withCompat(join(work.path, "driver")));
  expect(cudaEntries(container.rootfs)).toEqual([
    `libcuda.so.1 => ${FILE}`,
    `libcuda.so.1 => ${LIBRARIES}/libcuda.so.570.1`,
  ]);
  expect(confLines(container.rootfs)).toEqual([FOLDER]);
});

test("the folder of the image stands before the driver's where both are listed", () => {
  using work = workFolder();
  const container = makeContainer(work.path, IMAGE);
  const machine = makeMachine(join(work.path, "driver"), { libraries: "/opt/nvidia" });
  const entry = {
    soname: "libcuda.so.1",
    path: FILE,
    architecture: "x86-64",
    isOfImage: true,
    reason: "a test",
  } as const;
  container.start({ ...machine, edits: { ...machine.edits, loaderEntries: [entry, ...machine.edits.loaderEntries] } });
  expect(confLines(container.rootfs)).toEqual([FOLDER, "/opt/nvidia"]);
});

test("after an upgrade of the driver nothing of it is left, and the image's file is untouched", () => {
  using work = workFolder();
  const container = makeContainer(work.path, IMAGE);
  container.start(withCompat(join(work.path, "driver")));
  container.start(makeMachine(join(work.path, "driver-580"), { version: "580.1" }));
  expect(cudaEntries(container.rootfs)).toEqual([`libcuda.so.1 => ${LIBRARIES}/libcuda.so.580.1`]);
  expect(confLines(container.rootfs)).toEqual([]);
  expect(readFileSync(join(container.rootfs, FILE), "utf8")).toBe("the image's libcuda");
});

test("an entry of the image for that folder under another name stays as the image has it", () => {
  using work = workFolder();
  const own: readonly [string, string] = ["libcuda.so.1", "/usr/local/cuda/compat/libcuda.so.1"];
  const container = makeContainer(work.path, { ...IMAGE, "/etc/ld.so.cache": cacheOf(own) });
  container.start(withCompat(join(work.path, "driver")));
  container.start(makeMachine(join(work.path, "driver")));
  expect(cudaEntries(container.rootfs)).toEqual([
    `libcuda.so.1 => ${LIBRARIES}/libcuda.so.570.1`,
    `libcuda.so.1 => ${own[1]}`,
  ]);
});

test("where the loader's cache cannot be had the container starts with the driver's own libcuda", () => {
  using work = workFolder();
  Bun.spawnSync(["mkdir", join(work.path, "etc")]);
  const container = makeContainer(work.path, IMAGE, {
    mounts: [...ENGINE_MOUNTS, volume(join(work.path, "etc"), "/etc")],
  });
  const plan = container.plan(withCompat(join(work.path, "driver")));
  expect(plan.warnings.join("\n")).toContain("the loader finds the driver only because its folder is a default one");
});

test("musl's loader, which takes folders in one order for all, is not told of the image's own", () => {
  using work = workFolder();
  const container = makeContainer(work.path, { ...ALPINE, [FILE]: "the image's libcuda" });
  container.start(withCompat(join(work.path, "driver")));
  const text = readFileSync(join(container.rootfs, "etc/ld-musl-x86_64.path"), "utf8");
  expect(text).toContain(LIBRARIES);
  expect(text).not.toContain("compat");
});
