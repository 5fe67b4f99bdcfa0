import { statSync } from "node:fs";

/** How the low-level runtime was looked up, and what was found. */
export interface LowLevelLookup {
  /** The running berth, as the launcher finds it: another one may read other requests. */
  readonly executable: string;
  /** The configuration file, whether it exists or not; absolute. */
  readonly config: string;
  /** The PATH of the engine; "": it has none. */
  readonly search: string;
  /** The low-level runtime that was found; absolute. */
  readonly runtime: string;
  /** Texts without one of which a spec asks for nothing, so that it need not be read; undefined: every spec is to be read. */
  readonly signs: readonly string[] | undefined;
}

/**
 * The text of `low-level` in the state folder, by which the launcher passes calls on without berth: it holds as long as the
 * configuration file and PATH are the same. The file is to be root's or the user's own, and writable by nobody else.
 * Undefined when it cannot be put so. Reader: `pass_on` in launcher/launcher.c.
 */
export function formatLowLevelNote({
  executable,
  config,
  search,
  runtime,
  signs = [],
}: LowLevelLookup): string | undefined {
  const isOneLine = ![search, runtime].some((text) => /[\n\0]/.test(text));
  const identity = identityOf(config);
  const berth = identityOf(executable);
  if (!isOneLine || identity === undefined || berth === undefined || !runtime.startsWith("/")) return undefined;
  const isPlain = signs.length > 0 && signs.every((sign) => /^[^\s\0*]+$/.test(sign));
  return `2\n${berth}\n${identity}\n${search}\n${runtime}\n${isPlain ? signs.join(" ") : "*"}\n`;
}

/** Inode, time of change in seconds and nanoseconds, size; "-": there is no such file. */
function identityOf(path: string): string | undefined {
  try {
    const status = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (status === undefined) return "-";
    const { ino, mtimeNs, size } = status;
    return `${ino} ${mtimeNs / 1_000_000_000n} ${mtimeNs % 1_000_000_000n} ${size}`;
  } catch {
    // The launcher will not come to know it either, and asks berth.
    return undefined;
  }
}
