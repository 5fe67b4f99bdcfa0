import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  unlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { readElf } from "../linux/index.ts";
import { readPrograms } from "./embedded.ts";
import { simUp, simUpgrade, type SimHost } from "./index.ts";
import { MULTIARCH } from "./library-files.ts";
import { describeNode, listCache, run, runClient, runInside } from "./run-inside.test-helper.ts";

const isRoot = process.geteuid?.() === 0;
// Device nodes take root: a developer without it runs the rest.
const testAsRoot = test.skipIf(!isRoot);
const CUDA_PROGRAM = join(import.meta.dir, "../../e2e/probe/cuda-program.c");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-machines-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function up(profile: string): SimHost {
  return simUp(join(folder, profile), profile, { executable: "/opt/berth/berth", standIns: !isRoot });
}

function read(host: SimHost, path: string): string {
  return readFileSync(join(host.dir, path), "utf8");
}

function exists(host: SimHost, path: string): boolean {
  return existsSync(join(host.dir, path));
}

/** The soname and the architecture of each file of a folder that is an ELF file, by name. */
function listLibraries(host: SimHost, path: string): Record<string, string> {
  const files = readdirSync(join(host.dir, path)).filter((name) => lstatSync(join(host.dir, path, name)).isFile());
  const found = files.map((name) => [name, readElf(join(host.dir, path, name))] as const);
  return Object.fromEntries(found.flatMap(([name, elf]) => (elf ? [[name, `${elf.soname} ${elf.architecture}`]] : [])));
}

function compileCudaProgram(host: SimHost, libcuda: string): void {
  const flags = "-O1 -nostdlib -nostartfiles -ffreestanding -fno-stack-protector -fPIE -pie".split(" ");
  const compiled = run("gcc", ...flags, "-o", join(host.dir, "cuda-program"), CUDA_PROGRAM, join(host.dir, libcuda));
  expect(compiled).toEqual({ status: 0, output: "" });
}

describe("a100x8-mig", () => {
  testAsRoot("has the nodes that configure and watch MIG, with the modes that the capability files tell", () => {
    const host = up("a100x8-mig");
    expect(describeNode(host, "dev/nvidia-caps/nvidia-cap1")).toBe("400:0 234:1");
    expect(describeNode(host, "dev/nvidia-caps/nvidia-cap2")).toBe("444:0 234:2");
    const config = "DeviceFileMinor: 1\nDeviceFileMode: 256\nDeviceFileModify: 1\n";
    expect(read(host, "proc/driver/nvidia/capabilities/mig/config")).toBe(config);
    // Two compute instances of the one GPU instance gpu1/gi2.
    for (const minor of [156, 157, 158]) {
      expect(describeNode(host, `dev/nvidia-caps/nvidia-cap${minor}`)).toBe(`444:0 234:${minor}`);
    }
    const access = read(host, "proc/driver/nvidia/capabilities/gpu1/mig/gi2/ci1/access");
    expect(access).toStartWith("DeviceFileMinor: 158\n");
  });

  testAsRoot(
    "NVML tells name, brand, slices and instances of a compute instance that is a part of a GPU instance",
    () => {
      const host = up("a100x8-mig");
      const device = host.profile.gpus[1]?.mig?.[2];
      const { status, output } = runClient(host, MIG_CLIENT, device?.uuid ?? "");
      expect(output).toBe("NVIDIA A100-SXM4-80GB MIG 1c.3g.40gb, brand 14, 1 of 3 slices, 14 SM, 40192 MiB, 2/1\n");
      expect(status).toBe(0);
    },
  );
});

