import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadHost, type LoadedHost, type LoadOptions } from "./cache.ts";
import { describeHost } from "./describe.ts";
import {
  makeRoot,
  put,
  putElf,
  putGpu,
  putLibrary,
  putNode,
  uuid,
  VERSION,
  versionText,
} from "./fake-root.test-helper.ts";
import { present } from "./device-nodes.ts";
import type { Host } from "./host.ts";
import { rememberFacts } from "./remember.ts";
import { findChangedNode } from "./verify.ts";

const GPUS = [
  { bus: "0000:1b:00.0", minor: 0, uuid: uuid(1), mig: { 1: [0] } },
  { bus: "0000:2b:00.0", minor: 1, uuid: uuid(2) },
];
const DEBIAN = "/usr/lib/x86_64-linux-gnu";
const CSV_FOLDER = "/etc/nvidia-container-runtime/host-files-for-container.d";
const isRoot = process.getuid?.() === 0;
const roots: string[] = [];
afterAll(() => roots.forEach((root) => rmSync(root, { recursive: true })));

let root = "";
beforeEach(() => {
  root = makeRoot(GPUS);
  roots.push(root);
});

const stateDir = (): string => `${root}/run/berth`;
const cacheFile = (): string => `${stateDir()}/host.json`;
const whole = (): string => readFileSync(cacheFile(), "utf8");

function load(change: Partial<LoadOptions> = {}): LoadedHost {
  return loadHost(root, { stateDir: stateDir(), version: "1.0.0", ...change });
}

