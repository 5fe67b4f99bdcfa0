import { parseProcessStat, readText } from "../../linux/index.ts";

const MAX_BYTES = 4096;
/** sudo starts a second sudo, which keeps the terminal, and that one the command. */
const MAX_SUDOS = 4;

/** Who has started this, `parent` or, behind sudo, whoever called sudo: that one ends with its command, and so would the lease. */
export function findCaller(parent: number, env: Readonly<Record<string, string | undefined>>): number {
  if (env["SUDO_UID"] === undefined) return parent;
  let caller = parent;
  for (let count = 0; count < MAX_SUDOS && isSudo(caller); count += 1) caller = parentOf(caller) ?? caller;
  return caller;
}

function isSudo(pid: number): boolean {
  return readText(`/proc/${pid}/comm`, MAX_BYTES)?.trim() === "sudo";
}

function parentOf(pid: number): number | undefined {
  const text = readText(`/proc/${pid}/stat`, MAX_BYTES);
  return text === undefined ? undefined : parseProcessStat(text).parent;
}
