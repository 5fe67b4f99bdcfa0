import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BerthError, errnoCode } from "../base/index.ts";

/** What every place that holds the path reads the same: systemd's units, udev's rules and the shells' completions. */
const PLAIN_PATH = /^(\/[A-Za-z0-9_.+@-]+)+$/;

/**
 * A prefix without links, absolute within `root`; it need not exist yet. Throws BERTH-I001 for one that is not
 * absolute, has unusual characters, or leads out of the root.
 */
export function findPrefix(root: string, prefix: string): string {
  if (!prefix.startsWith("/") || prefix.split("/").includes(".."))
    throw badPrefix(prefix, "it is no absolute path", "name a folder from / on");
  const top = root === "/" ? "" : realpathSync(root);
  const real = realPath(join(top, "/", prefix));
  if (!real.startsWith(`${top}/`))
    throw badPrefix(prefix, `a link leads to "${real}", which is not under "${root}"`, "name a folder without links");
  const within = real.slice(top.length);
  if (PLAIN_PATH.test(within)) return within;
  throw badPrefix(prefix, "its path has other characters than letters, digits and _.+@-", "name another folder");
}

/** BERTH-I001, for a prefix that cannot be used. */
export function badPrefix(prefix: string, why: string, remedy: string): BerthError {
  const message = `Cannot use the prefix "${prefix}": ${why}`;
  return new BerthError({ code: "BERTH-I001", message, remedy });
}

/** Without links, as far as it exists. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoCode(error) !== "ENOENT" || path === "/") throw error;
    return join(realPath(dirname(path)), basename(path));
  }
}
