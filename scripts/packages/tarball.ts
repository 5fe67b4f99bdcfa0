import { chmodSync, copyFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { PROGRAMS } from "../../src/base/index.ts";
import type { DebInput } from "./deb.ts";
import { must } from "./must.ts";

const project = join(import.meta.dir, "../..");

/** Makes an archive that works where it is unpacked: `bin/berth install` puts it in place. Gives back its path. */
export function makeTarball({ dist, outDir, version, architecture, epoch }: DebInput): string {
  const name = `berth-${version}-linux-${architecture}`;
  const staging = join(outDir, ".tarball");
  rmSync(staging, { recursive: true, force: true });
  const copy = (from: string, to: string, mode: number): void => {
    mkdirSync(dirname(join(staging, name, to)), { recursive: true });
    copyFileSync(from, join(staging, name, to));
    chmodSync(join(staging, name, to), mode);
  };
  copy(join(dist, "berth"), "berth", 0o755);
  for (const program of PROGRAMS) copy(join(dist, "bin", program), `bin/${program}`, 0o755);
  copy(join(project, "LICENSE"), "LICENSE", 0o644);
  for (const folder of [".", "bin"]) chmodSync(join(staging, name, folder), 0o755);
  const tar = join(outDir, `${name}.tar`);
  must([
    "tar",
    "--sort=name",
    "--format=ustar",
    `--mtime=@${epoch}`,
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "-C",
    staging,
    "-cf",
    tar,
    name,
  ]);
  must(["gzip", "-9", "--no-name", "--force", tar]);
  rmSync(staging, { recursive: true });
  return `${tar}.gz`;
}
