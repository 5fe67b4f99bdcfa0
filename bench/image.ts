import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { runProgram } from "../src/base/index.ts";
import { patchSoname } from "../src/sim/index.ts";

const FOLDERS = [
  "bin",
  "dev",
  "etc/ld.so.conf.d",
  "lib64",
  "proc",
  "sbin",
  "sys",
  "tmp",
  "usr/bin",
  "usr/lib/x86_64-linux-gnu",
];

/** A small Debian-like image: the C library, its loader, busybox, and `libraries` further shared libraries in its loader cache. */
export function makeImage(folder: string, libraries: number): void {
  for (const path of FOLDERS) mkdirSync(join(folder, path), { recursive: true });
  const library = join(folder, "usr/lib/x86_64-linux-gnu");
  symlinkSync("usr/lib", join(folder, "lib"));
  for (const file of ["libc.so.6", "libm.so.6"])
    cpSync(`/lib/x86_64-linux-gnu/${file}`, join(library, file), { dereference: true });
  copyFileSync("/lib64/ld-linux-x86-64.so.2", join(folder, "lib64/ld-linux-x86-64.so.2"));
  copyFileSync(Bun.which("busybox") ?? "/bin/busybox", join(folder, "bin/busybox"));
  chmodSync(join(folder, "bin/busybox"), 0o755);
  symlinkSync("busybox", join(folder, "bin/true"));
  writeFileSync(join(folder, "etc/debian_version"), "12\n");
  writeFileSync(join(folder, "etc/ld.so.conf"), "include /etc/ld.so.conf.d/*.conf\n");
  writeFileSync(join(folder, "etc/ld.so.conf.d/x86_64-linux-gnu.conf"), "/usr/lib/x86_64-linux-gnu\n");
  const stub = readFileSync(join(import.meta.dir, "../build/native/target/stub.so"));
  for (let number = 0; number < libraries; number += 1) {
    const name = `libbench-${number}.so.1`;
    writeFileSync(join(library, name), patchSoname(stub, name));
  }
  must(["/sbin/ldconfig", "-r", folder]);
}

/** A spec as Docker writes one, for a container that ends at once. */
export function makeSpec(devices: string | undefined, name: string, capabilities?: string): string {
  const env = [
    "PATH=/usr/bin:/bin",
    "HOSTNAME=bench",
    ...(devices === undefined ? [] : [`NVIDIA_VISIBLE_DEVICES=${devices}`]),
    ...(capabilities === undefined ? [] : [`NVIDIA_DRIVER_CAPABILITIES=${capabilities}`]),
  ];
  return JSON.stringify({
    ociVersion: "1.0.2",
    process: { user: { uid: 0, gid: 0 }, args: ["/bin/true"], env, cwd: "/" },
    root: { path: "rootfs" },
    hostname: "bench",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "noexec", "nodev", "mode=1777"] },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
    ],
    linux: {
      cgroupsPath: `/berth-bench-${basename(name)}`,
      namespaces: ["pid", "mount", "ipc", "uts", "network"].map((type) => ({ type })),
      resources: { devices: [{ allow: false, access: "rwm" }] },
    },
  });
}

/** Runs a program that has to succeed. */
export function must(argv: readonly string[]): string {
  const { exitCode, stdout, stderr } = runProgram(argv, {});
  if (exitCode !== 0) throw new Error(`"${argv.join(" ")}" ended with ${exitCode}: ${Buffer.from(stderr).toString()}`);
  return Buffer.from(stdout).toString();
}
