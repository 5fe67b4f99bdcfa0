import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync,
  symlinkSync, unlinkSync, writeFileSync,
} from "node:fs"; // prettier-ignore
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import { readElf, splitDeviceNumber } from "../linux/index.ts";
import { libraryFolder, MULTIARCH } from "./library-files.ts";
import { listCache, run, runClient, runInside } from "./run-inside.test-helper.ts";
import { PROFILES, simDown, simUp, simUpgrade, type SimHost } from "./index.ts";

const EXECUTABLE = "/opt/berth/dist/berth";
const isRoot = process.geteuid?.() === 0;
// Device nodes take root: a developer without it runs the rest.
const testAsRoot = test.skipIf(!isRoot);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-sim-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function up(name: string, profile: string, standIns = !isRoot): SimHost {
  return simUp(join(folder, name), profile, { executable: EXECUTABLE, standIns });
}

function refusal(work: () => unknown): BerthError {
  try {
    work();
  } catch (error) {
    if (error instanceof BerthError) return error;
    throw error;
  }
  throw new Error("Nothing was refused");
}

/** Every path below a folder with what is there: text for files, `->` for links, numbers for devices. */
function snapshot(dir: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" }).toSorted()) {
    const status = lstatSync(join(dir, name));
    const { major, minor } = splitDeviceNumber(status.rdev);
    const content = status.isSymbolicLink()
      ? `-> ${readlinkSync(join(dir, name))}`
      : status.isFile()
        ? String(Bun.hash(readFileSync(join(dir, name))))
        : `${major}:${minor}`;
    found[name] = `${status.mode.toString(8)} ${content}`;
  }
  return found;
}

function gpuLine(index: number, uuid: string | undefined): string {
  return `GPU ${index}: NVIDIA H100 80GB HBM3 (UUID: ${uuid})\n`;
}

