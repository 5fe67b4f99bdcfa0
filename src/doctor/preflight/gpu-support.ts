import { compareVersions } from "../../base/index.ts";
import type { Gpu } from "../../host/index.ts";
import type { ImageFacts } from "./image-facts.ts";

/** The first CUDA toolkit whose compiler and libraries know GPUs of a compute capability. Source: the release notes of the CUDA toolkit. */
const FIRST_CUDA: readonly (readonly [capability: string, cuda: string])[] = [
  ["6.0", "8.0"],
  ["7.0", "9.0"],
  ["7.5", "10.0"],
  ["8.0", "11.0"],
  ["8.6", "11.1"],
  ["8.9", "11.8"],
  ["9.0", "11.8"],
  ["10.0", "12.8"],
  ["10.3", "12.9"],
  ["12.0", "12.8"],
  ["12.1", "12.9"],
];

/** The least compute capability that the libraries of a CUDA toolkit still know. Source: as above. */
const OLDEST: readonly (readonly [cuda: string, capability: string])[] = [
  ["11.0", "3.5"],
  ["12.0", "5.0"],
  ["13.0", "7.5"],
];

/** A sentence for each kind of GPU on which an image's programs may not run although the container starts. */
export function doubtGpus(facts: ImageFacts, gpus: readonly Gpu[]): readonly string[] {
  const doubts = gpus.flatMap((gpu) =>
    [doubtCode(facts, gpu), doubtToolkit(facts, gpu)].filter((doubt) => doubt !== undefined),
  );
  return [...new Set(doubts)];
}

/**
 * Code for X.Y runs on X.Z from Y on; code that a driver compiles (PTX) on everything newer. Source: CUDA C++
 * Programming Guide, "Application Compatibility".
 */
function doubtCode(
  { architectures, portable, architecturesOrigin }: ImageFacts,
  { model, computeCapability }: Gpu,
): string | undefined {
  if (computeCapability === undefined || architectures.length + portable.length === 0) return undefined;
  const isIn = (version: string): boolean =>
    major(version) === major(computeCapability) && compareVersions(version, computeCapability) <= 0;
  if (architectures.some(isIn) || portable.some((version) => compareVersions(version, computeCapability) <= 0))
    return undefined;
  return `${model} has compute capability ${computeCapability}, and the image's programs are compiled for others (${architecturesOrigin ?? ""}): "no kernel image is available" there`;
}

function doubtToolkit({ cuda }: ImageFacts, { model, computeCapability }: Gpu): string | undefined {
  if (cuda === undefined || computeCapability === undefined) return undefined;
  const first = FIRST_CUDA.find(([capability]) => capability === computeCapability)?.[1];
  if (first !== undefined && compareVersions(cuda, first) < 0)
    return `CUDA ${cuda} does not know ${model} (compute capability ${computeCapability}, known since CUDA ${first}): only programs with code that the driver compiles (PTX) run there`;
  const oldest = OLDEST.findLast(([since]) => compareVersions(since, cuda) <= 0)?.[1];
  if (oldest !== undefined && compareVersions(computeCapability, oldest) < 0)
    return `the libraries of CUDA ${cuda} do not know ${model} any more (compute capability ${computeCapability}, they begin with ${oldest})`;
  return undefined;
}

function major(version: string): string {
  return version.split(".")[0] ?? "";
}
