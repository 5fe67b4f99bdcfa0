import { capabilityMinors, FABRIC_IMEX_MINOR, formatMigMinors, MIG_CONFIG_MINOR, MIG_MONITOR_MINOR } from "./mig.ts";
import type { SimDriver, SimGpu, SimProfile } from "./profile.ts";
import { formatDevices } from "./proc-devices.ts";
import { textFile, type TreeEntry } from "./tree.ts";

const MACHINE = process.arch === "arm64" ? "aarch64" : "x86_64";

/** What the kernel shows of the machine: /proc and /sys, in the words of the 570 kernel modules. */
export function kernelFiles(profile: SimProfile): readonly TreeEntry[] {
  const { driver, gpus } = profile;
  const always = [
    textFile("/proc/devices", formatDevices(profile)),
    textFile("/proc/modules", formatModules(driver)),
    ...otherPciDevices(profile),
  ];
  if (driver === undefined) return always;
  return [
    ...always,
    ...driverFiles(driver),
    ...gpus.flatMap((gpu) => gpuFiles(gpu, driver, profile.isUuidKnown)),
    ...(gpus.some((gpu) => gpu.isMigCapable) ? capabilityFiles(gpus) : []),
    ...(profile.imex === undefined ? [] : [capabilityFile("fabric-imex-mgmt", FABRIC_IMEX_MINOR, 0o400)]),
  ];
}

function formatModules(driver: SimDriver | undefined): string {
  const others = "overlay 217088 0 - Live 0x0000000000000000\n";
  if (driver === undefined) return others;
  const modules = [
    "nvidia_uvm 4595712 0",
    "nvidia_drm 131072 0",
    "nvidia_modeset 1814528 1 nvidia_drm,",
    "nvidia 97210368 2 nvidia_uvm,nvidia_modeset,",
  ];
  const lines = modules.map((line) => `${line.endsWith(",") ? line : `${line} -`} Live 0x0000000000000000 (O)\n`);
  return `${lines.join("")}${others}`;
}

function driverFiles(driver: SimDriver): readonly TreeEntry[] {
  return [
    textFile("/proc/driver/nvidia/version", formatVersion(driver)),
    textFile("/proc/driver/nvidia/params", PARAMS),
    textFile("/proc/driver/nvidia/registry", 'Binary: ""\n'),
    textFile("/sys/module/nvidia/version", `${driver.version}\n`),
    textFile("/sys/module/nvidia/initstate", "live\n"),
    textFile("/sys/module/firmware_class/parameters/path", "\n"),
  ];
}

function formatVersion({ version, module: kernelModule }: SimDriver): string {
  const module =
    kernelModule?.kind === "open"
      ? `NVIDIA UNIX Open Kernel Module for ${MACHINE}  ${version}  Release Build  (root@berth-sim)`
      : `NVIDIA UNIX ${MACHINE} Kernel Module  ${version}`;
  return `NVRM version: ${module}  Sun Mar  2 04:42:24 UTC 2025\nGCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n`;
}

const PARAMS = `ResmanDebugLevel: 4294967295
RmLogonRC: 1
ModifyDeviceFiles: 1
DeviceFileUID: 0
DeviceFileGID: 0
DeviceFileMode: 438
InitializeSystemMemoryAllocations: 1
UsePageAttributeTable: 4294967295
EnableMSI: 1
EnablePCIeGen3: 0
MemoryPoolSize: 0
EnableStreamMemOPs: 0
EnableUserNUMAManagement: 1
DmaRemapPeerMmio: 1
GpuBlacklist: ""
ExcludedGpus: ""
RegistryDwords: ""
RegistryDwordsPerDevice: ""
`;

function gpuFiles(gpu: SimGpu, driver: SimDriver, isUuidKnown: boolean): readonly TreeEntry[] {
  const proc = `/proc/driver/nvidia/gpus/${gpu.bus}`;
  const sys = `/sys/bus/pci/devices/${gpu.bus}`;
  const isDesktop = !gpu.isMigCapable;
  return [
    textFile(`${proc}/information`, formatInformation(gpu, driver, isUuidKnown)),
    textFile(`${proc}/registry`, 'Binary: ""\n'),
    textFile(`${proc}/power`, POWER),
    ...pciFiles({ bus: gpu.bus, vendor: "0x10de", device: gpu.pciDevice, class: isDesktop ? "0x030000" : "0x030200" }),
    textFile(`${sys}/subsystem_vendor`, `0x${gpu.pciSubsystem.slice(-4)}\n`),
    textFile(`${sys}/subsystem_device`, `${gpu.pciSubsystem.slice(0, 6)}\n`),
    textFile(`${sys}/drm/card${gpu.drm.card}/dev`, `226:${gpu.drm.card}\n`),
    textFile(`${sys}/drm/renderD${gpu.drm.render}/dev`, `226:${gpu.drm.render}\n`),
  ];
}

