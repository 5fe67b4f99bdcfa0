import { statSync } from "node:fs";
import { join } from "node:path";
import { errnoCode, runProgram } from "../base/index.ts";
import { isTrusted, type Root } from "../linux/index.ts";

const FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/opt/bin"];
const DEADLINE_MS = 5000;
/** Neither a proxy nor a remote engine of the caller's may count. */
const ENVIRONMENT = { PATH: FOLDERS.join(":"), LC_ALL: "C" };

/** A program of a host, on this machine, its links followed inside the host's root; undefined: none of the usual folders has it. */
export function findProgram(root: Root, name: string): string | undefined {
  const found = FOLDERS.map((folder) => root.resolve(`${folder}/${name}`)).find((path) => path !== undefined);
  return found === undefined ? undefined : join(root.path, found);
}

/**
 * The release that `PROGRAM --version` names ("26.1.5"); undefined: it does not end well within 5 seconds, names none, or is a file that others than root and
 * this user can write. Podman without root gives up without a `home` that it can use.
 */
export function readRelease(program: string, home = "/"): string | undefined {
  try {
    if (!isTrusted(statSync(program))) return undefined;
    const { exitCode, stdout } = runProgram([program, "--version"], {
      env: { ...ENVIRONMENT, HOME: home },
      timeoutMs: DEADLINE_MS,
      cwd: "/",
    });
    if (exitCode !== 0) return undefined;
    return /(?:^|\s)v?(\d{1,9}\.\d{1,9}(?:\.\d{1,9})?)/.exec(new TextDecoder().decode(stdout))?.[1];
  } catch (thrown) {
    // It cannot be started by this user: what it is stays unknown.
    if (errnoCode(thrown) !== undefined) return undefined;
    throw thrown;
  }
}
