import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The files of `packaging/` as text by their paths in there. Runs when berth is built: what is in the folder then is in the executable. */
export function readPackaging(): Record<string, string> {
  return readTexts("packaging");
}

/** The pages of `docs/`, in the same way. */
export function readDocs(): Record<string, string> {
  return readTexts("docs");
}

function readTexts(name: string): Record<string, string> {
  const folder = join(import.meta.dir, "../..", name);
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted();
  const files = paths.filter((path) => lstatSync(join(folder, path)).isFile());
  return Object.fromEntries(files.map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}