// An open kernel module knows UUID and BIOS only once somebody has used the GPU since it was loaded.
function formatInformation(gpu: SimGpu, driver: SimDriver, isUuidKnown: boolean): string {
  return `Model: \t\t ${gpu.model}
IRQ:   \t\t 18
GPU UUID: \t ${isUuidKnown ? gpu.uuid : "GPU-????????-????-????-????-????????????"}
Video BIOS: \t ${isUuidKnown ? "96.00.89.00.01" : "??.??.??.??.??"}
Bus Type: \t PCIe
DMA Size: \t 52 bits
DMA Mask: \t 0xfffffffffffff
Bus Location: \t ${gpu.bus}
Device Minor: \t ${gpu.minor}
GPU Firmware: \t ${isUuidKnown ? driver.version : "N/A"}
GPU Excluded:\t No
`;
}

const POWER = `Runtime D3 status:          Disabled by default
Video Memory:               Active

GPU Hardware Support:
 Video Memory Self Refresh: Not Supported
 Video Memory Off:          Not Supported

S0ix Power Management:
 Platform Support:          Not Supported
 Status:                    Disabled
`;

function pciFiles(device: { bus: string; vendor: string; device: string; class: string }): readonly TreeEntry[] {
  const folder = `/sys/bus/pci/devices/${device.bus}`;
  return [
    textFile(`${folder}/vendor`, `${device.vendor}\n`),
    textFile(`${folder}/device`, `${device.device}\n`),
    textFile(`${folder}/class`, `${device.class}\n`),
  ];
}

/** A bridge, switches, and the server's own graphics where no GPU is card 0: devices that nobody may take for a GPU. */
function otherPciDevices({ gpus, gpuDirect }: SimProfile): readonly TreeEntry[] {
  const switches = (gpuDirect?.switches ?? []).flatMap((bus) => {
    return pciFiles({ bus, vendor: "0x10de", device: "0x22a3", class: "0x068000" });
  });
  const others = [
    ...pciFiles({ bus: "0000:00:00.0", vendor: "0x8086", device: "0x09a2", class: "0x088000" }),
    ...switches,
  ];
  if (gpus.some((gpu) => gpu.drm.card === 0)) return others;
  const console = { bus: "0000:03:00.0", vendor: "0x1a03", device: "0x2000", class: "0x030000" };
  return [...others, ...pciFiles(console), textFile(`/sys/bus/pci/devices/${console.bus}/drm/card0/dev`, "226:0\n")];
}

function capabilityFiles(gpus: readonly SimGpu[]): readonly TreeEntry[] {
  return [
    textFile("/proc/driver/nvidia-caps/mig-minors", formatMigMinors()),
    capabilityFile("mig/config", MIG_CONFIG_MINOR, 0o400),
    capabilityFile("mig/monitor", MIG_MONITOR_MINOR, 0o444),
    ...gpus.flatMap(migFiles),
  ];
}

function migFiles(gpu: SimGpu): readonly TreeEntry[] {
  if (gpu.mig === undefined) return [];
  const folder = `gpu${gpu.minor}/mig`;
  const instances = gpu.mig.flatMap((device) => {
    const minors = capabilityMinors(gpu, device);
    const instance = `${folder}/gi${device.gpuInstance}`;
    return [
      capabilityFile(`${instance}/access`, minors.gpuInstance, 0o444),
      capabilityFile(`${instance}/ci${device.computeInstance}/access`, minors.computeInstance, 0o444),
    ];
  });
  return [{ kind: "folder", path: `/proc/driver/nvidia/capabilities/${folder}`, mode: 0o755 }, ...instances];
}

function capabilityFile(name: string, minor: number, mode: number): TreeEntry {
  const content = `DeviceFileMinor: ${minor}\nDeviceFileMode: ${mode}\nDeviceFileModify: 1\n`;
  return textFile(`/proc/driver/nvidia/capabilities/${name}`, content);
}
