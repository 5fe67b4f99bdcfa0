import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Root } from "../linux/index.ts";
import { compileNotedLibrary } from "../linux/noted-library.test-helper.ts";
import { readCompatLibraries, type CompatLibraries } from "./index.ts";

/** Word for word what the libcuda.so.580.95.05 of CUDA 13.0 says. */
const NOTE =
  '{"format":1,"CUDA version":"13.0","driver":[535,550,565,570,575,580],"device":[1,2,7,8,9,10,11,12,13,14]}';
const ARCHITECTURE = process.arch === "arm64" ? "aarch64" : "x86-64";

let work = "";
/** libcuda with NVIDIA's note, without a note, with a note that is no JSON, and of another owner; and a library without a soname. */
const library = (name: string): string => join(work, name);

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "berth-compat-"));
  const noted = (name: string, owner: string, text: string): void => {
    const note = { section: ".note.cuda.fwd_compatibility", owner, text };
    compileNotedLibrary(library(name), { soname: "libcuda.so.1", note });
  };
  noted("noted", "NVIDIA Corporation", NOTE);
  noted("capitals", "NVIDIA Corporation", '{"Format": 1, "CUDA Version": "12.9", "Driver": [535], "Device": [2]}');
  noted("broken", "NVIDIA Corporation", "{");
  noted("foreign", "Somebody", NOTE);
  compileNotedLibrary(library("plain"), { soname: "libcuda.so.1" });
  compileNotedLibrary(library("jit"), { soname: "libnvidia-ptxjitcompiler.so.1" });
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

let count = 0;

/** An image with files in /usr/local/cuda-12.9/compat and a link /usr/local/cuda to that version. */
function image(files: Readonly<Record<string, string>>): Root {
  const root = join(work, `image-${(count += 1)}`);
  const folder = join(root, "usr/local/cuda-12.9/compat");
  mkdirSync(folder, { recursive: true });
  symlinkSync("cuda-12.9", join(root, "usr/local/cuda"));
  for (const [name, source] of Object.entries(files)) cpSync(library(source), join(folder, name));
  return Root.open(root);
}

function read(root: Root, folder?: string): CompatLibraries | undefined {
  try {
    return readCompatLibraries(root, folder);
  } finally {
    root.close();
  }
}

test("the libraries of the package, by their places without links, with what the note says", () => {
  const root = image({ "libcuda.so.575.57.08": "noted", "libnvidia-ptxjitcompiler.so.575.57.08": "jit" });
  symlinkSync("libcuda.so.575.57.08", join(root.path, "usr/local/cuda-12.9/compat/libcuda.so.1"));
  const folder = "/usr/local/cuda-12.9/compat";
  expect(read(root)).toEqual({
    folder,
    version: "575.57.08",
    libraries: [
      { path: `${folder}/libcuda.so.575.57.08`, soname: "libcuda.so.1", architecture: ARCHITECTURE },
      {
        path: `${folder}/libnvidia-ptxjitcompiler.so.575.57.08`,
        soname: "libnvidia-ptxjitcompiler.so.1",
        architecture: ARCHITECTURE,
      },
    ],
    note: { cuda: "13.0", branches: [535, 550, 565, 570, 575, 580], brands: [1, 2, 7, 8, 9, 10, 11, 12, 13, 14] },
  });
});

test("the names in a note are those that they are in any case", () => {
  const note = { cuda: "12.9", branches: [535], brands: [2] };
  expect(read(image({ "libcuda.so.575.57.08": "capitals" }))).toMatchObject({ note });
});

test.each([["plain"], ["broken"], ["foreign"]])("a library whose note is %s has no note", (source) => {
  expect(read(image({ "libcuda.so.575.57.08": source }))).toMatchObject({ version: "575.57.08", note: undefined });
});

test.each([
  ["no folder", {}, "/usr/local/cuda/lib"],
  ["an empty folder", {}, undefined],
  ["no libcuda", { "libnvidia-ptxjitcompiler.so.575.57.08": "jit" }, undefined],
  ["two of them", { "libcuda.so.575.57.08": "noted", "libcuda.so.570.1": "plain" }, undefined],
])("an image with %s has no compatibility libraries", (_, files, folder) => {
  expect(read(image(files), folder)).toBeUndefined();
});

test.each([
  "libcuda.so.575.57.",
  "libcuda.so.9999999999.1",
  "libcuda.so.1",
  "libcuda.so.575..1",
  "libcuda.so.575.57\n.1",
])("%j is no libcuda of a driver", (name) => {
  expect(read(image({ [name]: "noted" }))).toBeUndefined();
});

test("another folder, as for Jetson, can be named", () => {
  const root = image({ "libcuda.so.575.57.08": "noted" });
  expect(read(root, "/usr/local/cuda-12.9/compat")?.version).toBe("575.57.08");
});

test("a link out of the image, a link in place of the library, a folder and a FIFO are no libraries", () => {
  const root = image({});
  const folder = join(root.path, "usr/local/cuda-12.9/compat");
  symlinkSync(library("noted"), join(folder, "libcuda.so.575.57.08"));
  mkdirSync(join(folder, "libcuda.so.576.1"));
  Bun.spawnSync(["mkfifo", join(folder, "libcuda.so.577.1")]);
  expect(read(root)).toBeUndefined();
});

test("a compat folder that leads out of the image leads nowhere", () => {
  const root = image({});
  rmSync(join(root.path, "usr/local/cuda"));
  mkdirSync(join(work, "outside/compat"), { recursive: true });
  cpSync(library("noted"), join(work, "outside/compat/libcuda.so.575.57.08"));
  symlinkSync(join(work, "outside"), join(root.path, "usr/local/cuda"));
  expect(read(root)).toBeUndefined();
});

test("a libcuda that is no library at all is one without a note and without an entry", () => {
  const root = image({});
  writeFileSync(join(root.path, "usr/local/cuda-12.9/compat/libcuda.so.575.57.08"), "x");
  expect(read(root)).toEqual({
    folder: "/usr/local/cuda-12.9/compat",
    version: "575.57.08",
    libraries: [],
    note: undefined,
  });
});
