import { BerthError, errnoCode, messageOf } from "../base/index.ts";
import { SCHEMA_VERSION } from "./schema.ts";

/** Why the store cannot be used, by the failure of a call. What is none of it comes back as it is. */
export function storeFault(thrown: unknown, path: string): unknown {
  const code = errnoCode(thrown);
  if (code === undefined || thrown instanceof BerthError) return thrown;
  if (/^SQLITE_(?:CORRUPT|NOTADB)/.test(code)) return damaged(path, messageOf(thrown), thrown);
  // Who holds it may be giving away the very GPU: nobody starts without having asked.
  if (/^SQLITE_(?:BUSY|LOCKED)/.test(code)) return held(path, thrown);
  const [why, remedy] = reasonFor(code, path) ?? [];
  if (why === undefined || remedy === undefined) return thrown;
  const message = `Cannot use the lease store "${path}": ${why}`;
  return new BerthError({ code: "BERTH-A006", message, remedy }, { cause: thrown });
}

function held(path: string, cause: unknown): BerthError {
  const message = `Cannot use the lease store "${path}": other processes have held it for too long`;
  return new BerthError({ code: "BERTH-A014", message, remedy: `see who holds it: fuser -v ${path}` }, { cause });
}

/** Nothing that it says is to be believed, so nothing is given by it. */
export function damaged(path: string, why: string, cause?: unknown): BerthError {
  return new BerthError(
    {
      code: "BERTH-A005",
      message: `Cannot use the lease store "${path}": it is damaged (${oneLine(why)}), so who has which GPU is not known`,
      remedy: `end the containers that have GPUs, then: mv ${path} ${path}.damaged`,
    },
    { cause },
  );
}

export function newer(path: string, version: number): BerthError {
  return new BerthError({
    code: "BERTH-A011",
    message: `Cannot use the lease store "${path}": its version is ${version}, and this berth knows ${SCHEMA_VERSION}`,
    remedy: "use the newer berth of this machine, or install that version",
  });
}

export function onNetwork(path: string, kind: string): BerthError {
  return new BerthError({
    code: "BERTH-A007",
    message: `Cannot use the lease store "${path}": it is on ${kind}, where locks of files cannot be relied on`,
    remedy: "mount a file system of this machine there: mount --bind",
  });
}

function reasonFor(code: string, path: string): readonly [string, string] | undefined {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const reasons: readonly (readonly [RegExp, string, string])[] = [
    [/^(?:SQLITE_FULL|SQLITE_IOERR_SHMSIZE|ENOSPC|EDQUOT)$/, "its file system is full", `make room: df -h ${folder}`],
    [/^EROFS$/, "its file system is read-only", `mount it so that it can be written: findmnt --target ${folder}`],
    [/^SQLITE_READONLY/, "it cannot be written", `make it writable for its owner: ls -ld ${folder} ${path}`],
    [/^SQLITE_IOERR/, `its file system fails (${code})`, `look at it with: df -h ${folder}; dmesg`],
    [
      /^(?:ENOTDIR|EEXIST|ELOOP)$/,
      `something that is no folder is in its place (${code})`,
      `look at it with: ls -ld ${folder}`,
    ],
    [/^(?:EACCES|EPERM)$/, `this user may not open it (${code})`, "run it as root of the machine"],
    [
      /^(?:SQLITE_CANTOPEN|SQLITE_PERM)/,
      `this user may not open it, or something else is in its place (${code})`,
      `as root of the machine look at what is there: ls -l ${path}`,
    ],
  ];
  const [, why, remedy] = reasons.find(([form]) => form.test(code)) ?? [];
  return why === undefined || remedy === undefined ? undefined : [why, remedy];
}

/** SQLite's findings come a line each, the first of which names the database. */
function oneLine(text: string): string {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("***"));
  return lines[0] ?? text;
}
