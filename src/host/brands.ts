/** By NVML's `nvmlBrandType_t`, as `NVIDIA_REQUIRE_CUDA` of the CUDA images writes them. NVML marks the last two unused. */
const BRANDS: readonly string[] = [
  "unknown",
  "quadro",
  "tesla",
  "nvs",
  "grid",
  "geforce",
  "titan",
  "vapps",
  "vpc",
  "vcs",
  "vws",
  "cloudgaming",
  "quadrortx",
  "nvidiartx",
  "nvidia",
  "geforcertx",
  "titanrtx",
];

/** By the last letter of a vGPU's name: "GRID A100-4C", "NVIDIA A10-12Q" (the series of NVIDIA's vGPU guide). */
const VGPU_BRANDS: Readonly<Record<string, string>> = { A: "vapps", B: "vpc", C: "vcs", Q: "vws" };

/**
 * How a model name begins, without "NVIDIA ", and the "Product Brand" that nvidia-smi -q of such GPUs shows. GeForce RTX
 * is "GeForce" there, TITAN X and Xp are "GeForce", TITAN RTX is "Titan".
 */
const PREFIXES: readonly (readonly [prefix: string, brand: string])[] = [
  ["GeForce ", "geforce"],
  // Driver 410 said "Quadro"; the name of its own came to NVML later.
  ["Quadro RTX ", "quadrortx"],
  ["Quadro ", "quadro"],
  ["RTX ", "nvidiartx"],
  ["TITAN X", "geforce"],
  ["TITAN ", "titan"],
  ["Tesla ", "tesla"],
  ["GRID ", "grid"],
  ["NVS ", "nvs"],
];

/** The brand that NVML has for a GPU by its model in /proc/driver/nvidia/gpus; "unknown" where no rule is known. */
export function brandOf(model: string): string {
  const name = model.startsWith("NVIDIA ") ? model.slice("NVIDIA ".length) : model;
  const series = /-[0-9]+([ABCQ])(?:ME)?$/.exec(name)?.[1];
  if (series !== undefined) return VGPU_BRANDS[series] ?? "unknown";
  // "Tesla" up to driver 460, "NVIDIA" from 525 at the latest; the name stayed.
  if (name === "Tesla T4") return "nvidia";
  const prefix = PREFIXES.find(([start]) => name.startsWith(start));
  if (prefix !== undefined) return prefix[1];
  if (!isDataCentreName(name)) return "unknown";
  // Up to driver 460 names lack "NVIDIA ", and data-centre GPUs are of the brand Tesla.
  return name === model ? "tesla" : "nvidia";
}

/** A100-SXM4-80GB, AX800, B200, H100 PCIe, L40S, GH200 480GB, GB200; not GB10. */
function isDataCentreName(name: string): boolean {
  return /^(?:AX?|B|H|L)[0-9]|^G[BH][0-9]{3}/.test(name);
}

/** The brand that a number of NVML's `nvmlBrandType_t` stands for. */
export function brandOfNumber(number: number): string {
  return BRANDS[number] ?? "unknown";
}

/**
 * One name for brands that are the same cards: newer drivers call "NVIDIA" what older ones called "Tesla", and the RTX cards of a family were once
 * a brand of their own.
 */
export function brandFamily(brand: string): string {
  switch (brand) {
    case "nvidia":
      return "tesla";
    case "geforcertx":
      return "geforce";
    case "titanrtx":
      return "titan";
    case "quadrortx":
      return "quadro";
    default:
      return brand;
  }
}

/**
 * Whether CUDA's forward compatibility package works on GPUs of a brand: on data-centre GPUs, not on GeForce and TITAN
 * (CUDA error 804), which the CUDA images from 12.8 on leave out, too. Undefined where the brand does not tell: of RTX
 * cards only some server models qualify. Source: "Forward Compatibility" in NVIDIA's CUDA Compatibility guide.
 */
export function hasForwardCompatibility(brand: string): boolean | undefined {
  switch (brand) {
    case "nvidia":
    case "tesla":
      return true;
    case "geforce":
    case "geforcertx":
    case "titan":
    case "titanrtx":
      return false;
    default:
      return undefined;
  }
}
