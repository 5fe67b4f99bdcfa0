import { parseBootSeconds } from "../linux/index.ts";
import type { Files } from "./files.ts";
import type { Scene } from "./scene.ts";

/** Where the kernel's refusals are written down: by auditd, else with the rest of the kernel's messages. */
const LOGS = ["/var/log/audit/audit.log", "/var/log/kern.log", "/var/log/messages", "/var/log/syslog"];
const LOG_BYTES = 4 * 1024 * 1024;
const OF_NVIDIA = /nvidia|xserver_misc_device_t/;

/** A line of a log in which a security module has refused something of NVIDIA's since the machine was booted. */
export interface Denial {
  /** On this machine. */
  readonly log: string;
  readonly line: string;
}

/** The last such line that fits `pattern`; undefined: no readable log has one. */
export function findDenial(files: Files, pattern: RegExp): Denial | undefined {
  const boot = parseBootSeconds(files.text("/proc/stat") ?? "") ?? 0;
  for (const log of LOGS) {
    const line = files
      .lastLines(log, LOG_BYTES)
      .findLast((each) => pattern.test(each) && OF_NVIDIA.test(each) && secondsOf(each) >= boot);
    if (line !== undefined) return { log: files.place(log), line };
  }
  return undefined;
}

/** Of "msg=audit(1732612345.123:45):" and "audit(1732612345.123:45):". One without a time is not believed. */
function secondsOf(line: string): number {
  return Number(/audit\((\d+)\.\d+:\d+\)/.exec(line)?.[1] ?? -1);
}

/** Said beside "nothing was refused" by whoever may not read the logs. */
export function unread({ isRoot }: Scene): string {
  return isRoot ? "" : " (as far as this user may read the logs)";
}
