import { BerthError } from "../../base/index.ts";

const FACTORS: Readonly<Record<string, number>> = { ms: 1, "": 1000, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "30s", "5m", "90" (seconds) in milliseconds; "" is for ever. Throws BERTH-U001. */
export function parseDuration(text: string): number {
  if (text === "") return Infinity;
  const [, number = "", unit = ""] = /^(\d{1,9})(ms|s|m|h|d|)$/.exec(text) ?? [];
  if (number !== "") return Number(number) * (FACTORS[unit] ?? 1000);
  const message = `Cannot read the time "${text}": it is neither a number of seconds nor one with s, m, h or d behind it`;
  throw new BerthError({ code: "BERTH-U001", message, remedy: "write it as 30s, 5m or 1h" });
}
