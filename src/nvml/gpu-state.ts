/**
 * Numbers that a GPU says of itself, the unit in the name. `memoryUsedBytes` is without what the driver reserves for itself where that is known apart (R510 and newer). ECC
 * errors and what went over NVLink are counted since the driver was loaded.
 */
export const NUMBER_FIELDS = [
  "gpuPercent",
  "memoryPercent",
  "memoryTotalBytes",
  "memoryUsedBytes",
  "memoryReservedBytes",
  "temperatureC",
  "fanPercent",
  "powerW",
  "powerLimitW",
  "graphicsClockMhz",
  "smClockMhz",
  "memoryClockMhz",
  "eccCorrected",
  "eccUncorrected",
  "rowsRemappedCorrected",
  "rowsRemappedUncorrected",
  "pcieGeneration",
  "pcieGenerationMax",
  "pcieWidth",
  "pcieWidthMax",
  "encoderPercent",
  "decoderPercent",
  "pcieRxBytesPerSecond",
  "pcieTxBytesPerSecond",
  "nvlinkRxBytes",
  "nvlinkTxBytes",
] as const;

/** What is so or not; a row remap that is pending takes a reset of the GPU, one that failed its replacement. */
export const FLAG_FIELDS = [
  "isPersistent",
  "isEccEnabled",
  "isMigEnabled",
  "isRowRemapPending",
  "hasRowRemapFailed",
] as const;

export const TEXT_FIELDS = ["uuid", "name"] as const;

export type NumberField = (typeof NUMBER_FIELDS)[number];
type FlagField = (typeof FLAG_FIELDS)[number];
type TextField = (typeof TEXT_FIELDS)[number];

/** What one GPU says. What is not there it has not, may not say to this user, or did not come to. */
export type GpuFacts = { readonly [field in NumberField]?: number | undefined } & {
  readonly [field in FlagField]?: boolean | undefined;
} & { readonly [field in TextField]?: string | undefined } & {
  readonly nvlinks?: readonly NvLink[] | undefined;
  readonly migDevices?: readonly MigState[] | undefined;
  readonly processes?: readonly GpuProcess[] | undefined;
};

/** A GPU as it is now. */
export interface GpuState {
  /** What it was asked by: "0000:1b:00.0". */
  readonly target: string;
  readonly facts: GpuFacts;
  /** One line for each question that failed while others were answered. */
  readonly faults: readonly string[];
  /** Why it did not answer to the end; undefined: it did. */
  readonly sick: string | undefined;
}

/** A link that the GPU has, whether or not it is up. */
export interface NvLink {
  readonly link: number;
  readonly isActive: boolean;
  /** PCI address at the other end, which may be a switch's. */
  readonly remoteBus?: string | undefined;
}

export interface MigState {
  readonly gpuInstance: number;
  readonly computeInstance: number;
  /** NVML's number within its GPU. */
  readonly index?: number | undefined;
  /** "1g.10gb" */
  readonly profile?: string | undefined;
  readonly uuid?: string | undefined;
  readonly memoryTotalBytes?: number | undefined;
  readonly memoryUsedBytes?: number | undefined;
}

/** A process of this machine that uses a GPU; the number is that of the driver's own PID namespace, the machine's. */
export interface GpuProcess {
  readonly pid: number;
  readonly kind: "compute" | "graphics" | "both";
  readonly memoryBytes?: number | undefined;
  /** Its share of the GPU's time in the last seconds, and of the time in which memory was read or written. */
  readonly gpuPercent?: number | undefined;
  readonly memoryPercent?: number | undefined;
  /** Under MIG. */
  readonly gpuInstance?: number | undefined;
  readonly computeInstance?: number | undefined;
}

/** The groups in which a GPU is asked, in this order: what is asked often first, what can hang on a sick one last. Of "traffic" the driver takes a sample of 40 ms, so that it is asked only for who wants it. */
export const PARTS = [
  "identity",
  "memory",
  "utilisation",
  "temperature",
  "power",
  "processes",
  "mode",
  "ecc",
  "clocks",
  "pcie",
  "nvlink",
  "engines",
  "traffic",
] as const;

export type Part = (typeof PARTS)[number];
