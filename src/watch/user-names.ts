import { readText } from "../linux/index.ts";

const MAX_BYTES = 4 * 1024 * 1024;

/** The names of this machine's users, by the file that every machine has: no directory service is asked. */
export function readUserNames(): ReadonlyMap<number, string> {
  return parseUserNames(readText("/etc/passwd", MAX_BYTES) ?? "");
}

/** The names of passwd(5) by user number; of several names the first. */
export function parseUserNames(passwd: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const line of passwd.split("\n")) {
    const [name = "", , uid = ""] = line.split(":");
    if (name !== "" && /^\d{1,10}$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}
