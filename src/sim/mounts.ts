import { readFileSync } from "node:fs";

/** Mount points at or below an absolute path without links, as this process sees them (proc_pid_mountinfo(5)). */
export function mountsBelow(path: string): readonly string[] {
  return parseMountPoints(readFileSync("/proc/self/mountinfo", "utf8")).filter((point) => {
    return point === path || point.startsWith(`${path}/`);
  });
}

/** The fifth field of each line, with its octal escapes (`\040` is a blank) undone. */
export function parseMountPoints(mountinfo: string): readonly string[] {
  const points = mountinfo.split("\n").flatMap((line) => line.split(" ")[4] ?? []);
  return points.map((point) => {
    return point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  });
}
