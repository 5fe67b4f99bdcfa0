import { readText } from "./proc.ts";

/** Milliseconds since the boot, in which a machine that slept has slept (CLOCK_BOOTTIME; proc_uptime(5)). */
export function uptimeMs(): number {
  const [seconds = "0"] = (readText("/proc/uptime", 256) ?? "").split(" ");
  return Math.round(Number(seconds) * 1000);
}
