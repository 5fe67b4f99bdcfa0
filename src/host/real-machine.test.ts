import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describeHost } from "./describe.ts";
import { loaderCache, makeEmptyRoot, put, putElf, putLink, putNode } from "./fake-root.test-helper.ts";
import type { Host } from "./host.ts";

/*
 * A virtual machine with one H100 and driver 580.159.04, as it was read by scripts/gpu-check: its /proc and /sys word for
 * word (but for the UUID, and mig-minors cut short), the names in its library folder, the numbers of its nodes.
 */
const FIXTURE = join(import.meta.dir, "fixtures/h100-580.159.04");
const FOLDER = "/usr/local/nvidia/lib64";

let root = "";
let host: Host;
/** The files of the library folder, without its links. */
let files: readonly string[] = [];

beforeAll(() => {
  root = makeEmptyRoot();
  for (const folder of ["proc", "sys"]) cpSync(join(FIXTURE, folder), join(root, folder), { recursive: true });
  const lines = readFileSync(join(FIXTURE, "library-folder.txt"), "utf8").trimEnd().split("\n");
  const entries = lines.map((line) => line.split(" -> "));
  const links = entries.flatMap(([name = "", target]) => (target === undefined ? [] : [{ name, target }]));
  files = entries.flatMap(([name = "", target]) => (target === undefined ? [name] : []));
  for (const file of files) {
    const numbered = links.find(({ name, target }) => target === file && /\.so\.\d+$/.test(name));
    putElf(root, `${FOLDER}/${file}`, numbered?.name ?? file);
  }
  for (const { name, target } of links) putLink(root, `${FOLDER}/${name}`, target);
  put(root, "/etc/ld.so.cache", loaderCache(`${FOLDER}/libcuda.so.1`));
  putNode(root, "/dev/nvidia0", [195, 0]);
  putNode(root, "/dev/nvidiactl", [195, 255]);
  putNode(root, "/dev/nvidia-uvm", [238, 0]);
  putNode(root, "/dev/nvidia-uvm-tools", [238, 1]);
  putNode(root, "/dev/nvidia-caps/nvidia-cap1", [241, 1]);
  putNode(root, "/dev/nvidia-caps/nvidia-cap2", [241, 2]);
  host = describeHost(root);
});
afterAll(() => rmSync(root, { recursive: true }));

test("the driver and its CUDA", () => {
  expect(host.driver).toMatchObject({ version: "580.159.04", libraryFolders: [FOLDER] });
  expect(host.driver?.cuda?.version).toBe("13.0");
  expect([host.absence, host.warnings]).toEqual([undefined, []]);
});

test("the GPU, with what tables say of it", () => {
  expect(host.gpus).toMatchObject([
    {
      index: 0,
      minor: 0,
      uuid: "GPU-3b1d5a0c-7c1e-4a57-9a4e-5d2f8e6b9c10",
      bus: "0000:00:06.0",
      model: "NVIDIA H100 80GB HBM3",
      brand: "nvidia",
      isMigEnabled: false,
      migDevices: [],
    },
  ]);
});

test("control nodes by the majors of /proc/devices, and MIG's", () => {
  const numbers = host.controlNodes.map(({ path, major, minor }) => `${path} ${major}:${minor}`);
  expect(numbers).toEqual(["/dev/nvidiactl 195:255", "/dev/nvidia-uvm 238:0", "/dev/nvidia-uvm-tools 238:1"]);
  expect(host.migControl).toMatchObject({ config: { major: 241, minor: 1 }, monitor: { major: 241, minor: 2 } });
});

test("every library of the folder is one that berth knows", () => {
  expect(host.libraries.map(({ path }) => path.slice(FOLDER.length + 1)).toSorted()).toEqual([...files].toSorted());
});
