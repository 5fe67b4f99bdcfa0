import { closeSync, constants, fchmodSync, writeSync } from "node:fs";
import { ONE_NAME, openIn } from "./open-in.ts";
import { syscall, SysError } from "./sys.ts";
import { enterFolderAt } from "./write-at.ts";

const CLOEXEC = 1;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * A tmpfs that nobody else has and that lies nowhere yet, for as long as the descriptor is open; its root folder has `mode`. Needs CAP_SYS_ADMIN and Linux 5.2 (fsopen(2)). Throws a
 * SysError.
 */
export function makeTmpfs(mode: number): number {
  const context = syscall("tmpfs", "fsopen", "tmpfs", CLOEXEC);
  try {
    syscall("tmpfs", "fsconfig", context, FSCONFIG_SET_STRING, "mode", mode.toString(8).padStart(4, "0"), 0);
    syscall("tmpfs", "fsconfig", context, FSCONFIG_CMD_CREATE, null, null, 0);
    return syscall("tmpfs", "fsmount", context, CLOEXEC, 0);
  } finally {
    closeSync(context);
  }
}

/** Makes a file for all to read at a path below a folder that nobody else writes to; the folders above it are made. Throws a SysError. */
export function writeNewFile(folder: number, path: string, bytes: Uint8Array): void {
  const names = path.split("/");
  const name = names.pop() ?? "";
  inNewFolder(folder, names, (fd) => writeFile(fd, name, bytes));
}

/** As `writeNewFile` for an empty folder. */
export function makeNewFolder(folder: number, path: string): void {
  inNewFolder(folder, path.split("/"), () => {});
}

function inNewFolder(folder: number, [name, ...below]: readonly string[], work: (fd: number) => void): void {
  if (name === undefined) return work(folder);
  const { fd } = enterFolderAt(folder, name, undefined);
  try {
    inNewFolder(fd, below, work);
  } finally {
    closeSync(fd);
  }
}

function writeFile(folder: number, name: string, bytes: Uint8Array): void {
  const fd = openIn(folder, name, { flags: NEW_FILE, resolve: ONE_NAME, mode: 0o444 });
  if (fd < 0) throw new SysError("openat2", -fd, name);
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done);
    fchmodSync(fd, 0o444);
  } finally {
    closeSync(fd);
  }
}