const MIG_CLIENT = `
#include <stdio.h>
typedef struct { unsigned sm, copy, decoder, encoder, jpeg, ofa, gpu, compute; unsigned long long mib; } attributes_t;
int nvmlInit_v2(void), nvmlDeviceGetHandleByUUID(const char *, void **), nvmlDeviceGetName(void *, char *, unsigned);
int nvmlDeviceGetBrand(void *, unsigned *), nvmlDeviceGetAttributes_v2(void *, attributes_t *);
int nvmlDeviceGetGpuInstanceId(void *, unsigned *), nvmlDeviceGetComputeInstanceId(void *, unsigned *);
int main(int count, char **arguments)
{
    void *mig;
    char name[96];
    unsigned brand, gi, ci;
    attributes_t is;
    if (nvmlInit_v2() || nvmlDeviceGetHandleByUUID(arguments[1], &mig) || nvmlDeviceGetName(mig, name, 96)) return 1;
    if (nvmlDeviceGetBrand(mig, &brand) || nvmlDeviceGetAttributes_v2(mig, &is)) return 2;
    if (nvmlDeviceGetGpuInstanceId(mig, &gi) || nvmlDeviceGetComputeInstanceId(mig, &ci)) return 3;
    printf("%s, brand %u, %u of %u slices, %u SM, %llu MiB, %u/%u\\n", name, brand, is.compute, is.gpu, is.sm, is.mib, gi, ci);
    return count != 2;
}
`;

testAsRoot("rtx4090x2: NVML tells the brand of a GeForce", () => {
  const host = up("rtx4090x2");
  const client = MIG_CLIENT.replace("nvmlDeviceGetAttributes_v2(mig, &is)", 'printf("%u\\n", brand)');
  expect(runClient(host, client, host.profile.gpus[0]?.uuid ?? "").output).toBe("5\n");
});

testAsRoot("a100x16-mig112: nvidia-smi lists 16 GPUs with seven MIG devices each", () => {
  const host = up("a100x16-mig112");
  const lines = runInside(host, "nvidia-smi", "-L").output.split("\n");
  expect(lines.filter((line) => line.startsWith("GPU "))).toHaveLength(16);
  expect(lines.filter((line) => line.startsWith("  MIG 1g.10gb "))).toHaveLength(112);
});

const CUDA_CLIENT = `
#include <stdio.h>
typedef struct { unsigned char bytes[16]; } uuid_t;
int cuInit(unsigned), cuDeviceGetUuid_v2(uuid_t *, int), cuDevicePrimaryCtxRetain(void **, int), cuCtxSetCurrent(void *);
int cuMemAlloc_v2(unsigned long long *, unsigned long), cuMemcpyHtoD_v2(unsigned long long, const void *, unsigned long);
int cuMemcpyDtoH_v2(void *, unsigned long long, unsigned long), cuMemFree_v2(unsigned long long);
int main(void)
{
    unsigned long long at;
    uuid_t uuid;
    void *context;
    char back[8] = "";
    int failed = cuInit(0);
    if (failed) return printf("cuInit %d\\n", failed) < 0;
    if (cuDeviceGetUuid_v2(&uuid, 0) || cuDevicePrimaryCtxRetain(&context, 0) || cuCtxSetCurrent(context)) return 2;
    if (cuMemAlloc_v2(&at, 64) || cuMemcpyHtoD_v2(at + 56, "memory!", 8) || cuMemcpyDtoH_v2(back, at + 56, 8)) return 3;
    if (!cuMemcpyHtoD_v2(at + 57, "memory!", 8) || cuMemFree_v2(at)) return 4;
    printf("%02x%02x %s\\n", uuid.bytes[0], uuid.bytes[15], back);
    return 0;
}
`;

testAsRoot("CUDA keeps what is written into its memory, and does not start without the node for it", () => {
  const host = up("h100x1");
  const uuid = host.profile.gpus[0]?.uuid ?? "";
  expect(runClient(host, CUDA_CLIENT)).toEqual({ status: 0, output: `${uuid.slice(4, 6)}${uuid.slice(-2)} memory!\n` });
  const node = join(host.dir, "dev/nvidia-uvm");
  unlinkSync(node);
  expect(runInside(host, "/client").output).toBe("cuInit 999\n");
  run("mknod", node, "c", "77", "0");
  expect(runInside(host, "/client").output).toBe("cuInit 999\n");
});

