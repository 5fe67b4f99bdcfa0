import { afterAll, expect, test } from "bun:test";
import { mkdirSync, rmSync, utimesSync } from "node:fs";
import { describeHost } from "./describe.ts";
import { makeEmptyRoot, put, putElf, putLink, putNode } from "./fake-root.test-helper.ts";

const roots: string[] = [];
afterAll(() => roots.forEach((root) => rmSync(root, { recursive: true })));

const DXCORE = "/usr/lib/wsl/lib/libdxcore.so";
const STORES = "/usr/lib/wsl/drivers";
const STORE = `${STORES}/nv_dispi.inf_amd64_0a1b`;
const REQUIRED = {
  "libcuda.so.1.1": "libcuda.so.1",
  "libcuda_loader.so": "libcuda.so.1",
  "libnvdxgdmal.so.1": "libnvdxgdmal.so.1",
  "libnvidia-ml.so.1": "libnvidia-ml.so.1",
  "libnvidia-ml_loader.so": "libnvidia-ml.so.1",
  "libnvidia-ptxjitcompiler.so.1": "libnvidia-ptxjitcompiler.so.1",
};

function makeWsl(): string {
  const root = makeEmptyRoot();
  roots.push(root);
  put(root, "/proc/devices", "Character devices:\n 10 misc\n");
  putNode(root, "/dev/dxg", [10, 63]);
  putElf(root, DXCORE, "libdxcore.so");
  putStore(root, STORE);
  return root;
}

function putStore(root: string, store: string): void {
  for (const [name, soname] of Object.entries(REQUIRED)) putElf(root, `${store}/${name}`, soname);
  put(root, `${store}/nvcubins.bin`, "cubins");
  put(root, `${store}/nvidia-smi`, "smi", 0o755);
}

test("WSL's GPU is its node, dxcore, what Windows shares of its driver, and a name for nvidia-smi", () => {
  const root = makeWsl();
  putElf(root, `${STORE}/libnvcuvid.so.1`, "libnvcuvid.so.1");
  for (const name of ["nvcuda.dll", "nv_dispi.inf", "readme.so.txt"]) put(root, `${STORE}/${name}`, "");
  mkdirSync(`${root}${STORE}/folder.bin`);
  const host = describeHost(root);
  expect(host.warnings).toEqual([]);
  expect(host.driver).toEqual({ version: undefined, cuda: undefined, libraryFolders: [STORE, "/usr/lib/wsl/lib"] });
  expect(host.unit).toMatchObject({ kind: "wsl", model: "NVIDIA GPU (WSL)" });
  expect(host.gpus).toEqual([]);
  const spelled = host.unit?.items.map((item) => {
    if (item.kind === "node") return `node ${item.node.path} ${item.node.major}:${item.node.minor}`;
    if (item.kind === "link") return `link ${item.path} -> ${item.target}`;
    return `${item.kind} ${item.path}${item.kind === "library" ? ` ${item.soname} ${item.architecture}` : ""}`;
  });
  expect(spelled).toEqual([
    "node /dev/dxg 10:63",
    `library ${DXCORE} libdxcore.so x86-64`,
    `library ${STORE}/libcuda.so.1.1 libcuda.so.1 x86-64`,
    `library ${STORE}/libcuda_loader.so libcuda.so.1 x86-64`,
    `library ${STORE}/libnvcuvid.so.1 libnvcuvid.so.1 x86-64`,
    `library ${STORE}/libnvdxgdmal.so.1 libnvdxgdmal.so.1 x86-64`,
    `library ${STORE}/libnvidia-ml.so.1 libnvidia-ml.so.1 x86-64`,
    `library ${STORE}/libnvidia-ml_loader.so libnvidia-ml.so.1 x86-64`,
    `library ${STORE}/libnvidia-ptxjitcompiler.so.1 libnvidia-ptxjitcompiler.so.1 x86-64`,
    `file ${STORE}/nvcubins.bin`,
    `binary ${STORE}/nvidia-smi`,
    `link /usr/bin/nvidia-smi -> ${STORE}/nvidia-smi`,
  ]);
  expect(host.unit?.items.every(({ isOptional }) => !isOptional)).toBe(true);
});

test.each([...Object.keys(REQUIRED).slice(1), "nvcubins.bin", "nvidia-smi"])("a missing %s is a warning", (name) => {
  const root = makeWsl();
  rmSync(`${root}${STORE}/${name}`);
  expect(describeHost(root).warnings).toEqual([`"${root}${STORE}/${name}" does not exist`]);
});

test("of several drivers the newest is taken, with a warning that names the others", () => {
  const root = makeWsl();
  const [older, newer] = [`${STORES}/nv.inf_amd64_older`, `${STORES}/nv.inf_amd64_newer`];
  for (const store of [older, newer]) putStore(root, store);
  utimesSync(root + older, 1000, 1000);
  utimesSync(root + STORE, 2000, 2000);
  utimesSync(root + newer, 3000, 3000);
  put(root, `${STORES}/intel.inf/libze.so`, "");
  const { driver, warnings } = describeHost(root);
  expect(driver?.libraryFolders[0]).toBe(newer);
  expect(warnings).toEqual([`"${root}${STORES}" has several drivers: "${newer}" is taken, not "${STORE}", "${older}"`]);
});

test("without a driver that has libcuda there is no GPU, and a warning says so", () => {
  const root = makeWsl();
  rmSync(`${root}${STORE}/libcuda.so.1.1`);
  const host = describeHost(root);
  expect([host.driver, host.unit]).toEqual([undefined, undefined]);
  expect(host.warnings).toEqual([`no folder of "${root}${STORES}" holds "libcuda.so.1.1"`]);
});

test("a folder whose name would be more than a name in a loader's configuration is passed over", () => {
  const root = makeWsl();
  putStore(root, `${STORES}/evil\n#`);
  expect(describeHost(root)).toMatchObject({ driver: { libraryFolders: [STORE, "/usr/lib/wsl/lib"] }, warnings: [] });
});

test("a link in the store leads no further than the root", () => {
  const root = makeWsl();
  putLink(root, `${STORE}/libevil.so`, "/../../../../etc/passwd");
  putLink(root, `${STORE}/libother.so.1`, "libnvidia-ml.so.1");
  const paths = describeHost(root).unit?.items.map((item) => (item.kind === "node" ? "" : item.path)) ?? [];
  expect(paths.filter((path) => path.includes("evil") || path.includes("passwd"))).toEqual([]);
  expect(paths.filter((path) => path.endsWith("/libnvidia-ml.so.1"))).toHaveLength(1);
});