describe("inside the simulated host", () => {
  testAsRoot("nvidia-smi -L prints the GPUs of h100x8 in the real program's words", () => {
    const host = up("h100", "h100x8");
    const expected = host.profile.gpus.map((gpu, index) => gpuLine(index, gpu.uuid));
    expect(runInside(host, "nvidia-smi", "-L")).toEqual({ status: 0, output: expected.join("") });
    expect(expected).toHaveLength(8);
  });

  testAsRoot("nvidia-smi knows the UUIDs even when the kernel module does not", () => {
    const host = up("unknown", "h100x8-uuid-unknown");
    expect(runInside(host, "nvidia-smi", "-L").output).toContain(
      `GPU 7: NVIDIA H100 80GB HBM3 (UUID: ${host.profile.gpus[7]?.uuid})`,
    );
    const information = readFileSync(join(host.dir, "proc/driver/nvidia/gpus/0000:1b:00.0/information"), "utf8");
    expect(information).toContain("GPU UUID: \t GPU-????????-????-????-????-????????????\n");
  });

  testAsRoot("GPUs whose nodes are gone or refused are not there, and the others are numbered from 0", () => {
    const host = up("some", "h100x8");
    for (const minor of [0, 1, 2, 4, 5, 6]) unlinkSync(join(host.dir, `dev/nvidia${minor}`));
    const [, , , fourth, , , , last] = host.profile.gpus.map((gpu) => gpu.uuid);
    expect(runInside(host, "nvidia-smi", "-L").output).toBe(`${gpuLine(0, fourth)}${gpuLine(1, last)}`);
    chmodSync(join(host.dir, "dev/nvidia3"), 0o600);
    const asNobody = run("chroot", "--userspec=65534:65534", host.dir, "/usr/bin/nvidia-smi", "-L");
    expect(asNobody).toEqual({ status: 0, output: gpuLine(0, last) });
  });

  testAsRoot("without a GPU, without permission and without a driver nvidia-smi ends as the real one does", () => {
    const host = up("bare", "rtx4090x2");
    for (const minor of [0, 1]) unlinkSync(join(host.dir, `dev/nvidia${minor}`));
    expect(runInside(host, "nvidia-smi", "-L")).toEqual({ status: 6, output: "No devices found.\n" });
    expect(runInside(host, "nvidia-smi")).toEqual({ status: 6, output: "No devices were found\n" });
    chmodSync(join(host.dir, "dev/nvidiactl"), 0o600);
    const asNobody = run("chroot", "--userspec=65534:65534", host.dir, "/usr/bin/nvidia-smi", "-L");
    expect(asNobody).toEqual({ status: 4, output: "Failed to initialize NVML: Insufficient Permissions\n" });
    unlinkSync(join(host.dir, "dev/nvidiactl"));
    const { status, output } = runInside(host, "nvidia-smi", "-L");
    expect(status).toBe(9);
    expect(output).toStartWith("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.");
  });

  testAsRoot("a node of the right name that is another device shows no GPU", () => {
    const host = up("swapped", "rtx4090x2");
    rmSync(join(host.dir, "dev/nvidia0"));
    run("mknod", join(host.dir, "dev/nvidia0"), "c", "1", "3");
    expect(runInside(host, "nvidia-smi", "-L").output).toBe(
      `GPU 0: NVIDIA GeForce RTX 4090 (UUID: ${host.profile.gpus[0]?.uuid})\n`,
    );
  });

  testAsRoot("MIG devices are listed below their GPU, and only where both capability nodes are there", () => {
    const host = up("mig", "a100x8-mig");
    const mig = host.profile.gpus.slice(0, 2).map((gpu) => (gpu.mig ?? []).map((device) => device.uuid));
    const lines = runInside(host, "nvidia-smi", "-L").output.split("\n").slice(0, 8);
    expect(lines).toEqual([
      `GPU 0: NVIDIA A100-SXM4-80GB (UUID: ${host.profile.gpus[0]?.uuid})`,
      `  MIG 3g.40gb     Device  0: (UUID: ${mig[0]?.[0]})`,
      `  MIG 2g.20gb     Device  1: (UUID: ${mig[0]?.[1]})`,
      `  MIG 1g.10gb     Device  2: (UUID: ${mig[0]?.[2]})`,
      `GPU 1: NVIDIA A100-SXM4-80GB (UUID: ${host.profile.gpus[1]?.uuid})`,
      `  MIG 3g.40gb     Device  0: (UUID: ${mig[1]?.[0]})`,
      `  MIG 2c.3g.40gb  Device  1: (UUID: ${mig[1]?.[1]})`,
      `  MIG 1c.3g.40gb  Device  2: (UUID: ${mig[1]?.[2]})`,
    ]);
    // The compute instance of gpu0/gi1.
    unlinkSync(join(host.dir, "dev/nvidia-caps/nvidia-cap13"));
    expect(runInside(host, "nvidia-smi", "-L").output).not.toContain(mig[0]?.[0] ?? "?");
  });

  testAsRoot("nvidia-smi answers queries and prints a summary of straight columns", () => {
    const host = up("query", "rtx4090x2");
    const query = "--query-gpu=index,uuid,name,pci.bus_id,driver_version,memory.total";
    const [first, second] = host.profile.gpus.map((gpu) => gpu.uuid);
    expect(runInside(host, "nvidia-smi", query, "--format=csv").output).toBe(
      "index, uuid, name, pci.bus_id, driver_version, memory.total [MiB]\n" +
        `0, ${first}, NVIDIA GeForce RTX 4090, 00000000:01:00.0, 570.124.06, 24564 MiB\n` +
        `1, ${second}, NVIDIA GeForce RTX 4090, 00000000:41:00.0, 570.124.06, 24564 MiB\n`,
    );
    expect(runInside(host, "nvidia-smi", "--query-gpu=colour", "--format=csv").status).toBe(2);
    const summary = runInside(host, "nvidia-smi").output.trimEnd().split("\n");
    expect(new Set(summary.map((line) => line.length))).toEqual(new Set([91]));
    expect(summary[1]).toBe(
      "| NVIDIA-SMI 570.124.06             Driver Version: 570.124.06     CUDA Version: 12.8     |",
    );
  });

  testAsRoot(
    "a C program that is linked against libcuda and libnvidia-ml starts and gets the machine's answers",
    () => {
      const host = up("linked", "h100x8");
      expect(runClient(host, CLIENT, host.profile.gpus[2]?.uuid ?? "")).toEqual({
        status: 0,
        output:
          "cuda 12080, 8 devices, NVIDIA H100 80GB HBM3\nnvml 12.570.133.20, minor 2, 00000000:52:00.0 0000:52:00.0 233010de, 81559 MiB, mig 0\n",
      });
    },
  );
});