describe("gb200x4-imex", () => {
  testAsRoot("has IMEX channels under the major that /proc/devices names, and what manages them", () => {
    const host = up("gb200x4-imex");
    expect(read(host, "proc/devices")).toContain("234 nvidia-caps-imex-channels\n");
    expect(read(host, "proc/devices")).toContain("511 nvidia-caps\n");
    expect(readdirSync(join(host.dir, "dev/nvidia-caps-imex-channels")).toSorted()).toEqual([
      "channel0", "channel1", "channel2", "channel2047", "channel3",
    ]); // prettier-ignore
    expect(describeNode(host, "dev/nvidia-caps-imex-channels/channel2047")).toBe("666:0 234:2047");
    expect(describeNode(host, "dev/nvidia-caps/nvidia-cap4323")).toBe("400:0 511:4323");
    for (const name of ["nvidia-imex", "nvidia-imex-ctl"]) expect(exists(host, `usr/bin/${name}`)).toBe(true);
    expect(exists(host, "dev/nvidia-nvswitchctl")).toBe(false);
  });

  testAsRoot("the driver says CUDA 13.0, and addresses have the domains of such a machine", () => {
    const host = up("gb200x4-imex");
    expect(runInside(host, "nvidia-smi", "--version").output).toContain("CUDA Version        : 13.0\n");
    const query = runInside(host, "nvidia-smi", "--query-gpu=name,pci.bus_id", "--format=csv,noheader").output;
    expect(query).toEndWith("NVIDIA GB200, 00000019:01:00.0\n");
  });
});

describe("gds", () => {
  testAsRoot("has the nodes of storage, network and switches under the majors that /proc/devices names", () => {
    const host = up("gds");
    const majors = read(host, "proc/devices");
    const lines = ["231 infiniband_verbs", "235 nvidia-nvswitch", "509 gdrdrv", "510 nvidia-fs"];
    for (const line of lines) expect(majors).toContain(`${line}\n`);
    const nodes = {
      "nvidia-fs0": "510:0", "nvidia-fs15": "510:15", gdrdrv: "509:0", "infiniband/rdma_cm": "10:122",
      "infiniband/uverbs0": "231:192", "infiniband/uverbs1": "231:193", "nvidia-nvswitchctl": "235:255",
      "nvidia-nvswitch3": "235:3",
    }; // prettier-ignore
    for (const [name, numbers] of Object.entries(nodes))
      expect(describeNode(host, `dev/${name}`)).toBe(`666:0 ${numbers}`);
  });

  test("has the files and the socket that go with them", () => {
    const host = up("gds");
    expect(JSON.parse(read(host, "etc/cufile.json"))).toBeObject();
    expect(readdirSync(join(host.dir, "run/udev/data"))).not.toBeEmpty();
    expect(lstatSync(join(host.dir, "run/nvidia-fabricmanager/socket")).isSocket()).toBe(true);
    expect(exists(host, `usr/lib/${MULTIARCH}/libnvidia-nscq.so.2`)).toBe(true);
  });

  test("its switches are NVIDIA's PCI devices, and no GPUs", () => {
    const host = up("gds");
    expect(read(host, "sys/bus/pci/devices/0000:07:00.0/vendor")).toBe("0x10de\n");
    expect(read(host, "sys/bus/pci/devices/0000:07:00.0/class")).toBe("0x068000\n");
    expect(readdirSync(join(host.dir, "proc/driver/nvidia/gpus"))).toHaveLength(4);
  });
});

