import { basename, dirname, join } from "node:path";
import { BerthError, escapeControls, matchesGlob, messageOf } from "../base/index.ts";
import type { Root } from "../linux/index.ts";
import type { ConfigReader } from "./wish.ts";

const CONFIG_BYTES = 4 * 1024 * 1024;
const MAX_ENTRIES = 4096;

/** Reads configuration files below an open root, UTF-8 with a byte order mark kept. Throws G001 for what is there and cannot be read. */
export function configReader(root: Root): ConfigReader {
  return {
    read: (path) =>
      orRefuse(path, () => {
        const bytes = root.readFile(path, CONFIG_BYTES);
        if (bytes === undefined) return undefined;
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      }),
    list: (pattern) => {
      const names = orRefuse(dirname(pattern), () => root.list(dirname(pattern), MAX_ENTRIES)) ?? [];
      const found = names.filter((name) => !name.startsWith(".") && matchesGlob(name, basename(pattern)));
      return found.toSorted().map((name) => join(dirname(pattern), name));
    },
  };
}

function orRefuse<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const why = escapeControls(messageOf(cause));
    const isOther = why.includes("is not a regular file");
    throw new BerthError(
      {
        code: "BERTH-G001",
        message: `Cannot use the engine's configuration "${path}": ${why}`,
        remedy: isOther ? `look what stands there: ls -ld ${path}` : "run it as root, on a file of UTF-8 text",
      },
      { cause },
    );
  }
}
