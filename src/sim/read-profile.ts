import { openFields, readList, readText, readWhole } from "./narrow.ts";
import {
  BRANDS,
  DRIVER_VERSION,
  type SimDriver,
  type SimGpu,
  type SimGpuDirect,
  type SimImex,
  type SimMigDevice,
  type SimModule,
  type SimProfile,
  type SimWorkstation,
} from "./profile.ts";

/** `nvidia-smi mig -lgip` and `-lcip` have these names; what follows + or - is what the instance has or lacks besides. */
const MIG_PROFILE = /^(?:\dc\.)?\dg\.\d+gb(?:[+-][a-z.]+)?$/;

const BUS = /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.0$/;

const PROFILE_KEYS = ["name", "summary", "platform", "layout", "driver", "isUuidKnown", "gpus"];
const EXTRA_KEYS = ["workstation", "imex", "gpuDirect"];

/** A profile from its data file. Throws a TypeError for a wrong type or an unknown key: the file is ours. */
export function readProfile(value: unknown): SimProfile {
  const fields = openFields(value, "profile", [...PROFILE_KEYS, ...EXTRA_KEYS]);
  return {
    name: fields.text("name"),
    summary: fields.text("summary"),
    platform: fields.choice("platform", ["pci", "wsl", "tegra"], "pci"),
    layout: fields.choice("layout", ["debian", "rhel", "own-folder"]),
    driver: fields.optional("driver", readDriver),
    isUuidKnown: fields.truth("isUuidKnown"),
    workstation: fields.optional("workstation", readWorkstation),
    imex: fields.optional("imex", readImex),
    gpuDirect: fields.optional("gpuDirect", readGpuDirect),
    gpus: fields.list("gpus", readGpu),
  };
}

function readDriver(value: unknown): SimDriver {
  const fields = openFields(value, "driver", ["version", "cuda", "module"]);
  return {
    version: fields.text("version", DRIVER_VERSION),
    cuda: fields.text("cuda", /^\d+\.\d+$/),
    module: fields.optional("module", readModule),
  };
}

function readModule(value: unknown): SimModule {
  const fields = openFields(value, "module", ["kind", "uvmMajor", "capsMajor"]);
  return {
    kind: fields.choice("kind", ["open", "proprietary"]),
    uvmMajor: fields.whole("uvmMajor"),
    capsMajor: fields.whole("capsMajor"),
  };
}

function readWorkstation(value: unknown): SimWorkstation {
  const fields = openFields(value, "workstation", ["cardGroup", "renderGroup"]);
  return { cardGroup: fields.whole("cardGroup"), renderGroup: fields.whole("renderGroup") };
}

function readImex(value: unknown): SimImex {
  const fields = openFields(value, "imex", ["major", "channels"]);
  return { major: fields.whole("major"), channels: fields.list("channels", readWhole) };
}

const GPU_DIRECT_KEYS = ["storageMajor", "gdrcopyMajor", "networkCards", "switchMajor", "switches"];

function readGpuDirect(value: unknown): SimGpuDirect {
  const fields = openFields(value, "gpuDirect", GPU_DIRECT_KEYS);
  return {
    storageMajor: fields.whole("storageMajor"),
    gdrcopyMajor: fields.whole("gdrcopyMajor"),
    networkCards: fields.whole("networkCards"),
    switchMajor: fields.whole("switchMajor"),
    switches: fields.list("switches", (bus, what) => readText(bus, what, BUS)),
  };
}

const GPU_KEYS = ["model", "brand", "bus", "minor", "uuid", "memoryMiB", "drm", "mig", "isMigCapable"];
const PCI_KEYS = ["pciDevice", "pciSubsystem", "computeCapability"];

function readGpu(value: unknown): SimGpu {
  const fields = openFields(value, "gpu", [...GPU_KEYS, ...PCI_KEYS]);
  return {
    model: fields.text("model"),
    brand: fields.choice("brand", BRANDS, "nvidia"),
    bus: fields.text("bus", BUS),
    minor: fields.whole("minor"),
    uuid: fields.text("uuid", /^GPU-[0-9a-f-]{36}$/),
    memoryMiB: fields.whole("memoryMiB"),
    pciDevice: fields.text("pciDevice", /^0x[0-9a-f]{4}$/),
    pciSubsystem: fields.text("pciSubsystem", /^0x[0-9a-f]{8}$/),
    computeCapability: fields.text("computeCapability", /^\d+\.\d$/),
    isMigCapable: fields.truth("isMigCapable"),
    drm: fields.one("drm", readDrm),
    mig: fields.optional("mig", (list) => readList(list, "mig", readMigDevice)),
  };
}

function readDrm(value: unknown): SimGpu["drm"] {
  const fields = openFields(value, "drm", ["card", "render"]);
  return { card: fields.whole("card"), render: fields.whole("render") };
}

function readMigDevice(value: unknown): SimMigDevice {
  const fields = openFields(value, "mig", ["gpuInstance", "computeInstance", "profile", "uuid", "memoryMiB"]);
  return {
    gpuInstance: fields.whole("gpuInstance"),
    computeInstance: fields.whole("computeInstance"),
    profile: fields.text("profile", MIG_PROFILE),
    uuid: fields.text("uuid", /^MIG-[0-9a-f-]{36}$/),
    memoryMiB: fields.whole("memoryMiB"),
  };
}
