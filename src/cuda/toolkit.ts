import { bind, type Argument, type EntryPoint } from "./bind.ts";
import { CudaError, runtimeCode } from "./cuda-error.ts";
import { findLibrary, type SearchScene } from "./find-library.ts";

const TRIAL_BYTES = 64n * 1024n;
const MEMORY = "ptr";

/** Source: cuda_runtime_api.h of CUDA 13. */
const RUNTIME = {
  version: { names: ["cudaRuntimeGetVersion"], args: [MEMORY] },
  count: { names: ["cudaGetDeviceCount"], args: [MEMORY] },
  allocate: { names: ["cudaMalloc"], args: [MEMORY, "u64"] },
  free: { names: ["cudaFree"], args: ["u64"] },
} as const satisfies Readonly<Record<string, EntryPoint>>;

/** What the runtime API says; undefined: there is no libcudart. Throws CudaError. */
export function tryRuntime(scene: SearchScene): string | undefined {
  const library = findLibrary(/^libcudart\.so\.\d+(\.\d+)*$/, { ...scene, withToolkits: true });
  if (library === undefined) return undefined;
  const ask = (question: keyof typeof RUNTIME, ...args: readonly Argument[]): boolean => {
    const entry = bind(library, RUNTIME[question]);
    const result = Number(entry?.call(...args) ?? 0);
    if (result !== 0)
      throw new CudaError(`${entry?.name} of "${library}": ${runtimeCode(result)}`, runtimeCode(result));
    return entry !== undefined;
  };
  const [version, count, place] = [new Int32Array(1), new Int32Array(1), new BigUint64Array(1)];
  const [number = 0] = ask("version", version) ? version : [];
  const said = ask("count", count) ? `, counts ${count[0]}` : "";
  const memory = ask("allocate", place, TRIAL_BYTES) && ask("free", place[0] ?? 0n) ? ", allocates memory" : "";
  return `CUDA runtime ${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)} ("${library}")${said}${memory}`;
}

/** Libraries that are only loaded, and say their versions. */
const LIBRARIES: readonly { title: string; pattern: RegExp; version: (library: string) => string | undefined }[] = [
  { title: "cuBLAS", pattern: /^libcublas\.so\.\d+$/, version: cublasVersion },
  { title: "cuDNN", pattern: /^libcudnn\.so\.\d+$/, version: cudnnVersion },
];

/** The libraries that are there, with their versions. Throws CudaError for one that cannot be loaded. */
export function tryLibraries(scene: SearchScene): readonly string[] {
  return LIBRARIES.flatMap(({ title, pattern, version }) => {
    const library = findLibrary(pattern, { ...scene, withToolkits: true });
    return library === undefined ? [] : [`${title} ${version(library) ?? "of unknown version"} ("${library}")`];
  });
}

/** `cublasGetProperty` with MAJOR_VERSION, MINOR_VERSION and PATCH_LEVEL (library_types.h): it needs no handle. */
function cublasVersion(library: string): string | undefined {
  const entry = bind(library, { names: ["cublasGetProperty"], args: ["i32", MEMORY] });
  const parts = [0, 1, 2].map((which) => {
    const value = new Int32Array(1);
    return entry?.call(which, value) === 0 ? value[0] : undefined;
  });
  return parts.includes(undefined) ? undefined : parts.join(".");
}

/** 10000 × major + 100 × minor + patch since 9, before it 1000 × major (cudnn_version.h). */
function cudnnVersion(library: string): string | undefined {
  const entry = bind(library, { names: ["cudnnGetVersion"], args: [], returns: "u64" });
  const number = Number(entry?.call() ?? 0);
  const scale = number >= 90_000 ? 10_000 : 1000;
  if (number === 0) return undefined;
  return [Math.floor(number / scale), Math.floor((number % scale) / 100), number % 100].join(".");
}