const CLIENT = `
#include <stdio.h>
int cuInit(unsigned), cuDriverGetVersion(int *), cuDeviceGetCount(int *), cuDeviceGetName(char *, int, int);
typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } pci_t;
typedef struct { unsigned long long total, free, used; } memory_t;
int nvmlInit_v2(void), nvmlDeviceGetHandleByUUID(const char *, void **), nvmlDeviceGetMinorNumber(void *, unsigned *);
int nvmlDeviceGetPciInfo_v3(void *, pci_t *), nvmlDeviceGetMemoryInfo(void *, memory_t *);
int nvmlDeviceGetMigMode(void *, unsigned *, unsigned *), nvmlSystemGetNVMLVersion(char *, unsigned);
int main(int count, char **arguments)
{
    int version, devices;
    unsigned minor, mig, pending;
    char name[64], nvml[64];
    void *gpu;
    pci_t pci;
    memory_t memory;
    if (cuInit(0) || cuDriverGetVersion(&version) || cuDeviceGetCount(&devices) || cuDeviceGetName(name, 64, 7)) return 1;
    printf("cuda %d, %d devices, %s\\n", version, devices, name);
    if (nvmlInit_v2() || nvmlSystemGetNVMLVersion(nvml, 64) || nvmlDeviceGetHandleByUUID(arguments[1], &gpu)) return 2;
    if (nvmlDeviceGetMinorNumber(gpu, &minor) || nvmlDeviceGetPciInfo_v3(gpu, &pci)) return 3;
    if (nvmlDeviceGetMemoryInfo(gpu, &memory) || nvmlDeviceGetMigMode(gpu, &mig, &pending)) return 4;
    printf("nvml %s, minor %u, %s %s %x, %llu MiB, mig %u\\n", nvml, minor, pci.bus_id, pci.legacy, pci.id, memory.total >> 20, mig);
    return count != 2;
}
`;

describe("the tree", () => {
  test.each(PROFILES.map((profile) => profile.name))("%s: making it twice gives the same tree", (name) => {
    const first = snapshot(up("twice", name).dir);
    writeFileSync(join(folder, "twice/added"), "by a test");
    expect(snapshot(up("twice", name).dir)).toEqual(first);
    simDown(join(folder, "twice"));
    expect(existsSync(join(folder, "twice"))).toBe(false);
  });

  test.each(["h100x8", "rtx4090x2", "none"])(
    "%s: every library has the soname that its links and the cache promise",
    (name) => {
      const { dir, profile } = up("sonames", name);
      const libraries = join(dir, libraryFolder(profile));
      const files = readdirSync(libraries).filter((file) => lstatSync(join(libraries, file)).isFile());
      expect(files.length).toBe(name === "none" ? 4 : 39);
      for (const file of files) {
        const elf = readElf(readFileSync(join(libraries, file)));
        expect(elf?.isShared).toBe(true);
        expect(existsSync(join(libraries, elf?.soname ?? "?"))).toBe(true);
      }
    },
  );

  test.skipIf(!isRoot).each(["h100x8", "rtx4090x2", "l40s-graphics", "orin-csv", "none"])(
    "%s (needs root): the loader cache is what ldconfig makes of the tree",
    (name) => {
      const { dir } = up("cache", name);
      const ours = listCache(join(dir, "etc/ld.so.cache"));
      run("/sbin/ldconfig", "-r", dir, "-C", "/etc/made.cache");
      const made = listCache(join(dir, "etc/made.cache"));
      expect(made.length).toBeGreaterThan(3);
      expect(ours).toEqual(made);
    },
  );

  test("the version stands wherever a host is asked for it", () => {
    const { dir } = up("versions", "rtx4090x2");
    const read = (path: string) => readFileSync(join(dir, path), "utf8");
    expect(read("proc/driver/nvidia/version")).toMatch(/^NVRM version: NVIDIA UNIX \w+ Kernel Module {2}570\.124\.06 /);
    expect(read("sys/module/nvidia/version")).toBe("570.124.06\n");
    expect(existsSync(join(dir, "usr/lib64/libcuda.so.570.124.06"))).toBe(true);
    expect(existsSync(join(dir, "lib/firmware/nvidia/570.124.06/gsp_ga10x.bin"))).toBe(true);
    expect(read("proc/devices")).toContain("511 nvidia-uvm\n");
  });

  testAsRoot(
    "device nodes have the driver's numbers and modes, and the persistence daemon's socket is a socket",
    () => {
      const { dir, nodes } = up("nodes", "a100x8-mig");
      const device = (path: string) => {
        const { mode, rdev } = lstatSync(join(dir, path));
        return `${mode.toString(8)} ${Object.values(splitDeviceNumber(rdev)).join(":")}`;
      };
      expect(nodes).toBe("nodes");
      expect(device("dev/nvidia7")).toBe("20666 195:7");
      expect(device("dev/nvidiactl")).toBe("20666 195:255");
      expect(device("dev/nvidia-modeset")).toBe("20666 195:254");
      expect(device("dev/nvidia-uvm-tools")).toBe("20666 511:1");
      expect(device("dev/nvidia-caps/nvidia-cap157")).toBe("20444 234:157");
      expect(device("dev/dri/renderD135")).toBe("20666 226:135");
      expect(readlinkSync(join(dir, "dev/dri/by-path/pci-0000:07:00.0-card"))).toBe("../card1");
      expect(lstatSync(join(dir, "run/nvidia-persistenced/socket")).isSocket()).toBe(true);
    },
  );

  test("without root device nodes are plain files that say what they stand for", () => {
    const { dir, nodes } = up("stand-ins", "h100x8", true);
    expect(nodes).toBe("stand-ins");
    expect(readFileSync(join(dir, "dev/nvidia3"), "utf8")).toBe("berth-sim-device c 195 3\n");
  });

  test("no GPU and no driver in none", () => {
    const { dir } = up("none", "none");
    for (const path of ["proc/driver", "sys/module/nvidia", "dev/nvidiactl", "usr/bin/nvidia-smi", "lib/firmware"]) {
      expect(existsSync(join(dir, path))).toBe(false);
    }
  });

  test("the launchers start the given executable with this host's configuration and state", () => {
    const { dir, bin } = up("launchers", "h100x8");
    const runtimes = ["", "-hook", ".cdi", ".legacy"].map((mode) => `nvidia-container-runtime${mode}`);
    expect(readdirSync(bin).toSorted()).toEqual([
      "berth",
      "nvidia-cdi-hook",
      "nvidia-container-cli",
      ...runtimes,
      "nvidia-container-toolkit",
      "nvidia-ctk",
      "nvidia-docker",
    ]);
    const launcher = readFileSync(join(bin, "nvidia-container-runtime"), "latin1");
    const slots = [EXECUTABLE, `${dir}/etc/nvidia-container-runtime/config.toml`, `${dir}/run/berth`];
    for (const text of slots) expect(launcher).toContain(`${text}\0`);
    expect(readFileSync(join(dir, "etc/nvidia-container-runtime/config.toml"), "utf8")).toContain(`root = "${dir}"\n`);
  });

  test("a umask does not show in the tree", () => {
    const before = process.umask(0o077);
    try {
      const { dir } = up("umask", "h100x8");
      expect(lstatSync(dir).mode & 0o777).toBe(0o755);
      expect(lstatSync(join(dir, "usr/lib", MULTIARCH)).mode & 0o777).toBe(0o755);
      expect(lstatSync(join(dir, "run/berth")).mode & 0o777).toBe(0o700);
    } finally {
      process.umask(before);
    }
  });
});

