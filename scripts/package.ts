/**
 * Builds berth and makes what others install: `dist/packages/*.deb`, `*.tar.gz` and `SHA256SUMS`. The same sources give the same packages.
 *
 *     bun scripts/package.ts            for amd64 and arm64
 *     bun scripts/package.ts amd64      for one of them
 *
 * The time of all files is SOURCE_DATE_EPOCH, or that of the last commit. Where the compiler for the other architecture is missing, its packages are left out, and that is said.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "./build.ts";
import { findCompilerFault, type NativeTarget } from "./native.ts";
import { makeDebs, type DebArchitecture } from "./packages/deb.ts";
import { must } from "./packages/must.ts";
import { makeTarball } from "./packages/tarball.ts";

const project = join(import.meta.dir, "..");
const outDir = join(project, "dist/packages");
const TARGETS = [
  { target: "x64", architecture: "amd64" },
  { target: "arm64", architecture: "arm64" },
] as const;

function readEpoch(): number {
  const named = process.env["SOURCE_DATE_EPOCH"];
  return Number(named ?? must(["git", "log", "-1", "--format=%ct"], { cwd: project }));
}

async function makePackages(target: NativeTarget, architecture: DebArchitecture): Promise<readonly string[]> {
  await build(target);
  const manifest: { version: string } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
  const dist = target === process.arch ? join(project, "dist") : join(project, "dist", target);
  const input = {
    dist,
    outDir,
    version: manifest.version,
    architecture,
    compression: "xz",
    epoch: readEpoch(),
  } as const;
  return [...(await makeDebs(input)), makeTarball(input)];
}

async function main([asked]: readonly string[]): Promise<void> {
  const chosen = TARGETS.filter(({ architecture }) => asked === undefined || asked === architecture);
  if (chosen.length === 0) throw new TypeError(`unknown architecture "${asked}": amd64 or arm64`);
  rmSync(outDir, { recursive: true, force: true });
  mkdirSync(outDir, { recursive: true });
  const files: string[] = [];
  for (const { target, architecture } of chosen) {
    const fault = findCompilerFault(target);
    if (fault !== undefined && asked !== undefined) throw new Error(fault);
    if (fault === undefined) files.push(...(await makePackages(target, architecture)));
    else console.error(`${architecture} is left out: ${fault}`);
  }
  const sums = files.map(
    (file) => `${createHash("sha256").update(readFileSync(file)).digest("hex")}  ${basename(file)}\n`,
  );
  writeFileSync(join(outDir, "SHA256SUMS"), sums.toSorted().join(""));
  for (const file of files) console.log(file);
}

await main(process.argv.slice(2));
