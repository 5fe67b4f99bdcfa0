import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isJsonObject, parseJson, type JsonObject } from "../base/index.ts";
import type { Edits, LoaderEdit } from "../edits/index.ts";
import type { Grant } from "../grant/index.ts";
import type { DeviceNode, Gpu, Host } from "../host/index.ts";
import { formatLoaderCache, parseLoaderCache, Root } from "../linux/index.ts";
import { mountsOf, type Bundle } from "../oci/index.ts";
import { carryOut } from "./carry-out.ts";
import { planSpec } from "./plan-spec.ts";
import type { SpecPlan } from "./plan.ts";

/** A file's content, "-> target" for a link, null for a folder. */
export type Tree = Readonly<Record<string, string | Uint8Array | null>>;

export const LIBRARIES = "/usr/lib/x86_64-linux-gnu";
export const NOW = new Date("2026-01-02T03:04:05Z");

/** A folder that is gone after the test: `using work = workFolder()`. */
export function workFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "berth-apply-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export function makeTree(root: string, tree: Tree): string {
  mkdirSync(root, { recursive: true });
  for (const [path, content] of Object.entries(tree)) {
    const place = join(root, path);
    mkdirSync(content === null ? place : dirname(place), { recursive: true });
    if (typeof content === "string" && content.startsWith("-> ")) symlinkSync(content.slice(3), place);
    else if (content !== null) writeFileSync(place, content);
  }
  return root;
}

/** Everything below a folder: kind and content by path. */
export function readTree(root: string, below = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(root, below)).toSorted()) {
    const path = `${below}/${name}`;
    const place = join(root, path);
    const stat = lstatSync(place);
    if (stat.isSymbolicLink()) found[path] = `-> ${readlinkSync(place)}`;
    else if (stat.isDirectory()) Object.assign(found, { [path]: "folder" }, readTree(root, path));
    else found[path] = `${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid} ${readFileSync(place, "latin1")}`;
  }
  return found;
}

/** A Debian image whose /lib is /usr/lib. */
export const DEBIAN: Tree = {
  "/lib": "-> usr/lib",
  "/lib64": "-> usr/lib64",
  "/sbin": "-> usr/sbin",
  "/bin": "-> usr/bin",
  "/usr/lib64/ld-linux-x86-64.so.2": "loader",
  "/usr/lib/x86_64-linux-gnu/libc.so.6": "libc",
  "/usr/bin": null,
  "/usr/sbin/ldconfig": "ldconfig",
  "/etc/debian_version": "12.5",
  "/etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
  "/etc/ld.so.conf.d/libc.conf": "# libc default\n/usr/local/lib\n",
  "/etc/ld.so.conf.d/x86_64-linux-gnu.conf":
    "/usr/local/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n",
  "/etc/ld.so.cache": cacheOf(["libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6"]),
  "/run": null,
  "/var/run": "-> /run",
  "/tmp": null,
};

export const RHEL: Tree = {
  "/lib64": "-> usr/lib64",
  "/lib": "-> usr/lib",
  "/sbin": "-> usr/sbin",
  "/usr/lib": null,
  "/usr/bin": null,
  "/usr/lib64/libc.so.6": "libc",
  "/usr/lib64/ld-linux-x86-64.so.2": "loader",
  "/usr/sbin/ldconfig": "ldconfig",
  "/etc/ld.so.conf": "include ld.so.conf.d/*.conf\n",
  "/etc/ld.so.conf.d": null,
  "/etc/ld.so.cache": cacheOf(["libc.so.6", "/lib64/libc.so.6"]),
};

export const ALPINE: Tree = {
  "/lib/ld-musl-x86_64.so.1": "loader",
  "/lib/libc.musl-x86_64.so.1": "-> ld-musl-x86_64.so.1",
  "/etc/alpine-release": "3.20",
  "/usr/bin": null,
  "/usr/lib": null,
  "/sbin/ldconfig": "#!/bin/sh\n",
};

export const DISTROLESS: Tree = { "/app": "static" };

