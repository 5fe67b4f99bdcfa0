/** A machine to simulate; one readable file each in profiles/. */
export interface SimProfile {
  readonly name: string;
  readonly summary: string;
  /** Where the distribution keeps libraries: /usr/lib/<multiarch> or /usr/lib64. */
  readonly layout: "debian" | "rhel";
  /** Undefined: the kernel module is not loaded and nothing of a driver is installed. */
  readonly driver: SimDriver | undefined;
  /** False: the kernel module's files say `GPU-????????-…`; NVML knows the UUIDs all the same, as on real hardware. */
  readonly isUuidKnown: boolean;
  /** In the order of PCI addresses. */
  readonly gpus: readonly SimGpu[];
}

export interface SimDriver {
  /** "570.133.20". */
  readonly version: string;
  /** The newest CUDA it supports: "12.8". */
  readonly cuda: string;
  readonly kernelModule: "open" | "proprietary";
  readonly uvmMajor: number;
  readonly capsMajor: number;
}

export interface SimGpu {
  readonly model: string;
  /** "0000:1b:00.0", lower case. */
  readonly bus: string;
  /** N of /dev/nvidiaN. */
  readonly minor: number;
  /** What NVML says. */
  readonly uuid: string;
  readonly memoryMiB: number;
  /** As sysfs has it: "0x2330". */
  readonly pciDevice: string;
  /** Subsystem and its vendor in one number: "0x16c110de". */
  readonly pciSubsystem: string;
  readonly computeCapability: string;
  readonly isMigCapable: boolean;
  readonly drm: { readonly card: number; readonly render: number };
  /** Undefined: MIG is off. In NVML's order. */
  readonly mig: readonly SimMigDevice[] | undefined;
}

export interface SimMigDevice {
  readonly gpuInstance: number;
  readonly computeInstance: number;
  /** "3g.40gb". */
  readonly profile: string;
  readonly uuid: string;
  readonly memoryMiB: number;
}

/** What a driver version looks like: "570.133.20", "550.54". */
export const DRIVER_VERSION = /^\d{1,4}\.\d{1,4}(\.\d{1,4})?$/;

/** A profile from its data file. Throws a TypeError for a wrong type or an unknown key: the file is ours. */
export function readProfile(value: unknown): SimProfile {
  const fields = open(value, "profile", ["name", "summary", "layout", "driver", "isUuidKnown", "gpus"]);
  return {
    name: fields.text("name"),
    summary: fields.text("summary"),
    layout: fields.choice("layout", ["debian", "rhel"]),
    driver: fields.optional("driver", readDriver),
    isUuidKnown: fields.truth("isUuidKnown"),
    gpus: fields.list("gpus", readGpu),
  };
}

function readDriver(value: unknown): SimDriver {
  const fields = open(value, "driver", ["version", "cuda", "kernelModule", "uvmMajor", "capsMajor"]);
  return {
    version: fields.text("version", DRIVER_VERSION),
    cuda: fields.text("cuda", /^\d+\.\d+$/),
    kernelModule: fields.choice("kernelModule", ["open", "proprietary"]),
    uvmMajor: fields.whole("uvmMajor"),
    capsMajor: fields.whole("capsMajor"),
  };
}

const GPU_KEYS = ["model", "bus", "minor", "uuid", "memoryMiB", "drm", "mig", "isMigCapable"];
const PCI_KEYS = ["pciDevice", "pciSubsystem", "computeCapability"];

function readGpu(value: unknown): SimGpu {
  const fields = open(value, "gpu", [...GPU_KEYS, ...PCI_KEYS]);
  return {
    model: fields.text("model"),
    bus: fields.text("bus", /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.0$/),
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
  const fields = open(value, "drm", ["card", "render"]);
  return { card: fields.whole("card"), render: fields.whole("render") };
}

function readMigDevice(value: unknown): SimMigDevice {
  const fields = open(value, "mig", ["gpuInstance", "computeInstance", "profile", "uuid", "memoryMiB"]);
  return {
    gpuInstance: fields.whole("gpuInstance"),
    computeInstance: fields.whole("computeInstance"),
    profile: fields.text("profile", /^\dg\.\d+gb$/),
    uuid: fields.text("uuid", /^MIG-[0-9a-f-]{36}$/),
    memoryMiB: fields.whole("memoryMiB"),
  };
}

/** The fields of an object with known keys, each narrowed as it is read. */
function open(value: unknown, what: string, keys: readonly string[]) {
  if (!isRecord(value)) throw new TypeError(`${what} is not an object`);
  const unknownKey = Object.keys(value).find((key) => !keys.includes(key));
  if (unknownKey !== undefined) throw new TypeError(`${what} has an unknown key "${unknownKey}"`);
  return {
    text: (key: string, form = /./): string => {
      const text = value[key];
      if (typeof text === "string" && form.test(text)) return text;
      throw new TypeError(`${what}.${key} is not of the form ${form}`);
    },
    whole: (key: string): number => {
      const number = value[key];
      if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
      throw new TypeError(`${what}.${key} is not a whole number`);
    },
    truth: (key: string): boolean => {
      const truth = value[key];
      if (typeof truth === "boolean") return truth;
      throw new TypeError(`${what}.${key} is not true or false`);
    },
    choice: <const T extends string>(key: string, choices: readonly T[]): T => {
      const found = choices.find((choice) => choice === value[key]);
      if (found !== undefined) return found;
      throw new TypeError(`${what}.${key} is not one of ${choices.join(", ")}`);
    },
    one: <T>(key: string, read: (value: unknown) => T): T => read(value[key]),
    optional: <T>(key: string, read: (value: unknown) => T): T | undefined =>
      value[key] === undefined ? undefined : read(value[key]),
    list: <T>(key: string, read: (value: unknown) => T): readonly T[] => readList(value[key], key, read),
  };
}

function readList<T>(value: unknown, what: string, read: (value: unknown) => T): readonly T[] {
  if (!Array.isArray(value)) throw new TypeError(`${what} is not a list`);
  return value.map((item: unknown) => read(item));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
