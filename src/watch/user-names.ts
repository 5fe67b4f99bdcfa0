/** The names of passwd(5) by user number; of several names the first. */
export function parseUserNames(passwd: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const line of passwd.split("\n")) {
    const [name = "", , uid = ""] = line.split(":");
    if (name !== "" && /^\d{1,10}$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}
