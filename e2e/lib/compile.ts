import { existsSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { compileNotedLibrary } from "../../src/linux/noted-library.test-helper.ts";
import { must } from "./run.ts";

const sources = join(import.meta.dir, "../probe");
const build = join(import.meta.dir, "../../build/e2e");

/** The static probe program, compiled when it is older than its source. */
export function probeProgram(): string {
  return compile("probe.c", "probe", ["-static", "-O1", "-Wall"]);
}

/** The static program that swaps names as fast as it can. */
export function racerProgram(): string {
  return compile("racer.c", "racer", ["-static", "-O1", "-Wall"]);
}

/** The words before a program that kill it before the Nth system call of a name. */
export function killAt(call: string, count: number): readonly string[] {
  return [compile("kill-at.c", "kill-at", ["-static", "-O1", "-Wall"]), call, String(count)];
}

/** The calls in a trace of strace, as `killAt` counts them: ["fsync", 2] for the second fsync. */
export function killPoints(trace: string): readonly (readonly [string, number])[] {
  const seen = new Map<string, number>();
  return [...trace.matchAll(/^\d+ +([a-z0-9_]+)\(/gm)].map(([, call = ""]) => {
    const count = (seen.get(call) ?? 0) + 1;
    seen.set(call, count);
    return [call, count];
  });
}

/** The program that is linked against libcuda.so.1, for one dynamic loader. `library` is any file with that soname. */
export function cudaProgram(loader: string, library: string): string {
  const flags = "-O1 -nostdlib -nostartfiles -ffreestanding -fno-stack-protector -fPIE -pie -Wl,-z,now".split(" ");
  const name = `cuda-program-${loader.split("/").at(-1)}`;
  return compile("cuda-program.c", name, [...flags, `-Wl,--dynamic-linker=${loader}`], [library]);
}

/** What a CUDA forward compatibility library says of itself. */
export interface CompatNote {
  readonly cuda: string;
  readonly branches: readonly number[];
  readonly brands: readonly number[];
}

/** The libcuda of such a package, with NVIDIA's note or without one. */
export function compatLibcuda(note: CompatNote | undefined): string {
  const text =
    note && JSON.stringify({ format: 1, "CUDA version": note.cuda, driver: note.branches, device: note.brands });
  const output = join(build, `libcuda-compat-${text === undefined ? "plain" : Bun.hash(text).toString(16)}.so`);
  if (existsSync(output) && statSync(output).mtimeMs > statSync(join(sources, "compat-libcuda.c")).mtimeMs)
    return output;
  mkdirSync(build, { recursive: true });
  const section = { section: ".note.cuda.fwd_compatibility", owner: "NVIDIA Corporation" };
  compileNotedLibrary(beside(output), {
    soname: "libcuda.so.1",
    source: readFileSync(join(sources, "compat-libcuda.c"), "utf8"),
    ...(text === undefined ? {} : { note: { ...section, text } }),
  });
  renameSync(beside(output), output);
  return output;
}

/** Another test file may be making the same program. */
function beside(path: string): string {
  return `${path}.${process.pid}`;
}

function compile(source: string, output: string, flags: readonly string[], more: readonly string[] = []): string {
  const from = join(sources, source);
  const to = join(build, output);
  if (existsSync(to) && statSync(to).mtimeMs > statSync(from).mtimeMs) return to;
  mkdirSync(build, { recursive: true });
  must(["gcc", ...flags, "-o", beside(to), from, ...more]);
  renameSync(beside(to), to);
  return to;
}
