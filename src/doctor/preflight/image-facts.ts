import type { Image } from "../../engines/index.ts";

/** What an image says of itself that matters for a GPU. */
export interface ImageFacts {
  /** "12.4"; undefined: it does not say. */
  readonly cuda: string | undefined;
  /** Where that stands: "CUDA_VERSION=12.4.1". */
  readonly cudaOrigin: string | undefined;
  readonly cudnn: string | undefined;
  /** The compute capabilities that its programs are compiled for: "9.0"; empty: it does not say. */
  readonly architectures: readonly string[];
  /** Those for which it holds code that a newer GPU can take (PTX). */
  readonly portable: readonly string[];
  readonly architecturesOrigin: string | undefined;
  /** The package with CUDA libraries of its own that it names, as cuda-compat-12-8. */
  readonly compatPackage: string | undefined;
  /** An image for the first nvidia-docker. */
  readonly needsVolumes: boolean;
}

/** Reads the variables and labels of an image's configuration. Everything is the image's own word. */
export function readImageFacts(image: Image): ImageFacts {
  const env = new Map(image.env.map((entry) => [entry.split("=", 1)[0] ?? "", entry.slice(entry.indexOf("=") + 1)]));
  return {
    ...readCuda(env),
    cudnn: versionIn(env.get("NV_CUDNN_VERSION") ?? image.labels.get("com.nvidia.cudnn.version")),
    ...readArchitectures(env),
    compatPackage: /^cuda-compat-\d{1,3}-\d{1,3}/.exec(env.get("NV_CUDA_COMPAT_PACKAGE") ?? "")?.[0],
    needsVolumes: image.labels.has("com.nvidia.volumes.needed"),
  };
}

type Environment = ReadonlyMap<string, string>;

const CUDA_VARIABLES = ["CUDA_VERSION", "NV_CUDA_CUDART_VERSION", "NVIDIA_REQUIRE_CUDA"];

function readCuda(env: Environment): Pick<ImageFacts, "cuda" | "cudaOrigin"> {
  for (const name of CUDA_VARIABLES) {
    const value = env.get(name) ?? "";
    const text = name === "NVIDIA_REQUIRE_CUDA" ? (/cuda>=(\d{1,3}\.\d{1,3})/.exec(value)?.[1] ?? "") : value;
    const cuda = /^(\d{1,3}\.\d{1,3})(?:\.|-|$)/.exec(text)?.[1];
    if (cuda !== undefined) return { cuda, cudaOrigin: `${name}=${text}` };
  }
  return { cuda: undefined, cudaOrigin: undefined };
}

function versionIn(text: string | undefined): string | undefined {
  return /^\d{1,4}(?:\.\d{1,5}){0,4}/.exec(text ?? "")?.[0];
}

type Architectures = Pick<ImageFacts, "architectures" | "portable" | "architecturesOrigin">;

/** `TORCH_CUDA_ARCH_LIST` ("7.5 8.0 9.0+PTX"), `CUDA_ARCH_LIST`, and CMake's `CUDAARCHS` ("75;90-real"), as builds leave them. */
function readArchitectures(env: Environment): Architectures {
  for (const name of ["TORCH_CUDA_ARCH_LIST", "CUDA_ARCH_LIST", "CUDAARCHS"]) {
    const value = (env.get(name) ?? "").slice(0, 1024);
    const items = value.split(/[ ;,]/).flatMap((item) => readItem(item, name === "CUDAARCHS"));
    if (items.length === 0) continue;
    return {
      architectures: [...new Set(items.filter(({ isReal }) => isReal).map(({ version }) => version))],
      portable: [...new Set(items.filter(({ isPortable }) => isPortable).map(({ version }) => version))],
      architecturesOrigin: `${name}=${value}`,
    };
  }
  return { architectures: [], portable: [], architecturesOrigin: undefined };
}

interface Item {
  readonly version: string;
  readonly isReal: boolean;
  readonly isPortable: boolean;
}

/** Without a suffix CMake makes both kinds of code, PyTorch only that for the GPU. */
function readItem(item: string, isCmake: boolean): readonly Item[] {
  const [, dotted, suffix = ""] = /^(?:sm_|compute_)?(\d{1,2}\.\d)[a-f]?(\+ptx)?$/i.exec(item) ?? [];
  if (dotted !== undefined) return [{ version: dotted, isReal: true, isPortable: suffix !== "" }];
  const [, plain, kind = ""] = /^(?:sm_|compute_)?(\d{2,3})[a-f]?(-real|-virtual)?$/.exec(item) ?? [];
  if (plain === undefined) return [];
  const version = `${plain.slice(0, -1)}.${plain.slice(-1)}`;
  return [{ version, isReal: kind !== "-virtual", isPortable: isCmake ? kind !== "-real" : false }];
}
