import { chmodSync, copyFileSync, lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { splitDeviceNumber } from "../linux/index.ts";
import { libraryFolder } from "./library-files.ts";
import type { SimHost } from "./simulate.ts";

const LOADER = process.arch === "arm64" ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2";

/** Runs a program to its end with nothing of this process's environment but PATH. */
export function run(...argv: readonly string[]): { status: number; output: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...argv], {
    stdin: "ignore",
    env: { PATH: process.env["PATH"] },
  });
  return { status: exitCode, output: `${stdout.toString()}${stderr.toString()}` };
}

/** Runs a program of the tree in the tree, with the machine's own loader and nothing else of this machine. */
export function runInside(host: SimHost, ...argv: readonly string[]): { status: number; output: string } {
  mkdirSync(join(host.dir, dirname(LOADER)), { recursive: true });
  copyFileSync(LOADER, join(host.dir, LOADER));
  chmodSync(join(host.dir, LOADER), 0o755);
  return run("chroot", host.dir, ...argv);
}

/** Compiles a C program that is linked against libcuda and libnvidia-ml, and runs it in the tree with this machine's C library. */
export function runClient(host: SimHost, source: string, ...args: readonly string[]) {
  const path = join(host.dir, "client");
  writeFileSync(`${path}.c`, source);
  const libraries = join(host.dir, libraryFolder(host.profile));
  const compiled = run("gcc", "-o", path, `${path}.c`, `-L${libraries}`, "-lcuda", "-lnvidia-ml");
  if (compiled.status !== 0) throw new Error(compiled.output);
  const cache = run("/sbin/ldconfig", "-p").output;
  const libc = /libc\.so\.6 \(.*(?:x86-64|AArch64).*\) => (.*)/.exec(cache)?.[1] ?? "";
  copyFileSync(libc, join(host.dir, "lib/libc.so.6"));
  return runInside(host, "/client", ...args);
}

/** Mode, owner's group and numbers of a device node: "660:44 226:1". */
export function describeNode(host: SimHost, path: string): string {
  const { mode, gid, rdev } = lstatSync(join(host.dir, path));
  const { major, minor } = splitDeviceNumber(rdev);
  return `${(mode & 0o777).toString(8)}:${gid} ${major}:${minor}`;
}

/** `ldconfig -p` of a cache, without its heading. */
export function listCache(cache: string): readonly string[] {
  const { output } = run("/sbin/ldconfig", "-p", "-C", cache);
  return output
    .split("\n")
    .filter((line) => line.startsWith("\t"))
    .toSorted();
}
