import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { must, run, type Output } from "./run.ts";
import type { Scope } from "./scope.ts";

export interface SpecMount {
  destination: string;
  source: string;
  type?: string;
  options?: string[];
}

export interface SpecHook {
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly timeout?: number;
}

/** The parts of an OCI runtime spec that the tests write. */
export interface Spec {
  ociVersion: string;
  process: {
    terminal: boolean;
    user: { uid: number; gid: number };
    args: string[];
    env: string[];
    cwd: string;
    capabilities: Record<string, string[]>;
    rlimits: { type: string; soft: number; hard: number }[];
    noNewPrivileges: boolean;
    oomScoreAdj?: number;
  };
  root: { path: string; readonly: boolean };
  hostname: string;
  mounts: SpecMount[];
  annotations?: Record<string, string>;
  hooks?: { prestart?: SpecHook[]; createContainer?: SpecHook[] };
  linux: {
    namespaces: { type: string; path?: string }[];
    devices?: { path: string; type: string; major: number; minor: number }[];
    resources: {
      memory?: { limit: number };
      devices: { allow: boolean; access: string; type?: string; major?: number; minor?: number }[];
    };
    uidMappings?: { containerID: number; hostID: number; size: number }[];
    gidMappings?: { containerID: number; hostID: number; size: number }[];
    rootfsPropagation?: string;
    maskedPaths: string[];
    readonlyPaths: string[];
  };
}

export interface BundleOptions {
  readonly args: readonly string[];
  /** Beside PATH. */
  readonly env?: readonly string[];
  /** Last changes to the spec. */
  readonly edit?: (spec: Spec) => void;
}

export interface Bundle {
  readonly dir: string;
  readonly configPath: string;
  readonly rootfs: string;
  /** What the container added to the image: the upper folder of its root file system. */
  readonly layer: string;
}

/** What Docker gives to a container by default. */
const CAPABILITIES = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
].map((name) => `CAP_${name}`);

/** A bundle whose root file system is a new layer on an image's tree. */
export function makeBundle(scope: Scope, image: string, options: BundleOptions): Bundle {
  const dir = scope.folder("bundle");
  const [rootfs, layer, work] = ["rootfs", "layer", "work"].map((name) => join(dir, name));
  if (rootfs === undefined || layer === undefined || work === undefined) throw new TypeError("three folders");
  for (const folder of [rootfs, layer, work]) mkdirSync(folder);
  must(["mount", "-t", "overlay", "overlay", "-o", `lowerdir=${image},upperdir=${layer},workdir=${work}`, rootfs]);
  return writeSpec({ dir, rootfs, layer, configPath: join(dir, "config.json") }, options);
}

/** A bundle on a root file system that the test made itself. */
export function makePlainBundle(scope: Scope, fill: (rootfs: string) => void, options: BundleOptions): Bundle {
  const dir = scope.folder("bundle");
  const rootfs = join(dir, "rootfs");
  mkdirSync(rootfs);
  fill(rootfs);
  return writeSpec({ dir, rootfs, layer: rootfs, configPath: join(dir, "config.json") }, options);
}

/** Puts a program into the root folder of a bundle's container. */
export function addProgram(bundle: Bundle, file: string): void {
  const path = join(bundle.rootfs, basename(file).replace(/^cuda-program.*/, "cuda-program"));
  copyFileSync(file, path);
  chmodSync(path, 0o755);
}

/** Writes config.json anew: the same container can be started again with other wishes. */
export function writeSpec(bundle: Bundle, options: BundleOptions): Bundle {
  const spec = makeSpec(options);
  options.edit?.(spec);
  writeFileSync(bundle.configPath, JSON.stringify(spec, undefined, 1));
  return bundle;
}

function makeSpec({ args, env = [] }: BundleOptions): Spec {
  // Copies: a test may add to them.
  const capabilities = { bounding: [...CAPABILITIES], effective: [...CAPABILITIES], permitted: [...CAPABILITIES] };
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: [...args],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...env],
      cwd: "/",
      capabilities,
      rlimits: [],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: false },
    hostname: "e2e",
    mounts: standardMounts(),
    linux: {
      namespaces: ["pid", "mount", "ipc", "uts", "network"].map((type) => ({ type })),
      resources: {
        devices: [
          { allow: false, access: "rwm" },
          // As Docker does: making a node is allowed, using it is not.
          { allow: true, type: "c", access: "m" },
          { allow: true, type: "b", access: "m" },
        ],
      },
      maskedPaths: ["/proc/kcore"],
      readonlyPaths: ["/proc/sys"],
    },
  };
}

function standardMounts(): SpecMount[] {
  return [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
  ];
}

/** A runtime as words before its own: the program, and what has to stand before it. */
export interface Runtime {
  readonly argv: readonly string[];
  /** The low-level runtime that clears up after it. */
  readonly lowLevel: string;
}

let containers = 0;

/** A name that no other container has. */
export function newContainerId(): string {
  containers += 1;
  return `berth-e2e-${process.pid}-${containers}`;
}

export interface RunContainerOptions {
  /** Options of `run`. */
  readonly args?: readonly string[];
  readonly globals?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Stands before the runtime's own words. */
  readonly prefix?: readonly string[];
}

/** `runtime run` to its end; nothing of the container is left afterwards. */
export function runContainer(runtime: Runtime, bundle: Bundle, options: RunContainerOptions = {}): Output {
  const id = newContainerId();
  const state = join(bundle.dir, "state");
  const { args = [], globals = [], prefix = [], env, cwd } = options;
  const words = [...prefix, ...runtime.argv, "--root", state, ...globals, "run", ...args, "--bundle", bundle.dir, id];
  try {
    return run(words, { ...(env === undefined ? {} : { env }), ...(cwd === undefined ? {} : { cwd }) });
  } finally {
    if (existsSync(join(state, id))) run([runtime.lowLevel, "--root", state, "delete", "--force", id]);
  }
}

/** The same for containers that run side by side. */
export async function startContainer(runtime: Runtime, bundle: Bundle): Promise<Output> {
  const words = [...runtime.argv, "--root", join(bundle.dir, "state"), "run", "--bundle", bundle.dir, newContainerId()];
  const child = Bun.spawn(words, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { status, stdout, stderr };
}

/** The bundle's config.json as the low-level runtime found it. */
export function readSpec(bundle: Bundle): Spec {
  const spec: Spec = JSON.parse(readFileSync(bundle.configPath, "utf8"));
  return spec;
}
