import { compareVersions } from "../base/index.ts";
import {
  brandFamily,
  brandOfNumber,
  hasForwardCompatibility,
  supportedCuda,
  type Driver,
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
  const gpus = gpusOf(granted).map(({ index, model, brand }) => ({ name: `GPU ${index} (${model})`, brand }));
  return (
    notUsed(compat, findPolicyObstacle(granted, at.policy)) ??
    judgeCompat(compat, { gpus, driver: at.host.driver, isUnit: at.host.unit !== undefined })
  );
}

/** What forward compatibility depends on beside the image. */
export interface CompatSite {
  readonly gpus: readonly { readonly name: string; readonly brand: string }[];
  readonly driver: Pick<Driver, "version" | "cuda"> | undefined;
  /** A Jetson, whose libraries are numbered on their own. */
  readonly isUnit: boolean;
}

/** The same for a container of which nobody decides any more: where a hook of a CDI file looks into the image. */
export function judgeCompat(compat: CompatLibraries, site: CompatSite): CompatDecision {
  const ofGpus = site.gpus.map((gpu) => findGpuObstacle(gpu, compat)).find((why) => why !== undefined);
  const name = nameOf(compat);
  return (
    notUsed(compat, ofGpus ?? findVersionObstacle(compat, site)) ?? {
      isUsed: true,
      compat,
      reason: `forward compatibility: ${name} of the image is newer than the driver`,
    }
  );
}

function notUsed(compat: CompatLibraries, obstacle: string | undefined): CompatDecision | undefined {
  if (obstacle === undefined) return undefined;
  return { isUsed: false, compat, reason: `${nameOf(compat)} of the image is not used: ${obstacle}` };
}

function nameOf({ version, folder }: CompatLibraries): string {
  return `libcuda ${version} in "${folder}"`;
}

/** The CUDA version of the libraries: what their note says, else that of their driver. */
export function cudaOfCompat({ note, version }: CompatLibraries): SupportedCuda | undefined {
  return note?.cuda === undefined ? supportedCuda(version) : { version: note.cuda, isExact: true };
}

function findPolicyObstacle({ capabilities }: Pick<Grant, "capabilities">, policy: Policy): string | undefined {
  if (!policy.allowsForwardCompatibility) return "config.toml switches forward compatibility off";
  return capabilities.some(({ name }) => name === "compute") ? undefined : "the container has no compute capability";
}

function findGpuObstacle(gpu: CompatSite["gpus"][number], { note }: CompatLibraries): string | undefined {
  const brands = note?.brands.map((number) => brandFamily(brandOfNumber(number))) ?? [];
  const isListed = brands.length === 0 || gpu.brand === "unknown" || brands.includes(brandFamily(gpu.brand));
  if (isListed && hasForwardCompatibility(gpu.brand) !== false) return undefined;
  return `it does not work on ${gpu.name}, which is no data-centre GPU`;
}

function findVersionObstacle(compat: CompatLibraries, { driver, isUnit }: CompatSite): string | undefined {
  if (!compat.libraries.some(({ soname }) => soname === "libcuda.so.1")) return "it is not a library";
  const { version, cuda } = driver ?? {};
  if (version === undefined || isUnit) return findCudaObstacle(compat, cuda);
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
