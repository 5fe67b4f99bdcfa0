import { existsSync, lstatSync, readlinkSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { InstalledFile } from "./manifest.ts";

const FOLDER = "/etc/systemd/system";

/** Removes the links by which systemd starts units of ours: `systemctl disable` knows no unit that is not there any more. */
export function* removeEnabledLinks(root: string, files: readonly InstalledFile[]): Generator<string> {
  if (!existsSync(join(root, FOLDER))) return;
  const units = new Map(files.map(({ path }) => [basename(path), path]));
  const links = new Bun.Glob("*.{wants,requires}/berth-*").scanSync({
    cwd: join(root, FOLDER),
    onlyFiles: false,
    dot: true,
  });
  for (const link of [...links].toSorted()) {
    const path = join(root, FOLDER, link);
    if (!lstatSync(path).isSymbolicLink() || !leadsTo(readlinkSync(path), link, units.get(basename(link)))) continue;
    yield `remove ${FOLDER}/${link}`;
    unlinkSync(path);
  }
}

function leadsTo(target: string, link: string, unit: string | undefined): boolean {
  return unit !== undefined && (target.startsWith("/") ? target : join(dirname(join(FOLDER, link)), target)) === unit;
}
