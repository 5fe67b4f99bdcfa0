import { chmodSync, copyFileSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { program } from "../lib/gate.ts";
import { must } from "../lib/run.ts";
import { debianTree } from "./debian.ts";

const MULTIARCH = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
export const GLIBC_LOADER = process.arch === "arm64" ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2";
export const MUSL_LOADER = process.arch === "arm64" ? "/lib/ld-musl-aarch64.so.1" : "/lib/ld-musl-x86_64.so.1";

/** The C library of the Debian tree, without its packages. */
const C_LIBRARY = /^(ld-linux-.*|lib(c|m|dl|pthread|rt|resolv)\.so\.\d+)$/;
const APPLETS = ["sh", "ls", "cat", "grep", "readlink", "stat", "id", "mknod", "touch", "env", "find"];
const FOLDERS = ["dev", "proc", "sys", "tmp", "run"];

/** RHEL's layout: libraries in /usr/lib64 with /lib64 as a link to it, no multiarch folders, a cache made by ldconfig. */
export function makeRhelLike(tree: string): string {
  makeFolders(tree, [...FOLDERS, "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc/ld.so.conf.d"]);
  for (const name of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${name}`, join(tree, name));
  copyLibraries(join(tree, "usr/lib64"));
  copyFileSync(join(debianTree(), "usr/sbin/ldconfig"), join(tree, "usr/sbin/ldconfig"));
  addBusybox(tree, "usr/bin");
  write(tree, "etc/redhat-release", "Rocky Linux release 9.5 (Blue Onyx)\n");
  write(tree, "etc/os-release", 'ID="rocky"\nID_LIKE="rhel"\nVERSION_ID="9.5"\n');
  write(tree, "etc/ld.so.conf", "include ld.so.conf.d/*.conf\n");
  // The Debian build of the C library does not look into /usr/lib64 by itself.
  write(tree, "etc/ld.so.conf.d/lib64.conf", "/usr/lib64\n");
  must(["/sbin/ldconfig", "-r", tree]);
  return tree;
}

/** Alpine's layout: musl, whose loader reads /etc/ld-musl-*.path, and busybox. */
export function makeAlpineLike(tree: string): string {
  makeFolders(tree, [...FOLDERS, "bin", "sbin", "etc", "lib", "usr/bin", "usr/lib"]);
  copyFileSync(MUSL_LOADER, join(tree, MUSL_LOADER));
  chmodSync(join(tree, MUSL_LOADER), 0o755);
  addBusybox(tree, "bin");
  write(tree, "etc/alpine-release", "3.21.3\n");
  write(tree, "etc/os-release", "ID=alpine\nVERSION_ID=3.21.3\n");
  return tree;
}

/** A C library and nothing else: no /etc, no loader cache, no shell. */
export function makeDistroless(tree: string): string {
  makeFolders(tree, ["proc", "dev", `usr/lib/${MULTIARCH}`, "usr/bin", dirname(GLIBC_LOADER)]);
  if (GLIBC_LOADER.startsWith("/lib64/")) symlinkSync("usr/lib", join(tree, "lib"));
  copyLibraries(join(tree, `usr/lib/${MULTIARCH}`));
  // The link in the tree is absolute, and leads to this machine's: another one than that of the C library.
  copyFileSync(join(debianTree(), "usr/lib", MULTIARCH, basename(GLIBC_LOADER)), join(tree, GLIBC_LOADER));
  return tree;
}

function makeFolders(tree: string, folders: readonly string[]): void {
  for (const folder of folders) mkdirSync(join(tree, folder), { recursive: true });
}

function write(tree: string, path: string, text: string): void {
  writeFileSync(join(tree, path), text);
}

function addBusybox(tree: string, folder: string): void {
  const path = join(tree, folder, "busybox");
  copyFileSync(program("busybox"), path);
  chmodSync(path, 0o755);
  for (const applet of APPLETS) symlinkSync("busybox", join(tree, folder, applet));
}

function copyLibraries(to: string): void {
  const from = join(debianTree(), "usr/lib", MULTIARCH);
  for (const name of readdirSync(from).filter((file) => C_LIBRARY.test(file))) {
    copyFileSync(realpathSync(join(from, name)), join(to, name));
    chmodSync(join(to, name), 0o755);
  }
}