export function cacheOf(...entries: readonly (readonly [soname: string, path: string])[]): Uint8Array {
  return formatLoaderCache(entries.map(([soname, path]) => ({ soname, path, flags: 0x0303, osVersion: 0, hwcap: 0n })));
}

/** `libcuda.so.1 => /…/libcuda.so.570` of each entry of a cache file. */
export function readCache(path: string): readonly string[] {
  return parseLoaderCache(readFileSync(path))?.entries.map((entry) => `${entry.soname} => ${entry.path}`) ?? [];
}

const NODE: DeviceNode = {
  path: "/dev/nvidia0",
  hostPath: "/dev/null",
  major: 1,
  minor: 3,
  mode: 0o666,
  uid: 0,
  gid: 0,
};
const CONTROL: DeviceNode = { ...NODE, path: "/dev/nvidiactl", hostPath: "/dev/zero", minor: 5 };
const UVM: DeviceNode = { ...NODE, path: "/dev/nvidia-uvm", hostPath: "/dev/full", minor: 7 };
const GPU: Gpu = {
  index: 0,
  minor: 0,
  uuid: "GPU-11111111-2222-3333-4444-555555555555",
  bus: "0000:1b:00.0",
  model: "NVIDIA H100",
  computeCapability: "9.0",
  brand: "nvidia",
  node: NODE,
  drmNodes: [],
  drmLinks: [],
  isMigEnabled: false,
  migDevices: [],
};

export interface Machine {
  readonly host: Host;
  readonly grant: Grant;
  readonly edits: Edits;
}

/** A machine with one GPU whose driver files lie in `folder`; as a container sees them they are in `libraries`. */
export function makeMachine(
  folder: string,
  choice: { version?: string; libraries?: string; names?: readonly string[] } = {},
): Machine {
  const { version = "570.1", libraries = LIBRARIES, names = ["cuda", "nvidia-ml"] } = choice;
  const driver = { version, cuda: { version: "12.8", isExact: true }, libraryFolders: [libraries] };
  const files: Record<string, string> = { "nvidia-smi": "smi", "gsp.bin": "firmware", socket: "socket" };
  for (const name of names) files[`lib${name}.so.${version}`] = name;
  makeTree(folder, files);
  const reason = "a test";
  const mount = (containerPath: string, kind: "library" | "binary" | "firmware" | "socket") => {
    const options = ["ro", "nosuid", "nodev", "rbind", "rprivate"];
    return { hostPath: join(folder, containerPath.split("/").at(-1) ?? ""), containerPath, kind, options, reason };
  };
  const fileOf = (name: string): string => `${libraries}/lib${name}.so.${version}`;
  const links = names.flatMap((name) => {
    return [`lib${name}.so.1`, `lib${name}.so`].map((link) => ({
      path: `${libraries}/${link}`,
      target: `lib${name}.so.${version}`,
      reason,
    }));
  });
  const entries = names.map((name): LoaderEdit => ({
    soname: `lib${name}.so.1`,
    path: fileOf(name),
    architecture: "x86-64",
    isOfImage: false,
    reason,
  }));
  return {
    host: {
      root: "/",
      absence: undefined,
      driver,
      gpus: [GPU],
      unit: undefined,
      controlNodes: [CONTROL, UVM],
      migControl: {},
      imexChannels: [],
      features: {
        gds: { nodes: [], files: [] },
        gdrcopy: { nodes: [], files: [] },
        mofed: { nodes: [], files: [] },
        nvswitch: { nodes: [], files: [] },
      },
      libraries: [],
      missing: [],
      files: [],
      links: [],
      warnings: [],
    },
    grant: {
      driver,
      gpus: [{ gpu: GPU, reason }],
      migDevices: [],
      unit: undefined,
      imexChannels: [],
      features: [],
      migControl: [],
      compat: undefined,
      extras: { hasSockets: true, hasExplicitLibraries: false, hasGroups: true, hasApplicationProfile: true },
      warnings: [],
      capabilities: [
        { name: "compute", reason },
        { name: "utility", reason },
      ],
    },
    edits: {
      devices: [CONTROL, NODE].map((node) => ({ node, reason })),
      mounts: [
        ...names.map((name) => mount(fileOf(name), "library")),
        mount("/usr/bin/nvidia-smi", "binary"),
        mount(`/lib/firmware/nvidia/${version}/gsp.bin`, "firmware"),
        mount("/run/nvidia-persistenced/socket", "socket"),
      ],
      links,
      loaderEntries: entries,
      env: [{ name: "NVIDIA_VISIBLE_DEVICES", value: GPU.uuid ?? "", reason }],
      groups: [],
      files: [],
    },
  };
}

