const TYPES = ["dev", "dir", "lib", "sym"] as const;
const MAX_LINES = 20_000;
const MAX_PATH = 4095;

export type CsvType = (typeof TYPES)[number];

/** One line of a mount specification: `lib, /usr/lib/aarch64-linux-gnu/tegra/libcuda.so.1.1`. */
export interface CsvEntry {
  readonly type: CsvType;
  readonly path: string;
  /** From 1. */
  readonly line: number;
}

export interface CsvFault {
  readonly line: number;
  readonly why: string;
}

/**
 * The lines `type, path` of a mount specification of L4T, in order, and what is wrong with the others. Space around both does
 * not matter; blank lines do not count.
 */
export function parseCsv(text: string): {
  readonly entries: readonly CsvEntry[];
  readonly faults: readonly CsvFault[];
} {
  const entries: CsvEntry[] = [];
  const faults: CsvFault[] = [];
  const lines = text.split("\n");
  for (const [index, content] of lines.slice(0, MAX_LINES).entries()) {
    if (content.trim() === "") continue;
    const line = index + 1;
    const parsed = parseLine(content);
    if (typeof parsed === "string") faults.push({ line, why: parsed });
    else entries.push({ ...parsed, line });
  }
  if (lines.length > MAX_LINES) faults.push({ line: MAX_LINES + 1, why: `more than ${MAX_LINES} lines are not read` });
  return { entries, faults };
}

function parseLine(line: string): Omit<CsvEntry, "line"> | string {
  const comma = line.indexOf(",");
  if (comma < 0) return "there is no comma";
  const word = line.slice(0, comma).trim();
  const type = TYPES.find((one) => one === word);
  if (type === undefined) return `the type is none of ${TYPES.join(", ")}`;
  const text = line.slice(comma + 1).trim();
  const path = text.replace(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
  return whyNoPath(path) ?? { type, path };
}

function whyNoPath(path: string): string | undefined {
  if (!path.startsWith("/") || path.length > MAX_PATH) return "the path is not absolute, or too long";
  if (/\p{Cc}/u.test(path)) return "the path holds a control character";
  if (path.split("/").some((part) => part === ".." || part === ".")) return `the path holds a part ".." or "."`;
  return path === "/" ? "the path is all of the machine" : undefined;
}
