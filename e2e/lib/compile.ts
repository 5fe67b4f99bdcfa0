import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { must } from "./run.ts";

const sources = join(import.meta.dir, "../probe");
const build = join(import.meta.dir, "../../build/e2e");

/** The static probe program, compiled when it is older than its source. */
export function probeProgram(): string {
  return compile("probe.c", "probe", ["-static", "-O1", "-Wall"]);
}

/** The program that is linked against libcuda.so.1, for one dynamic loader. `library` is any file with that soname. */
export function cudaProgram(loader: string, library: string): string {
  const flags = "-O1 -nostdlib -nostartfiles -ffreestanding -fno-stack-protector -fPIE -pie -Wl,-z,now".split(" ");
  const name = `cuda-program-${loader.split("/").at(-1)}`;
  return compile("cuda-program.c", name, [...flags, `-Wl,--dynamic-linker=${loader}`], [library]);
}

function compile(source: string, output: string, flags: readonly string[], more: readonly string[] = []): string {
  const from = join(sources, source);
  const to = join(build, output);
  if (existsSync(to) && statSync(to).mtimeMs > statSync(from).mtimeMs) return to;
  mkdirSync(build, { recursive: true });
  must(["gcc", ...flags, "-o", `${to}.new`, from, ...more]);
  renameSync(`${to}.new`, to);
  return to;
}
