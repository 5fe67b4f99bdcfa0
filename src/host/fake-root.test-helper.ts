import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loaderFlags, mergeLoaderCache } from "../linux/index.ts";
import type { Architecture } from "./host.ts";
import { SIMULATION_MARK } from "./scene.ts";

export const VERSION = "570.133.20";
const DEBIAN = "/usr/lib/x86_64-linux-gnu";

export interface FakeGpu {
  readonly bus: string;
  readonly minor: number;
  readonly uuid?: string;
  readonly model?: string;
  readonly isExcluded?: boolean;
  /** GPU instance → compute instances. */
  readonly mig?: Readonly<Record<number, readonly number[]>>;
}

/** A UUID that ends in a number. */
export function uuid(number: number): string {
  return `GPU-00000000-0000-0000-0000-${number.toString(16).padStart(12, "0")}`;
}

/** A new folder marked as a simulated host, with nothing in it. */
export function makeEmptyRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "berth-host-"));
  put(root, `/${SIMULATION_MARK}`, "");
  return root;
}

/** A new root with a loaded driver, these GPUs and their nodes, control nodes and two libraries in Debian's folder. */
export function makeRoot(gpus: readonly FakeGpu[]): string {
  const root = makeEmptyRoot();
  put(root, "/proc/driver/nvidia/version", versionText(VERSION));
  put(
    root,
    "/proc/devices",
    "Character devices:\n  1 mem\n195 nvidia\n234 nvidia-caps\n511 nvidia-uvm\n\nBlock devices:\n  7 loop\n",
  );
  for (const gpu of gpus) putGpu(root, gpu);
  putMigMinors(root, gpus);
  putNode(root, "/dev/nvidiactl", [195, 255]);
  putNode(root, "/dev/nvidia-modeset", [195, 254]);
  putNode(root, "/dev/nvidia-uvm", [511, 0]);
  putNode(root, "/dev/nvidia-uvm-tools", [511, 1]);
  putLibrary(root, DEBIAN, { stem: "libcuda", links: ["libcuda.so"] });
  putLibrary(root, DEBIAN, { stem: "libnvidia-ml" });
  return root;
}

/** The first lines of /proc/driver/nvidia/version under the proprietary module. */
export function versionText(version: string): string {
  return `NVRM version: NVIDIA UNIX x86_64 Kernel Module  ${version}  Sun Mar 23 11:17:39 UTC 2025\nGCC version:  gcc version 12.2.0\n`;
}

export function putGpu(root: string, gpu: FakeGpu): void {
  const lines = [
    `Model: \t\t ${gpu.model ?? "NVIDIA H100 80GB HBM3"}`,
    "IRQ:   \t\t 64",
    `GPU UUID: \t ${gpu.uuid ?? "GPU-????????-????-????-????-????????????"}`,
    "Bus Type: \t PCIe",
    `Bus Location: \t ${gpu.bus}`,
    `Device Minor: \t ${gpu.minor}`,
    `GPU Excluded:\t ${gpu.isExcluded === true ? "Yes" : "No"}`,
  ];
  put(root, `/proc/driver/nvidia/gpus/${gpu.bus}/information`, `${lines.join("\n")}\n`);
  putNode(root, `/dev/nvidia${gpu.minor}`, [195, gpu.minor]);
}

/** Capability folders, minors (from 10 on, in order) and nodes of the MIG parts. */
function putMigMinors(root: string, gpus: readonly FakeGpu[]): void {
  const lines = ["config 1", "monitor 2"];
  for (const gpu of gpus) {
    for (const [gi, computeInstances] of Object.entries(gpu.mig ?? {})) {
      const parts = [`gpu${gpu.minor}/gi${gi}`, ...computeInstances.map((ci) => `gpu${gpu.minor}/gi${gi}/ci${ci}`)];
      for (const part of parts) {
        const minor = lines.length + 8;
        lines.push(`${part}/access ${minor}`);
        putNode(root, `/dev/nvidia-caps/nvidia-cap${minor}`, [234, minor]);
        put(
          root,
          `/proc/driver/nvidia/capabilities/${part.replace("/", "/mig/")}/access`,
          `DeviceFileMinor: ${minor}\n`,
        );
      }
    }
  }
  put(root, "/proc/driver/nvidia-caps/mig-minors", `${lines.join("\n")}\n`);
}