describe("simUpgrade", () => {
  test("leaves the tree that the new version would have had from the start, and keeps what berth wrote", () => {
    const { dir } = up("upgrade", "h100x8");
    writeFileSync(join(dir, "run/berth/state"), "kept");
    const node = lstatSync(join(dir, "dev/nvidia0")).ino;
    simUpgrade(dir, "575.57.08");
    expect(readFileSync(join(dir, "run/berth/state"), "utf8")).toBe("kept");
    expect(lstatSync(join(dir, "dev/nvidia0")).ino).toBe(node);
    const paths = Object.keys(snapshot(dir));
    expect(paths.filter((path) => path.includes("570."))).toEqual([]);
    expect(paths).toContain("lib/firmware/nvidia/575.57.08/gsp_tu10x.bin");
    expect(readFileSync(join(dir, "proc/driver/nvidia/version"), "utf8")).toContain("575.57.08");
    expect(listCache(join(dir, "etc/ld.so.cache")).join("\n")).not.toContain("570.");
    simUpgrade(dir, "570.133.20");
    rmSync(join(dir, "run/berth/state"));
    const back = snapshot(dir);
    expect(back).toEqual(snapshot(up("upgrade", "h100x8").dir));
  });

  test.each(PROFILES.filter(({ driver }) => driver !== undefined).map(({ name }) => name))(
    "%s: there and back again is the tree as it was",
    (name) => {
      const { dir, profile } = up("back", name);
      const before = snapshot(dir);
      simUpgrade(dir, "999.88.77");
      expect(snapshot(dir)).not.toEqual(before);
      simUpgrade(dir, profile.driver?.version ?? "");
      expect(snapshot(dir)).toEqual(before);
    },
  );

  test("a mounted library of the old version stays the old one: files are replaced, not rewritten", () => {
    const { dir } = up("replaced", "h100x8");
    const smi = join(dir, "usr/lib", MULTIARCH, "libnvidia-ml.so.1");
    expect(readlinkSync(smi)).toBe("libnvidia-ml.so.570.133.20");
    simUpgrade(dir, "575.57.08");
    expect(readlinkSync(smi)).toBe("libnvidia-ml.so.575.57.08");
  });

  test.each([
    ["a text that is no version", "h100x8", "latest", /"latest" is no driver version/],
    ["a host without a driver", "none", "575.57.08", /"none" has no driver/],
  ])("refuses %s", (_, profile, version, message) => {
    const { dir } = up("refused-upgrade", profile);
    expect(refusal(() => simUpgrade(dir, version))).toMatchObject({
      code: "BERTH-M001",
      message: expect.stringMatching(message),
    });
  });
});

