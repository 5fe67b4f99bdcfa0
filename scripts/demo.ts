/**
 * A simulated host with 8 GPUs, and containers started on it by runc through berth's drop-in `nvidia-container-runtime`.
 * Where runc or root is missing it shows what berth writes into the container's spec instead.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { printErr, printOut, runProgram } from "../src/base/index.ts";

const project = join(import.meta.dir, "..");
const LOADER = process.arch === "arm64" ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2";

/** What keeps a real container from starting here; empty when nothing does. */
function findMissing(): string[] {
  const missing: string[] = [];
  if (process.getuid?.() !== 0) missing.push("root (device nodes and containers need it)");
  if (Bun.which("runc") === null) missing.push("runc (apt-get install runc)");
  if (Bun.which("busybox") === null) missing.push("busybox (apt-get install busybox-static)");
  if (!existsSync(LOADER)) missing.push(`the GNU C library's loader "${LOADER}"`);
  return missing;
}

/** A root file system of busybox and the C library's loader: nothing in it knows of GPUs. */
function makeRootfs(rootfs: string): void {
  for (const folder of ["bin", "dev", "etc", "proc", "sys", "tmp", "usr/bin", join(".", LOADER, "..")]) {
    mkdirSync(join(rootfs, folder), { recursive: true });
  }
  const busybox = Bun.which("busybox");
  if (busybox === null) return;
  copyFileSync(busybox, join(rootfs, "bin/busybox"));
  chmodSync(join(rootfs, "bin/busybox"), 0o755);
  for (const applet of ["sh", "ls", "grep", "tr"]) symlinkSync("busybox", join(rootfs, "bin", applet));
  copyFileSync(LOADER, join(rootfs, LOADER));
}

/** A bundle whose container asks for `devices` and lists the GPUs that it sees. */
function makeBundle(bundle: string, devices: string): void {
  mkdirSync(join(bundle, "rootfs"), { recursive: true });
  makeRootfs(join(bundle, "rootfs"));
  const spec = {
    ociVersion: "1.0.2",
    process: {
      user: { uid: 0, gid: 0 },
      args: ["/bin/sh", "-c", "nvidia-smi -L; ls /dev | grep nvidia | tr '\\n' ' '"],
      env: ["PATH=/usr/bin:/bin", `NVIDIA_VISIBLE_DEVICES=${devices}`, "NVIDIA_DRIVER_CAPABILITIES=compute,utility"],
      cwd: "/",
    },
    root: { path: "rootfs" },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755"] },
    ],
    linux: {
      namespaces: ["pid", "mount", "ipc", "uts", "network"].map((type) => ({ type })),
      resources: { devices: [{ allow: false, access: "rwm" }] },
    },
  };
  writeFileSync(join(bundle, "config.json"), JSON.stringify(spec));
}

function must(argv: readonly string[]): string {
  const { exitCode, stdout, stderr } = runProgram(argv, {});
  const output = Buffer.from(stdout).toString();
  if (exitCode !== 0)
    throw new Error(`"${argv.join(" ")}" ended with ${exitCode}: ${output}${Buffer.from(stderr).toString()}`);
  return output;
}

/** Runs a container that asks for `devices`, and holds what it saw against `granted`. */
function showContainer(work: string, devices: string, granted: readonly string[]): void {
  const bundle = join(work, `bundle-${devices}`);
  makeBundle(bundle, devices);
  printOut(`\n$ NVIDIA_VISIBLE_DEVICES=${devices} nvidia-container-runtime run …\n`);
  const id = `berth-demo-${process.pid}-${devices.replaceAll(",", "-")}`;
  const runtime = join(work, "host/bin/nvidia-container-runtime");
  const output = must([runtime, "--root", join(work, "runc"), "run", "--bundle", bundle, id]);
  printOut(`${output.trimEnd()}\n`);
  const seen = [...output.matchAll(/UUID: (GPU-[0-9a-f-]+)/g)].map(([, uuid = ""]) => uuid);
  if (seen.join() !== granted.join()) throw new Error(`the container saw ${seen.join()}, not ${granted.join()}`);
  printOut(`=> exactly the ${granted.length} GPUs that it was granted\n`);
}

/** What berth adds to a spec, with the low-level runtime left out. */
function showEditedSpec(work: string, host: string): void {
  const bundle = join(work, "bundle");
  makeBundle(bundle, "0,3");
  printOut(`\n$ berth inspect --bundle BUNDLE   # NVIDIA_VISIBLE_DEVICES=0,3\n`);
  printOut(must([join(project, "dist/bin/berth"), "--root", host, "inspect", "--bundle", bundle]));
}

function readUuids(json: string): string[] {
  const host: { readonly gpus: readonly { readonly uuid: string }[] } = JSON.parse(json);
  return host.gpus.map(({ uuid }) => uuid);
}

function demo(work: string): void {
  const host = join(work, "host");
  const berth = join(project, "dist/bin/berth");
  must([berth, "sim", "up", host, "--profile", "h100x8"]);
  printOut(`A simulated host with 8 GPUs:\n\n$ berth --root HOST host\n${must([berth, "--root", host, "host"])}`);
  const missing = findMissing();
  if (missing.length === 0) {
    const uuids = readUuids(must([berth, "--root", host, "host", "--json"]));
    showContainer(work, "0,3", [uuids[0] ?? "", uuids[3] ?? ""]);
    showContainer(work, "all", uuids);
  } else {
    printErr(`\nNo container can be started here. Missing: ${missing.join(", ")}.\nThis is what one would get:\n`);
    showEditedSpec(work, host);
  }
  must([berth, "sim", "down", host]);
}

const work = mkdtempSync(join(tmpdir(), "berth-demo-"));
try {
  demo(work);
} finally {
  rmSync(work, { recursive: true, force: true });
}
