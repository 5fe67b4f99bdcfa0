import { basename, dirname, extname } from "node:path";
import { matchesGlob } from "../base/index.ts";
import { changeText, readTable } from "./change-text.ts";
import type { ContainerdFiles } from "./containerd-files.ts";
import type { ConfigReader, FileEdit } from "./wish.ts";

interface Files {
  readonly reader: ConfigReader;
  readonly main: string;
  readonly files: ContainerdFiles;
}

/** Adds the line that imports a file. A pattern, because containerd does not start when a file that it names is missing. */
export function importOf({ reader, main, files }: Files, dropIn: string): FileEdit["change"] {
  const all = `${dirname(dropIn)}/*${extname(dropIn)}`;
  // Files that lie there and are not read must not come to count.
  const isAsleep = (path: string): boolean => path !== dropIn && !files.all.some((file) => file.path === path);
  const own = `${dirname(dropIn)}/${basename(dropIn, extname(dropIn))}*${extname(dropIn)}`;
  const pattern = reader.list(all).some(isAsleep) ? own : all;
  const place = { path: main, format: "toml" } as const;
  return (text) =>
    changeText(place, text, [
      ...(Object.keys(readTable(place, text ?? "")).length === 0 ? [{ path: ["version"], value: files.version }] : []),
      { path: ["imports"], value: pattern, isItem: true },
    ]);
}

/** The files as they will be when the line and the file are there. */
export function withDropIn(
  { reader, main }: Files,
  dropIn: string,
  line: FileEdit["change"] | undefined,
): ConfigReader {
  const isIn = (pattern: string): boolean =>
    dirname(pattern) === dirname(dropIn) && matchesGlob(basename(dropIn), basename(pattern));
  return {
    read: (path) => {
      const text = reader.read(path);
      if (path === dropIn) return text ?? "";
      return path === main && line !== undefined ? line(text).text : text;
    },
    list: (pattern) => {
      const found = reader.list(pattern);
      return isIn(pattern) && !found.includes(dropIn) ? [...found, dropIn].toSorted() : found;
    },
  };
}
