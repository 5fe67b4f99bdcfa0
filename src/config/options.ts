import type { Reader } from "./reader.ts";

/** The names of the driver's capabilities, as images and administrators write them. */
const NAMES: readonly string[] = ["compat32", "compute", "display", "graphics", "ngx", "utility", "video"];

/** A comma list of capability names; `all`, and a key that is not there, are all of them. Throws BERTH-C002 for an unknown one. */
export function optionsOf(read: Reader, key: string): readonly string[] {
  const listed = read
    .text(key, "all")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (listed.includes("all")) return NAMES;
  if (listed.some((name) => !NAMES.includes(name)))
    throw read.fault(key, `a comma list of ${NAMES.join(", ")}, or all`);
  return listed;
}
