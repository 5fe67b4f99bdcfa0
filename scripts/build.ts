/**
 * Builds `dist/berth`, and `dist/bin/*`: the launcher under every name that it serves.
 *
 *     bun scripts/build.ts              for this machine
 *     bun scripts/build.ts --target arm64   into dist/arm64, by cross-build (needs gcc-aarch64-linux-gnu)
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PROGRAMS, runProgram } from "../src/base/index.ts";
import { buildNative, type NativeTarget } from "./native.ts";

const root = join(import.meta.dir, "..");

function readTarget(args: readonly string[]): NativeTarget {
  const asked = args[0] === "--target" ? args[1] : process.arch;
  if (asked === "x64" || asked === "arm64") return asked;
  throw new TypeError(`unknown target "${asked}": x64 or arm64`);
}

/** The Bun of another architecture: a file of an npm package that npm would not install here. */
function foreignBun(target: NativeTarget): string {
  const name = target === "arm64" ? "@oven/bun-linux-aarch64" : "@oven/bun-linux-x64";
  const bunPackage: { version: string } = JSON.parse(readFileSync(join(root, "node_modules/bun/package.json"), "utf8"));
  const folder = join(root, "build/bun", target, bunPackage.version);
  const executable = join(folder, "package/bin/bun");
  if (existsSync(executable)) return executable;
  mkdirSync(folder, { recursive: true });
  const tarball =
    run(["npm", "pack", "--silent", `${name}@${bunPackage.version}`], folder)
      .trim()
      .split("\n")
      .at(-1) ?? "";
  run(["tar", "-xzf", tarball], folder);
  rmSync(join(folder, tarball));
  return executable;
}

function run(argv: readonly string[], cwd: string): string {
  const { exitCode, stdout, stderr } = runProgram(argv, { cwd });
  if (exitCode !== 0) throw new Error(`"${argv.join(" ")}" failed: ${Buffer.from(stderr).toString()}`);
  return Buffer.from(stdout).toString();
}

async function compile(target: NativeTarget, outfile: string): Promise<void> {
  const version: { version: string } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const isForeign = target !== process.arch;
  await Bun.build({
    entrypoints: [join(root, "src/main.ts")],
    target: "bun",
    format: "esm",
    minify: true,
    // Bytecode is made by the Bun that runs the build; it is checked and dropped by one of another architecture.
    bytecode: !isForeign,
    splitting: true,
    define: { "process.env.BERTH_BUILD_VERSION": JSON.stringify(version.version) },
    compile: {
      outfile,
      jitPolicy: 100,
      // A compiled program would otherwise run a bunfig.toml and read a .env of the folder that it is started in.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
      ...(isForeign ? { target: `bun-linux-${target}` as const, executablePath: foreignBun(target) } : {}),
    },
  });
}

/** The simulator embeds the programs of the machine that it is built for, from one fixed folder. */
function selectNative(target: NativeTarget): string {
  const from = join(root, "build/native", target);
  const to = join(root, "build/native/target");
  mkdirSync(to, { recursive: true });
  for (const file of ["libnvidia-ml.so", "libcuda.so", "nvidia-smi", "stub.so", "stub32.so", "launcher"]) {
    if (existsSync(join(from, file))) copyFileSync(join(from, file), join(to, file));
  }
  return join(from, "launcher");
}

/** Builds for one architecture. */
export async function build(target: NativeTarget): Promise<void> {
  const dist = target === process.arch ? join(root, "dist") : join(root, "dist", target);
  buildNative({ target, outDir: join(root, "build/native", target) });
  const launcher = selectNative(target);
  rmSync(join(dist, "bin"), { recursive: true, force: true });
  mkdirSync(join(dist, "bin"), { recursive: true });
  await compile(target, join(dist, "berth"));
  // The tests read what is embedded from the same folder.
  if (process.arch === "x64" || process.arch === "arm64") selectNative(process.arch);
  for (const name of PROGRAMS) {
    copyFileSync(launcher, join(dist, "bin", name));
    chmodSync(join(dist, "bin", name), 0o755);
  }
}

if (import.meta.main) await build(readTarget(process.argv.slice(2)));
