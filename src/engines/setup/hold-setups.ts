import { lstatSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { BerthError, messageOf } from "../../base/index.ts";
import { lockFile } from "../../linux/index.ts";
import { originalsIn } from "./setup-record.ts";
import type { SetupSite } from "./setup-site.ts";

/** Another setup may be waiting for a daemon, or for an answer at a terminal. */
const PATIENCE_MS = 90_000;

/** Keeps other setups of a host from working at the same time. Throws G013 when another one takes too long, and G012 where nothing can be kept. */
export function holdSetups({ root, stateDir, lockDir }: SetupSite): Disposable {
  for (const folder of [originalsIn(stateDir), lockDir]) refuseLinks(root, folder);
  const path = join(lockDir, "setup.lock");
  try {
    for (const folder of [stateDir, lockDir]) mkdirSync(folder, { recursive: true, mode: 0o755 });
    return lockFile(path, PATIENCE_MS);
  } catch (cause) {
    if (cause instanceof RangeError) {
      const message = `Cannot set up engines: another berth setup is at work ("${path}" is locked)`;
      throw new BerthError(
        { code: "BERTH-G013", message, remedy: `wait for it, or look who it is: fuser -v ${path}` },
        { cause },
      );
    }
    const message = `Cannot keep in "${stateDir}" what is set up: ${messageOf(cause)}`;
    throw new BerthError(
      { code: "BERTH-G012", message, remedy: "run it as root, with that folder on a file system that can be written" },
      { cause },
    );
  }
}

/** In the root of another host a link may lead to files of this machine, and what nobody names any more is removed from these folders. */
function refuseLinks(root: string, folder: string): void {
  if (root === "/" || !folder.startsWith(`${root}/`)) return;
  refuseLinks(root, dirname(folder));
  if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  throw new BerthError({
    code: "BERTH-G012",
    message: `Cannot keep what is set up under "${root}": "${folder}" is a link`,
    remedy: `put a folder in its place: rm '${folder}'`,
  });
}