describe("l40s-graphics", () => {
  testAsRoot("graphics nodes are for the groups video and render, and the others for all", () => {
    const host = up("l40s-graphics");
    expect(describeNode(host, "dev/dri/card1")).toBe("660:44 226:1");
    expect(describeNode(host, "dev/dri/renderD129")).toBe("660:105 226:129");
    expect(describeNode(host, "dev/nvidia0")).toBe("666:0 195:0");
    expect(readlinkSync(join(host.dir, "dev/dri/by-path/pci-0000:a2:00.0-render"))).toBe("../renderD129");
  });

  test("has every file of graphics and display", () => {
    const host = up("l40s-graphics");
    const version = host.profile.driver?.version;
    const libraries = [
      "libnvidia-egl-gbm.so.1", "libnvidia-egl-wayland.so.1", "libnvidia-egl-xcb.so.1", "libnvidia-egl-xlib.so.1",
      "libnvidia-vulkan-producer.so", "gbm/nvidia-drm_gbm.so", "libGLX_indirect.so.0",
    ]; // prettier-ignore
    const files = [
      ...libraries.map((name) => `usr/lib/${MULTIARCH}/${name}`),
      "usr/share/vulkan/icd.d/nvidia_icd.json",
      "usr/share/vulkan/implicit_layer.d/nvidia_layers.json",
      "usr/share/glvnd/egl_vendor.d/10_nvidia.json",
      ...["10_nvidia_wayland", "15_nvidia_gbm", "20_nvidia_xcb", "20_nvidia_xlib"].map((name) => {
        return `usr/share/egl/egl_external_platform.d/${name}.json`;
      }),
      "usr/lib/xorg/modules/drivers/nvidia_drv.so",
      `usr/lib/xorg/modules/extensions/libglxserver_nvidia.so.${version}`,
      "usr/lib/xorg/modules/extensions/libglxserver_nvidia.so",
      "usr/bin/nvidia-xconfig",
    ];
    expect(files.filter((path) => !exists(host, path))).toEqual([]);
  });

  test.skipIf(readPrograms().stub32 === undefined)(
    "has 32-bit libraries with the sonames of the 64-bit ones, and their links",
    () => {
      const host = up("l40s-graphics");
      const version = host.profile.driver?.version;
      const libraries = listLibraries(host, "usr/lib/i386-linux-gnu");
      expect(libraries[`libcuda.so.${version}`]).toBe("libcuda.so.1 i386");
      expect(libraries[`libnvidia-glcore.so.${version}`]).toBe(`libnvidia-glcore.so.${version} i386`);
      expect(Object.keys(libraries)).toHaveLength(20);
      const main = listLibraries(host, `usr/lib/${MULTIARCH}`);
      for (const [name, found] of Object.entries(libraries)) expect(main[name]).toBe(found.replace("i386", "x86-64"));
      expect(readlinkSync(join(host.dir, "usr/lib/i386-linux-gnu/libcuda.so"))).toBe("libcuda.so.1");
      const cached = listCache(join(host.dir, "etc/ld.so.cache")).filter((line) => line.includes("/i386-linux-gnu/"));
      expect(cached).toContain("\tlibcuda.so.1 (libc6) => /usr/lib/i386-linux-gnu/libcuda.so.1");
      expect(cached).toContain("\tlibvdpau_nvidia.so.1 (libc6) => /usr/lib/i386-linux-gnu/vdpau/libvdpau_nvidia.so.1");
    },
  );
});

describe("orin-csv", () => {
  testAsRoot("a CUDA program finds one device where /dev/nvhost-gpu may be opened, and else none", () => {
    const host = up("orin-csv");
    compileCudaProgram(host, `usr/lib/${MULTIARCH}/tegra/libcuda.so.1.1`);
    expect(runInside(host, "/cuda-program").output).toBe("1 CUDA devices\n");
    const asNobody = run("chroot", "--userspec=65534:65534", host.dir, "/cuda-program");
    expect(asNobody.output).toBe("0 CUDA devices\n");
    expect(run("chroot", "--userspec=65534:44", host.dir, "/cuda-program").output).toBe("1 CUDA devices\n");
    unlinkSync(join(host.dir, "dev/nvhost-gpu"));
    expect(runInside(host, "/cuda-program").output).toBe("0 CUDA devices\n");
  });

  test("is a Tegra without any PCI GPU", () => {
    const host = up("orin-csv");
    expect(read(host, "etc/nv_tegra_release")).toStartWith("# R35 (release), REVISION: 4.1, ");
    expect(read(host, "sys/devices/soc0/family")).toBe("Tegra\n");
    for (const path of ["proc/driver/nvidia", "sys/bus/pci", "dev/nvidiactl"]) expect(exists(host, path)).toBe(false);
  });

  test("its CSV files name what is there, but for one line without a comma and two files that are missing", () => {
    const host = up("orin-csv");
    const csv = "etc/nvidia-container-runtime/host-files-for-container.d";
    expect(readdirSync(join(host.dir, csv)).toSorted()).toEqual(["cudnn.csv", "devices.csv", "drivers.csv", "l4t.csv"]);
    const texts = readdirSync(join(host.dir, csv)).flatMap((name) => read(host, join(csv, name)).split("\n"));
    const lines = texts.filter((line) => line !== "").map((line) => line.split(", "));
    expect(lines.filter((line) => line.length !== 2)).toHaveLength(1);
    const named = lines.filter((line) => line.length === 2 && line[1]?.endsWith("*") === false);
    const missing = named.filter(([, path = ""]) => !lstatSync(join(host.dir, path), { throwIfNoEntry: false }));
    expect(missing.map(([, path = ""]) => basename(path)).toSorted()).toEqual(["fb0", "libnvscf.so"]);
    expect(new Set(lines.map(([kind]) => kind))).toContain("dir");
    const links = lines.filter(([kind]) => kind === "sym");
    expect(links.length).toBeGreaterThan(4);
    for (const [, path = ""] of links) expect(lstatSync(join(host.dir, path)).isSymbolicLink()).toBe(true);
  });

  test("an upgrade changes the release, the files and the lines that name them", () => {
    const host = up("orin-csv");
    simUpgrade(host.dir, "35.6.0");
    expect(read(host, "etc/nv_tegra_release")).toContain("REVISION: 6.0,");
    const drivers = read(host, "etc/nvidia-container-runtime/host-files-for-container.d/drivers.csv");
    expect(drivers).toContain("/tegra/libnvidia-ptxjitcompiler.so.35.6.0\n");
    expect(drivers).not.toContain("35.4.1");
    expect(exists(host, `usr/lib/${MULTIARCH}/tegra/libnvidia-ptxjitcompiler.so.35.6.0`)).toBe(true);
  });
});