export function put(root: string, path: string, content: string | Uint8Array, mode = 0o644): void {
  mkdirSync(dirname(root + path), { recursive: true });
  writeFileSync(root + path, content);
  chmodSync(root + path, mode);
}

export function putLink(root: string, path: string, target: string): void {
  mkdirSync(dirname(root + path), { recursive: true });
  symlinkSync(target, root + path);
}

/** A stand-in for a character device with mode 0666. */
export function putNode(root: string, path: string, [major, minor]: readonly [number, number]): void {
  put(root, path, `berth-sim-device c ${major} ${minor}\n`, 0o666);
}

export interface FakeLibrary {
  readonly stem: string;
  readonly version?: string;
  readonly architecture?: Architecture;
  /** Undefined: "<stem>.so.1". */
  readonly soname?: string;
  /** Further links to the soname's link. */
  readonly links?: readonly string[];
}

/** An ELF file `<stem>.so.<version>` with its soname's link and more links to that. */
export function putLibrary(root: string, folder: string, library: FakeLibrary): void {
  const { stem, version = VERSION, architecture = "x86-64", soname = `${stem}.so.1`, links = [] } = library;
  const name = `${stem}.so.${version}`;
  put(root, `${folder}/${name}`, makeElf(architecture, soname));
  if (soname !== name) putLink(root, `${folder}/${soname}`, name);
  for (const link of links) putLink(root, `${folder}/${link}`, soname);
}

/** A shared library under a name of its own, and no link beside it. */
export function putElf(root: string, path: string, soname: string, architecture: Architecture = "x86-64"): void {
  put(root, path, makeElf(architecture, soname));
}

/** The least of a shared library: a header, one PT_LOAD, PT_DYNAMIC and the string table with the soname. */
function makeElf(architecture: Architecture, soname: string): Uint8Array {
  const is64 = architecture !== "i386";
  const word = is64 ? 8 : 4;
  const [headerBytes, programBytes] = is64 ? [64, 56] : [52, 32];
  const dynamicAt = headerBytes + 2 * programBytes;
  const stringsAt = dynamicAt + 4 * 2 * word;
  const strings = Buffer.from(`\0${soname}\0`);
  const size = stringsAt + strings.length;
  const bytes = Buffer.alloc(size);
  const put16 = (at: number, value: number): number => bytes.writeUInt16LE(value, at);
  const putWord = (at: number, value: number): unknown =>
    is64 ? bytes.writeBigUInt64LE(BigInt(value), at) : bytes.writeUInt32LE(value, at);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, 1, 1]);
  put16(16, 3);
  put16(18, { "x86-64": 62, aarch64: 183, i386: 3 }[architecture]);
  bytes.writeUInt32LE(1, 20);
  putWord(24 + word, headerBytes);
  const sizes = 24 + 3 * word + 4;
  [headerBytes, programBytes, 2].forEach((value, index) => put16(sizes + 2 * index, value));
  putProgramHeader(bytes, { at: headerBytes, is64, type: 1, offset: 0, size });
  putProgramHeader(bytes, {
    at: headerBytes + programBytes,
    is64,
    type: 2,
    offset: dynamicAt,
    size: stringsAt - dynamicAt,
  });
  [5, stringsAt, 10, strings.length, 14, 1, 0, 0].forEach((value, index) => putWord(dynamicAt + index * word, value));
  bytes.set(strings, stringsAt);
  return bytes;
}

interface ProgramHeader {
  readonly at: number;
  readonly is64: boolean;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

/** Addresses equal file offsets. */
function putProgramHeader(bytes: Buffer, header: ProgramHeader): void {
  const { at, is64, type, offset, size } = header;
  bytes.writeUInt32LE(type, at);
  const fields = [offset, offset, offset, size, size];
  fields.forEach((value, index) => {
    if (is64) bytes.writeBigUInt64LE(BigInt(value), at + 8 + 8 * index);
    else bytes.writeUInt32LE(value, at + 4 + 4 * index);
  });
}

/** A loader cache with libcuda at this path. */
export function loaderCache(path: string): Uint8Array {
  const entry = { soname: "libcuda.so.1", path, flags: loaderFlags("x86-64"), osVersion: 0, hwcap: 0n };
  return mergeLoaderCache(undefined, { add: [entry], removePaths: new Set() }).bytes;
}
