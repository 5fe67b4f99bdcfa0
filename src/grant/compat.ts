import { compareVersions } from "../base/index.ts";
import {
  brandFamily,
  brandOfNumber,
  hasForwardCompatibility,
  supportedCuda,
  type Gpu,
  type Host,
  type SupportedCuda,
} from "../host/index.ts";
import type { CompatLibraries, Request } from "../request/index.ts";
import type { Grant } from "./grant.ts";
import { gpusOf } from "./gpus-of.ts";
import type { Policy } from "./policy.ts";

/** Whether the image's own CUDA libraries go before the driver's, and why (not). */
export interface CompatDecision {
  readonly isUsed: boolean;
  readonly compat: CompatLibraries;
  readonly reason: string;
}

/**
 * CUDA forward compatibility: libraries of a newer driver in the image, on this host's older kernel module. By the note in them where there is one, else by
 * the major versions; never on a GPU on which it cannot work (error 804) and never where the driver is as new (error 803). Rules: nvidia-container-toolkit
 * 1.20 (enable-cuda-compat), NVIDIA's CUDA Compatibility guide. Undefined where the image has none.
 */
export function decideCompat(
  request: Request,
  granted: Pick<Grant, "gpus" | "migDevices" | "capabilities">,
  at: {
    readonly host: Host;
    readonly policy: Policy;
  },
): CompatDecision | undefined {
  const { compat } = request;
  if (compat === undefined) return undefined;
  const name = `libcuda ${compat.version} in "${compat.folder}"`;
  const obstacle =
    findPolicyObstacle(granted, compat, at.policy) ??
    gpusOf(granted)
      .map((gpu) => findGpuObstacle(gpu, compat))
      .find((why) => why !== undefined) ??
    findVersionObstacle(compat, at.host);
  if (obstacle !== undefined) return { isUsed: false, compat, reason: `${name} of the image is not used: ${obstacle}` };
  return { isUsed: true, compat, reason: `forward compatibility: ${name} of the image is newer than the driver` };
}

/** The CUDA version of the libraries: what their note says, else that of their driver. */
export function cudaOfCompat({ note, version }: CompatLibraries): SupportedCuda | undefined {
  return note?.cuda === undefined ? supportedCuda(version) : { version: note.cuda, isExact: true };
}

function findPolicyObstacle(
  { capabilities }: Pick<Grant, "capabilities">,
  compat: CompatLibraries,
  policy: Policy,
): string | undefined {
  if (!compat.libraries.some(({ soname }) => soname === "libcuda.so.1")) return "it is not a library";
  if (!policy.allowsForwardCompatibility) return "config.toml switches forward compatibility off";
  return capabilities.some(({ name }) => name === "compute") ? undefined : "the container has no compute capability";
}

function findGpuObstacle(gpu: Gpu, { note }: CompatLibraries): string | undefined {
  const brands = note?.brands.map((number) => brandFamily(brandOfNumber(number))) ?? [];
  const isListed = brands.length === 0 || gpu.brand === "unknown" || brands.includes(brandFamily(gpu.brand));
  if (isListed && hasForwardCompatibility(gpu.brand) !== false) return undefined;
  return `it does not work on GPU ${gpu.index} (${gpu.model}), which is no data-centre GPU`;
}

function findVersionObstacle(compat: CompatLibraries, { driver, unit }: Host): string | undefined {
  const { version, cuda } = driver ?? {};
  // Libraries of a Jetson are numbered on their own.
  if (version === undefined || unit !== undefined) return findCudaObstacle(compat, cuda);
  const isNewer = compareVersions(compat.version, version) > 0;
  if (!isNewer) return `the driver ${version} is not older`;
  const branch = majorOf(version);
  const branches = compat.note?.branches ?? [];
  if (branches.length > 0) {
    return branches.includes(branch)
      ? undefined
      : `it is not made for drivers ${branch} (only for ${branches.join(", ")})`;
  }
  return majorOf(compat.version) > branch ? undefined : `the driver ${version} is of the same branch`;
}

function findCudaObstacle({ note }: CompatLibraries, cuda: SupportedCuda | undefined): string | undefined {
  if (cuda?.isExact !== true || note?.cuda === undefined) return "which CUDA the driver supports is not known";
  return compareVersions(note.cuda, cuda.version) > 0 ? undefined : `the driver supports CUDA ${cuda.version} itself`;
}

function majorOf(version: string): number {
  return Number(version.split(".")[0]);
}