describe("wsl", () => {
  /** The folder of NVIDIA's driver in the machine's store. */
  function storeOf(host: SimHost): string {
    const stores = readdirSync(join(host.dir, "usr/lib/wsl/drivers"));
    expect(stores).toHaveLength(2);
    return `usr/lib/wsl/drivers/${stores.find((name) => name.startsWith("nv_dispi.inf_amd64_"))}`;
  }

  testAsRoot("the store's nvidia-smi lists the GPU where /dev/dxg may be opened", () => {
    const host = up("wsl");
    const smi = `/${storeOf(host)}/nvidia-smi`;
    expect(describeNode(host, "dev/dxg")).toBe("666:0 10:125");
    const listing = `GPU 0: NVIDIA GeForce RTX 4070 (UUID: ${host.profile.gpus[0]?.uuid})\n`;
    expect(runInside(host, smi, "-L")).toEqual({ status: 0, output: listing });
    unlinkSync(join(host.dir, "dev/dxg"));
    expect(runInside(host, smi, "-L").status).toBe(9);
  });

  testAsRoot("a CUDA program finds one device", () => {
    const host = up("wsl");
    compileCudaProgram(host, "usr/lib/wsl/lib/libcuda.so.1.1");
    expect(runInside(host, "/cuda-program").output).toBe("1 CUDA devices\n");
  });

  test("store and loader folder hold what NVIDIA's tools look for", () => {
    const host = up("wsl");
    const store = storeOf(host);
    const needed = [
      "libcuda.so.1.1", "libcuda_loader.so", "libnvidia-ptxjitcompiler.so.1", "libnvidia-ml.so.1",
      "libnvidia-ml_loader.so", "libnvdxgdmal.so.1", "nvcubins.bin", "nvidia-smi", "libnvidia-encode.so.1",
      "libnvcuvid.so.1",
    ]; // prettier-ignore
    expect(readdirSync(join(host.dir, store))).toEqual(expect.arrayContaining(needed));
    const loaders = ["libdxcore.so", "libcuda.so", "libcuda.so.1", "libcuda.so.1.1", "libnvidia-ml.so.1", "nvidia-smi"];
    expect(readdirSync(join(host.dir, "usr/lib/wsl/lib"))).toEqual(expect.arrayContaining(loaders));
    expect(listLibraries(host, store)["libcuda.so.1.1"]).toStartWith("libcuda.so.1 ");
    expect(exists(host, "proc/driver/nvidia")).toBe(false);
  });

  test("an upgrade moves the driver to another folder of the store", () => {
    const host = up("wsl");
    const before = storeOf(host);
    simUpgrade(host.dir, "576.02");
    expect(storeOf(host)).not.toBe(before);
  });
});
