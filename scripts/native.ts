/**
 * Compiles the C programs: the launcher, and what the simulated host runs inside containers. A program's first line names
 * the compiler flags that it needs beyond the common ones.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "../src/base/index.ts";

export type NativeTarget = "x64" | "arm64";

const project = join(import.meta.dir, "..");
const SIM = "src/sim/programs";

/** In the order of building: nvidia-smi links against libnvidia-ml.so. */
const PROGRAMS = [
  { source: "launcher/launcher.c", output: "launcher" },
  { source: `${SIM}/nvml.c`, output: "libnvidia-ml.so" },
  { source: `${SIM}/nvidia-smi.c`, output: "nvidia-smi" },
  { source: `${SIM}/cuda.c`, output: "libcuda.so" },
  { source: `${SIM}/stub.c`, output: "stub.so" },
] as const;

const COMPILERS = {
  x64: { program: process.arch === "x64" ? "gcc" : "x86_64-linux-gnu-gcc", package: "gcc" },
  arm64: { program: process.arch === "arm64" ? "gcc" : "aarch64-linux-gnu-gcc", package: "gcc-aarch64-linux-gnu" },
} as const;

/** Compiles what is older than its sources into `outDir`. Throws an Error that names the compiler's package when there is none. */
export function buildNative(options: { readonly target: NativeTarget; readonly outDir: string }): void {
  const compiler = COMPILERS[options.target];
  mkdirSync(options.outDir, { recursive: true });
  for (const { source, output } of PROGRAMS) {
    const target = join(options.outDir, output);
    if (isFresh(target, source)) continue;
    if (Bun.which(compiler.program) === null) {
      throw new Error(`"${compiler.program}" is not here: apt-get install ${compiler.package}`);
    }
    compile([compiler.program, "-Wall", "-Wextra", "-Werror", "-O2", "-s"], source, options.outDir, target);
  }
}

function compile(command: readonly string[], source: string, folder: string, target: string): void {
  const path = join(project, source);
  const flags = /^\/\* build: (.*) \*\/$/m.exec(readFileSync(path, "utf8"))?.[1]?.split(" ") ?? [];
  const inputs = flags.filter((flag) => flag.startsWith("-l:"));
  const others = flags.filter((flag) => !flag.startsWith("-l:"));
  const { exitCode, stderr } = runProgram([...command, ...others, "-o", target, path, `-L${folder}`, ...inputs], {});
  if (exitCode !== 0) throw new Error(`"${source}" does not compile:\n${Buffer.from(stderr).toString()}`);
}

/** Newer than its source and the headers beside it. */
function isFresh(target: string, source: string): boolean {
  if (!existsSync(target)) return false;
  const folder = join(project, source, "..");
  const headers = readdirSync(folder).filter((name) => name.endsWith(".h"));
  const inputs = [join(project, source), ...headers.map((name) => join(folder, name))];
  return inputs.every((input) => statSync(input).mtimeMs < statSync(target).mtimeMs);
}