/** What JSON keeps of a value: no field that is undefined. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function mountSmall(folder: string): boolean {
  return Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", folder]).exitCode === 0;
}

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "berth-mount-"));
  const isMounted = mountSmall(folder);
  if (isMounted) Bun.spawnSync(["umount", folder]);
  rmdirSync(folder);
  return isMounted;
}

describe("loadHost", () => {
  test("describes once and then reads the same host from the cache", () => {
    const first = load();
    expect(first).toMatchObject({ source: "described", reason: expect.stringContaining("does not exist") });
    const second = load();
    expect(second.source).toBe("cache");
    expect(plain(second.host)).toEqual(plain(first.host));
    expect(plain(second.host)).toEqual(plain(describeHost(root)));
  });

  test("keeps the cache to its user: 0600 in a folder with 0700, nothing else beside it", () => {
    load();
    expect(statSync(cacheFile()).mode & 0o777).toBe(0o600);
    expect(statSync(stateDir()).mode & 0o777).toBe(0o700);
    expect(statSync(`${root}/run`).mode & 0o777).toBe(0o755);
    expect(readdirSync(stateDir())).toEqual(["host.json"]);
  });

  test("caches that there is no driver, and sees it come", () => {
    rmSync(`${root}/proc/driver`, { recursive: true });
    expect(load().host.driver).toBeUndefined();
    expect(load().source).toBe("cache");
    put(root, "/proc/driver/nvidia/version", versionText(VERSION));
    expect(load().host.driver?.version).toBe(VERSION);
  });

  const changes: readonly [string, string, () => void][] = [
    ["the driver's version", "driver", () => put(root, "/proc/driver/nvidia/version", versionText("575.1.2"))],
    [
      "a major of the driver",
      "driver",
      () => put(root, "/proc/devices", "Character devices:\n195 nvidia\n235 nvidia-caps\n511 nvidia-uvm\n"),
    ],
    ["the kernel module, loaded again", "driver", () => put(root, "/sys/module/nvidia/version", VERSION)],
    ["a GPU that came", "GPUs", () => putGpu(root, { bus: "0000:3b:00.0", minor: 5 })],
    ["a GPU that went", "GPUs", () => rmSync(`${root}/proc/driver/nvidia/gpus/0000:2b:00.0`, { recursive: true })],
    ["a GPU instance", "MIG", () => mkdirSync(`${root}/proc/driver/nvidia/capabilities/gpu0/mig/gi2`)],
    ["a compute instance", "MIG", () => mkdirSync(`${root}/proc/driver/nvidia/capabilities/gpu0/mig/gi1/ci1`)],
    ["a node that went", "nodes", () => rmSync(`${root}/dev/nvidia1`)],
    ["a node that came", "nodes", () => putNode(root, "/dev/nvidia7", [195, 7])],
    ["a node's number", "nodes", () => putNode(root, "/dev/nvidia1", [195, 0])],
    ["a node's mode", "nodes", () => chmodSync(`${root}/dev/nvidia1`, 0o660)],
    ["a MIG node", "nodes", () => rmSync(`${root}/dev/nvidia-caps/nvidia-cap10`)],
    ["a DRM node", "nodes", () => putNode(root, "/dev/dri/card0", [226, 0])],
    ["the loader's cache", "loader", () => put(root, "/etc/ld.so.cache", "x")],
    ["a new library", "folder", () => putLibrary(root, DEBIAN, { stem: "libnvidia-encode" })],
    ["a library that went", "folder", () => rmSync(`${root}${DEBIAN}/libcuda.so.${VERSION}`)],
    ["a library folder that came", "folder", () => putLibrary(root, "/usr/lib64", { stem: "libnvidia-nscq" })],
    ["a program that came", "folder", () => put(root, "/usr/bin/nvidia-smi", "")],
    ["firmware that came", "folder", () => put(root, `/lib/firmware/nvidia/${VERSION}/gsp_ga10x.bin`, "")],
    ["a service that started", "socket", () => put(root, "/run/nvidia-persistenced/socket", "")],
    ["an IMEX channel", "nodes", () => putNode(root, "/dev/nvidia-caps-imex-channels/channel1", [236, 1])],
    ["a node of MIG's control", "nodes", () => putNode(root, "/dev/nvidia-caps/nvidia-cap1", [234, 1])],
    ["a node of GPUDirect Storage", "nodes", () => putNode(root, "/dev/nvidia-fs0", [237, 0])],
    ["an InfiniBand node", "nodes", () => putNode(root, "/dev/infiniband/uverbs1", [231, 193])],
    ["GDRCopy's node", "nodes", () => putNode(root, "/dev/gdrdrv", [238, 0])],
    ["WSL's node", "nodes", () => putNode(root, "/dev/dxg", [10, 63])],
    ["udev that started", "GPUDirect", () => mkdirSync(`${root}/run/udev`)],
    ["GPUDirect Storage's configuration", "GPUDirect", () => put(root, "/etc/cufile.json", "{}")],
    ["the Multi-Process Service, started", "socket", () => put(root, "/tmp/nvidia-mps/control", "")],
    ["what makes a Tegra of a machine", "Tegra", () => put(root, "/etc/nv_tegra_release", "")],
    ["WSL's drivers", "WSL", () => mkdirSync(`${root}/usr/lib/wsl/drivers`, { recursive: true })],
    ["the folder of CSV files", "Tegra", () => mkdirSync(`${root}${CSV_FOLDER}`, { recursive: true })],
    ["the store of learnt facts", "learnt", () => rememberFacts(describeHost(root))],
  ];
  test.each(changes)("sees a change of %s", (_, reason, change) => {
    for (const path of [
      "/dev/dri/by-path",
      "/dev/infiniband/uverbs0",
      "/dev/nvidia-caps-imex-channels/channel0",
      "/run/some",
      "/usr/lib/wsl/some",
    ])
      put(root, path, "");
    load();
    expect(load().source).toBe("cache");
    change();
    const after = load();
    expect(after).toMatchObject({ source: "described", reason: expect.stringContaining(reason) });
    expect(plain(after.host)).toEqual(plain(describeHost(root)));
    expect(load().source).toBe("cache");
  });

  test("sees another berth, another driver root, another mode and another boot", () => {
    load();
    expect(load({ version: "1.0.1" }).reason).toBe("another version of berth wrote it");
    expect(load({ version: "1.0.1" }).source).toBe("cache");
    expect(load({ version: "1.0.1", driverRoot: "/run/nvidia/driver" }).reason).toBe("it describes another root");
    load();
    expect(load({ platform: "csv" }).reason).toBe("it describes another root");
    expect(load({ platform: "csv", csvFolder: "/csv" }).reason).toBe("it describes another root");
    expect(load({ platform: "csv", csvFolder: "/csv" }).source).toBe("cache");
    load();
    writeFileSync(cacheFile(), readFileSync(cacheFile(), "utf8").replace(/"boot":"[^"]+"/, `"boot":"another"`));
    expect(load().reason).toBe("the machine was booted since");
  });

  test("sees a file come beside a found one in a folder that is not looked at otherwise", () => {
    put(root, "/usr/share/egl/egl_external_platform.d/15_nvidia_gbm.json", "{}");
    load();
    expect(load().source).toBe("cache");
    put(root, "/usr/share/egl/egl_external_platform.d/20_nvidia_xcb.json", "{}");
    expect(load()).toMatchObject({ source: "described", reason: expect.stringContaining("egl_external_platform.d") });
  });

  test("sees GBM's backend come and go", () => {
    putLibrary(root, DEBIAN, { stem: "libnvidia-allocator" });
    put(root, `${DEBIAN}/gbm/nvidia-drm_gbm.so`, "");
    load();
    expect(load().source).toBe("cache");
    rmSync(`${root}${DEBIAN}/gbm/nvidia-drm_gbm.so`);
    symlinkSync("../libnvidia-allocator.so.1", `${root}${DEBIAN}/gbm/nvidia-drm_gbm.so`);
    load({ isRefresh: true });
    expect(load().host.links).toHaveLength(1);
    rmSync(`${root}${DEBIAN}/gbm/nvidia-drm_gbm.so`);
    expect(load()).toMatchObject({ source: "described", host: { links: [] } });
  });

  test("asks the driver again for a UUID that was unknown", () => {
    putGpu(root, { bus: "0000:2b:00.0", minor: 1 });
    load();
    expect(load().source).toBe("cache");
    putGpu(root, { bus: "0000:2b:00.0", minor: 1, uuid: uuid(9) });
    expect(load().host.gpus[1]?.uuid).toBe(uuid(9));
  });

  test("describes anew when it is told to", () => {
    load();
    expect(load({ isRefresh: true })).toMatchObject({ source: "described", reason: "it was asked for" });
  });
});

describe("loadHost: a cache that is not to be believed", () => {
  const broken: readonly [string, string, () => void][] = [
    ["torn", "torn or of another format", () => writeFileSync(cacheFile(), whole().slice(0, 700))],
    ["empty", "torn or of another format", () => writeFileSync(cacheFile(), "")],
    ["not an object", "torn or of another format", () => writeFileSync(cacheFile(), "[1]")],
    ["of another schema", "torn or of another format", () => writeFileSync(cacheFile(), whole().replace(`"schema":3`, `"schema":99`))],
    ["without GPUs", "torn or of another format", () => writeFileSync(cacheFile(), whole().replace(`"gpus":[`, `"gpu":[`))],
    ["without features", "torn or of another format", () => writeFileSync(cacheFile(), whole().replace(`"gdrcopy":`, `"other":`))],
    ["without MIG control", "torn or of another format", () => writeFileSync(cacheFile(), whole().replace(`"migControl":`, `"other":`))],
    ["with a unit that is none", "torn or of another format", () => writeFileSync(cacheFile(), whole().replace(`"migControl":`, `"unit":{},"migControl":`))],
    ["without a part of the fingerprint", "torn or of another", () => writeFileSync(cacheFile(), whole().replace(`"boot":`, `"foot":`))],
    ["writable by the group", "can be written by others", () => chmodSync(cacheFile(), 0o620)],
    ["writable by all", "can be written by others", () => chmodSync(cacheFile(), 0o602)],
    ["oversized", "holds more than", () => writeFileSync(cacheFile(), Buffer.alloc(9_000_000))],
    ["a FIFO", "is not a regular file", () => {
      rmSync(cacheFile());
      Bun.spawnSync(["mkfifo", cacheFile()]);
    }],
    ["a link", "cannot be read (ELOOP)", () => {
      renameSync(cacheFile(), `${stateDir()}/other`);
      symlinkSync("other", cacheFile());
    }],
  ]; // prettier-ignore
  test.each(broken)("%s: described anew and replaced", (_, reason, damage) => {
    const first = load();
    damage();
    const second = load();
    expect(second).toMatchObject({ source: "described", reason: expect.stringContaining(reason) });
    expect(second.unsaved).toBeUndefined();
    expect(plain(second.host)).toEqual(plain(first.host));
    expect(load().source).toBe("cache");
    expect(statSync(cacheFile()).mode & 0o777).toBe(0o600);
  });

  test.skipIf(!isRoot)("one of another user: described anew and replaced (needs root)", () => {
    load();
    chownSync(cacheFile(), 1234, 1234);
    expect(load().reason).toContain("belongs to user 1234");
    expect(statSync(cacheFile()).uid).toBe(0);
  });

  test("a temporary file that a killed process left behind disturbs nothing", () => {
    load();
    writeFileSync(`${stateDir()}/.host.json.left-behind`, "half");
    expect(load().source).toBe("cache");
    chmodSync(`${root}/dev/nvidia0`, 0o600);
    expect(load()).toMatchObject({ source: "described" });
    expect(load().source).toBe("cache");
  });
});

describe("loadHost: WSL and Tegra", () => {
  const changes: readonly [string, string, () => void][] = [
    ["a CSV file, edited in place", "devices.csv", () => appendFileSync(`${root}${CSV_FOLDER}/devices.csv`, "dev, /dev/nvmap\n")],
    ["a CSV file that came", "Tegra", () => put(root, `${CSV_FOLDER}/other.csv`, "dev, /dev/nvmap\n")],
    ["a node that came", "/dev", () => putNode(root, "/dev/nvhost-gpu", [505, 1])],
    ["a file beside a named one", "/opt/tegra", () => put(root, "/opt/tegra/libother.so", "")],
  ]; // prettier-ignore
  test.each(changes)("sees a change of %s", (_, reason, change) => {
    rmSync(`${root}/proc/driver/nvidia`, { recursive: true });
    put(root, "/etc/nv_tegra_release", "");
    put(root, `${CSV_FOLDER}/devices.csv`, "dev, /dev/nvhost-*\nlib, /opt/tegra/libnvos.so\n");
    putElf(root, "/opt/tegra/libnvos.so", "libnvos.so", "aarch64");
    expect(load().host.unit?.kind).toBe("csv");
    expect(load().source).toBe("cache");
    change();
    const after = load();
    expect(after).toMatchObject({ source: "described", reason: expect.stringContaining(reason) });
    expect(plain(after.host)).toEqual(plain(describeHost(root)));
    expect(load().source).toBe("cache");
  });

  test.each([
    ["a library", () => putElf(root, "/usr/lib/wsl/drivers/nv/libnvcuvid.so.1", "libnvcuvid.so.1")],
    ["a driver", () => putElf(root, "/usr/lib/wsl/drivers/nv2/libcuda.so.1.1", "libcuda.so.1")],
  ])("sees %s that Windows added", (_, change) => {
    putNode(root, "/dev/dxg", [10, 63]);
    putElf(root, "/usr/lib/wsl/lib/libdxcore.so", "libdxcore.so");
    putElf(root, "/usr/lib/wsl/drivers/nv/libcuda.so.1.1", "libcuda.so.1");
    expect(load().host.unit?.kind).toBe("wsl");
    expect(load().source).toBe("cache");
    change();
    const after = load();
    expect(after.source).toBe("described");
    expect(plain(after.host)).toEqual(plain(describeHost(root)));
  });
});

describe("loadHost: a cache that cannot be written", () => {
  test("stops nothing: a file stands where the state folder should be", () => {
    put(root, "/run/berth", "");
    const { host, source, unsaved } = load();
    expect(source).toBe("described");
    expect(host.gpus).toHaveLength(2);
    expect(unsaved).toContain("cannot be written");
  });

  test.skipIf(!canMount())("a full disk leaves the old file and no other (needs the right to mount)", () => {
    load();
    const old = readFileSync(cacheFile(), "utf8");
    const full = `${root}/full`;
    mkdirSync(full, { mode: 0o700 });
    mountSmall(full);
    try {
      writeFileSync(`${full}/host.json`, old, { mode: 0o600 });
      writeFileSync(`${full}/filler`, Buffer.alloc(64 * 1024 - 4096 * Math.ceil(old.length / 4096)));
      chmodSync(`${root}/dev/nvidia0`, 0o600);
      const after = loadHost(root, { stateDir: full, version: "1.0.0" });
      expect(after.unsaved).toContain("ENOSPC");
      expect(after.host.gpus).toHaveLength(2);
      expect(readFileSync(`${full}/host.json`, "utf8")).toBe(old);
      expect(readdirSync(full).toSorted()).toEqual(["filler", "host.json"]);
    } finally {
      Bun.spawnSync(["umount", full]);
    }
  });
});

describe("findChangedNode", () => {
  const gpuNodes = (host: Host) => present(host.gpus.map(({ node }) => node));

  test("says nothing while every node is as described", () => {
    const { host } = load();
    expect(gpuNodes(host).length).toBeGreaterThan(1);
    expect(findChangedNode(gpuNodes(host), host)).toBeUndefined();
  });

  test.each([
    ["is another device", () => putNode(root, "/dev/nvidia1", [195, 0])],
    ["is gone", () => rmSync(`${root}/dev/nvidia1`)],
    ["has another mode", () => chmodSync(`${root}/dev/nvidia1`, 0o600)],
  ])("names a node that %s", (_, change) => {
    const { host } = load();
    change();
    expect(findChangedNode(gpuNodes(host), host)?.path).toBe("/dev/nvidia1");
  });

  test("takes MIG's nodes as the description has them: it has looked at their folder", () => {
    putNode(root, "/dev/nvidia-caps/nvidia-cap1", [234, 1]);
    const { host } = load();
    const nodes = present([host.migControl.config]);
    expect(nodes).toHaveLength(1);
    expect(findChangedNode(nodes, host)).toBeUndefined();
    rmSync(`${root}/dev/nvidia-caps/nvidia-cap1`);
    expect(load().host.migControl.config).toBeUndefined();
  });
});
