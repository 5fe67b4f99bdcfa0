/**
 * Compiles the C programs: the launcher, and what the simulated host runs inside containers.
 *
 *     bun scripts/native.ts             into build/native/x64, on such a machine
 *     bun scripts/native.ts arm64       into build/native/arm64 (elsewhere it needs gcc-aarch64-linux-gnu)
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runProgram } from "../src/base/index.ts";

export type NativeTarget = "x64" | "arm64";

export interface NativeOptions {
  readonly target: NativeTarget;
  readonly outDir: string;
}

interface Program {
  readonly source: string;
  readonly output: string;
  /** The output of another program, which the linker reads from the same folder. */
  readonly linksWith?: string;
  /** For 32-bit processes; an empty file where the compiler makes none. */
  readonly is32Bit?: boolean;
}

const project = join(import.meta.dir, "..");
const SIM = "src/sim/programs";

/** In the order of building. */
const PROGRAMS: readonly Program[] = [
  { source: "launcher/launcher.c", output: "launcher" },
  { source: `${SIM}/nvml.c`, output: "libnvidia-ml.so" },
  { source: `${SIM}/nvidia-smi.c`, output: "nvidia-smi", linksWith: "libnvidia-ml.so" },
  { source: `${SIM}/cuda.c`, output: "libcuda.so" },
  { source: `${SIM}/stub.c`, output: "stub.so" },
  { source: `${SIM}/stub.c`, output: "stub32.so", is32Bit: true },
];

/** By Debian's package. */
const NATIVE_COMPILERS = { programs: ["gcc", "cc"], package: "gcc" } as const;
const CROSS_COMPILERS = {
  x64: { programs: ["x86_64-linux-gnu-gcc"], package: "gcc-x86-64-linux-gnu" },
  arm64: { programs: ["aarch64-linux-gnu-gcc"], package: "gcc-aarch64-linux-gnu" },
} as const;

/**
 * Compiles what is older than its sources into `outDir`. The first line of a source, `build: FLAGS` in a comment, holds the
 * flags of its own. Throws an Error that names the compiler's package where there is none.
 */
export function buildNative({ target, outDir }: NativeOptions): void {
  mkdirSync(outDir, { recursive: true });
  for (const program of PROGRAMS) {
    if (existsSync(join(project, program.source)) && !isFresh(program, outDir)) compile(program, target, outDir);
  }
}

function compile({ source, output, is32Bit = false }: Program, target: NativeTarget, outDir: string): void {
  const path = join(project, source);
  const flags = /^\/\* build: (.*) \*\/\n/.exec(readFileSync(path, "utf8"))?.[1]?.split(" ") ?? [];
  // Renamed when it is whole, as others may build or run at the same time.
  const unfinished = join(outDir, `.${output}.${process.pid}`);
  const width = is32Bit ? ["-m32"] : [];
  const words = ["-O2", "-s", "-Wall", "-Wextra", ...width, "-o", unfinished, path, `-L${outDir}`, ...flags];
  const { exitCode, stderr } = runProgram([findCompiler(target), ...words]);
  const said = Buffer.from(stderr).toString();
  if (exitCode !== 0 && !is32Bit) throw new Error(`Cannot compile "${source}":\n${said}`);
  if (said !== "") console.error(exitCode === 0 ? said : `"${output}" stays empty:\n${said}`);
  if (exitCode !== 0) writeFileSync(unfinished, "");
  renameSync(unfinished, join(outDir, output));
}

function findCompiler(target: NativeTarget): string {
  const found = compilersFor(target).programs.find((program) => Bun.which(program) !== null);
  if (found !== undefined) return found;
  throw new Error(findCompilerFault(target));
}

/** Why nothing can be compiled for an architecture; undefined: it can. */
export function findCompilerFault(target: NativeTarget): string | undefined {
  const compilers = compilersFor(target);
  if (compilers.programs.some((program) => Bun.which(program) !== null)) return undefined;
  return `No C compiler for ${target} is here. Run: apt-get install ${compilers.package}`;
}

function compilersFor(target: NativeTarget) {
  return target === process.arch ? NATIVE_COMPILERS : CROSS_COMPILERS[target];
}

/** Newer than its source, the headers beside it, what it links with, and this script. */
function isFresh({ source, linksWith, output }: Program, outDir: string): boolean {
  const built = timeOf(join(outDir, output));
  const folder = join(project, dirname(source));
  const headers = readdirSync(folder).filter((name) => name.endsWith(".h"));
  const libraries = linksWith === undefined ? [] : [join(outDir, linksWith)];
  const inputs = [join(project, source), ...headers.map((name) => join(folder, name)), ...libraries, import.meta.path];
  return inputs.every((input) => timeOf(input) < built);
}

function timeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

if (import.meta.main) {
  const target = process.argv[2] ?? process.arch;
  if (target !== "x64" && target !== "arm64") throw new Error(`Unknown target "${target}": x64 or arm64`);
  buildNative({ target, outDir: join(project, "build/native", target) });
}
