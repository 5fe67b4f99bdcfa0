import { existsSync } from "node:fs";
import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import type { Layout } from "./layout.ts";

const DPKG_LIST = "/var/lib/dpkg/info/berth.list";

/** Throws BERTH-I005 where the files below this prefix are those of Debian's package. */
export function refusePackaged(root: string, { prefix }: Layout): void {
  if (prefix !== "/usr" || !existsSync(join(root, DPKG_LIST))) return;
  const message = `Cannot change the installation in "${prefix}": the package berth put it there ("${DPKG_LIST}")`;
  throw new BerthError({ code: "BERTH-I005", message, remedy: "apt-get remove berth, or name another --prefix" });
}