/** A user's volume. */
export function volume(source: string, destination: string): JsonObject {
  return { destination, type: "bind", source, options: ["rbind", "rw"] };
}

export function tmpfs(destination: string): JsonObject {
  return { destination, type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] };
}

export const ENGINE_MOUNTS: readonly JsonObject[] = [
  { destination: "/proc", type: "proc", source: "proc" },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid"] },
];

export interface Container {
  readonly dir: string;
  readonly rootfs: string;
  readonly state: string;
  plan(machine: Machine, options?: { isWritable?: boolean }): SpecPlan;
  /** Plans, carries out, and makes the mount points that the low-level runtime would make. */
  start(machine: Machine, options?: { isWritable?: boolean }): SpecPlan;
  readSpec(): JsonObject;
}

/** A bundle with an image, as an engine would leave it. */
export function makeContainer(work: string, image: Tree, changes: JsonObject = {}): Container {
  const dir = join(work, "bundle");
  const rootfs = makeTree(join(dir, "rootfs"), image);
  const state = join(work, "state");
  const spec = {
    ociVersion: "1.2.0",
    process: { env: ["PATH=/bin", "NVIDIA_VISIBLE_DEVICES=0"], cwd: "/" },
    root: { path: "rootfs" },
    mounts: ENGINE_MOUNTS,
    linux: { resources: { devices: [{ allow: false, access: "rwm" }] }, namespaces: [{ type: "mount" }] },
    ...changes,
  };
  const configPath = join(dir, "config.json");
  writeFileSync(configPath, JSON.stringify(spec));
  chmodSync(configPath, 0o640);
  const readBundle = (): Bundle => {
    const bytes = readFileSync(configPath);
    const parsed = parseJson(bytes, configPath);
    if (!isJsonObject(parsed)) throw new TypeError("not an object");
    return { dir, configPath, bytes, spec: parsed };
  };
  const planWith = (root: Root, bundle: Bundle, machine: Machine, isWritable = true): SpecPlan => {
    const place = { spec: bundle.spec, bundleDir: dir, rootfs: root, isWritable, stateDir: state, containerId: "c1" };
    return planSpec({ ...machine, ...place });
  };
  return {
    dir,
    rootfs,
    state,
    readSpec: () => readBundle().spec,
    plan(machine, options = {}) {
      using root = Root.open(rootfs);
      return planWith(root, readBundle(), machine, options.isWritable);
    },
    start(machine, options = {}) {
      using root = Root.open(rootfs);
      const bundle = readBundle();
      const plan = planWith(root, bundle, machine, options.isWritable);
      carryOut(plan, { bundle, rootfs: root, stateDir: state, now: NOW });
      makeMountPoints(plan.spec, root);
      return plan;
    },
  };
}

/** What runc does before it mounts: an empty file, or a folder, where nothing is yet. Only our mounts, and not below another. */
export function makeMountPoints(spec: JsonObject, root: Root): void {
  const mounts = mountsOf(spec);
  for (const { destination, source } of mounts) {
    const covers = mounts.filter((other) => destination.startsWith(`${other.destination}/`));
    if (covers.length > 0 || !source.startsWith("/")) continue;
    const { path, exists } = root.resolveDeep(destination);
    if (exists) continue;
    const folder = path.slice(0, path.lastIndexOf("/"));
    if (statSync(source).isDirectory()) root.makeFolders(path);
    else {
      if (folder !== "") root.makeFolders(folder);
      root.replaceFile(path, new Uint8Array(), {
        mode: 0o755,
        uid: process.getuid?.() ?? 0,
        gid: process.getgid?.() ?? 0,
      });
    }
  }
}