describe("what is refused", () => {
  test("simUp refuses the root of the machine, also through a link", () => {
    symlinkSync("/", join(folder, "root-link"));
    for (const dir of ["/", "//", join(folder, "root-link")]) {
      const error = refusal(() => simUp(dir, "none", { executable: EXECUTABLE, standIns: true }));
      expect(error).toMatchObject({ code: "BERTH-M001", message: expect.stringContaining("the root of this machine") });
    }
  });

  test("simUp refuses a folder with other people's files, a file, and a folder whose marker is a link", () => {
    const dir = join(folder, "full");
    mkdirSync(dir);
    writeFileSync(join(dir, "precious"), "kept");
    expect(refusal(() => up("full", "none")).code).toBe("BERTH-M001");
    symlinkSync(join(up("marked", "none").dir, ".berth-sim"), join(dir, ".berth-sim"));
    expect(refusal(() => up("full", "none")).code).toBe("BERTH-M001");
    expect(refusal(() => simDown(dir)).code).toBe("BERTH-M002");
    expect(readFileSync(join(dir, "precious"), "utf8")).toBe("kept");
    writeFileSync(join(folder, "file"), "");
    expect(refusal(() => up("file", "none")).code).toBe("BERTH-M001");
  });

  test("simUp takes an empty folder and makes missing parents", () => {
    mkdirSync(join(folder, "empty"));
    expect(existsSync(join(up("empty", "none").dir, ".berth-sim"))).toBe(true);
    expect(existsSync(join(up("deep/er/host", "none").dir, ".berth-sim"))).toBe(true);
  });

  test("simUp leaves nothing behind when it fails", () => {
    const parent = join(folder, "parent");
    mkdirSync(parent);
    expect(refusal(() => up("parent/host", "no-such-profile")).code).toBe("BERTH-M001");
    expect(readdirSync(parent)).toEqual([]);
  });

  test("simDown refuses a folder that is no simulated host, and one that is not there", () => {
    mkdirSync(join(folder, "other"));
    for (const name of ["other", "missing"]) {
      const error = refusal(() => simDown(join(folder, name)));
      expect(error).toMatchObject({ code: "BERTH-M002", message: expect.stringContaining("it is no simulated host") });
    }
    expect(refusal(() => simDown("/")).code).toBe("BERTH-M002");
  });

  test("simDown does not follow a link that leads out", () => {
    const { dir } = up("leads-out", "none");
    mkdirSync(join(folder, "outside"));
    writeFileSync(join(folder, "outside/precious"), "kept");
    symlinkSync(join(folder, "outside"), join(dir, "link"));
    simDown(dir);
    expect(readFileSync(join(folder, "outside/precious"), "utf8")).toBe("kept");
  });

  testAsRoot("nothing is taken down or replaced while something is mounted in it", () => {
    const { dir } = up("mounted", "h100x8");
    const point = join(dir, "var/log");
    expect(run("mount", "-t", "tmpfs", "none", point)).toEqual({ status: 0, output: "" });
    try {
      const message = expect.stringContaining(`something is mounted at "${point}"`);
      expect(refusal(() => simDown(dir))).toMatchObject({ code: "BERTH-M002", message });
      expect(refusal(() => up("mounted", "none"))).toMatchObject({ code: "BERTH-M001", message });
      expect(existsSync(join(dir, "usr/bin/nvidia-smi"))).toBe(true);
    } finally {
      run("umount", point);
    }
    simDown(dir);
    expect(existsSync(dir)).toBe(false);
  });
});
