import { BerthError, errnoCode, messageOf } from "../base/index.ts";

/** PATH_MAX without its NUL: what the kernel takes at most. */
const MAX_PATH_BYTES = 4095;

/**
 * The components of an absolute path, empty ones and "." left out: "/" is []. Links are not looked at.
 * Throws BERTH-P001 for a relative path, a ".." component, a NUL, or more than 4095 bytes.
 */
export function splitPath(path: string): string[] {
  const fault = findFault(path);
  if (fault === undefined) return path.split("/").filter((name) => name !== "" && name !== ".");
  throw refusal(`Cannot use ${JSON.stringify(path.slice(0, 200))} in a root file system`, fault);
}

function findFault(path: string): string | undefined {
  if (!path.startsWith("/")) return "the path is not absolute";
  if (path.includes("\0")) return "the path holds a NUL";
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `the path is longer than ${MAX_PATH_BYTES} bytes`;
  return path.split("/").includes("..") ? 'the path holds ".."' : undefined;
}

/** The absolute path with these components. */
export function joinPath(names: readonly string[]): string {
  return `/${names.join("/")}`;
}

/**
 * A path that comes from a link, made plain by its text alone: "." and ".." are taken away, and ".." at the top stays there.
 * Right only for what does not exist, as ".." after a link means something else.
 */
export function normalizePath(path: string): string {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return joinPath(names);
}

const REASONS: Readonly<Record<string, string>> = {
  EXDEV: "it is on another mount, and nothing is written into a volume",
  ELOOP: "a link in it leads to no place in this root file system",
  ENOENT: "it or its folder does not exist",
  ENOTDIR: "something that is not a folder is in its way",
  EISDIR: "a folder is in its place",
  EROFS: "the file system is read-only",
  ENOSPC: "the file system is full",
  EDQUOT: "the quota is used up",
  EBUSY: "something is mounted on it",
  EAGAIN: "its folders are being changed at the same time",
  EPERM: "the kernel does not permit it",
  EACCES: "the kernel does not permit it",
};

/**
 * A BERTH-P001: `doing` ("Cannot replace "/etc/x" in …"), then why. `why` is a clause, an error that holds one, or a failed
 * call whose errno becomes one; it stays the `cause`, so that a caller can tell EROFS from the rest.
 */
export function refusal(doing: string, why: unknown): BerthError {
  const code = errnoCode(why) ?? "";
  const known = REASONS[code];
  const reason = known === undefined ? messageOf(why) : `${known} (${code})`;
  const remedy =
    code === "EROFS" || code === "ENOSPC" || code === "EDQUOT"
      ? "give the container a root file system that can be written"
      : "mend the path in the image, or take away the volume that covers it";
  return new BerthError({ code: "BERTH-P001", message: `${doing}: ${reason}`, remedy }, { cause: why });
}
