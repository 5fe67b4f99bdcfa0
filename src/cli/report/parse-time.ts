import { BerthError } from "../../base/index.ts";

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
/** Of a Date (ECMA-262, "Time Values and Time Range"). */
const MAX_TIME = 8.64e15;

/** "2026-11-01", "2026-11-01T12:00" (of this machine's time zone), "30d" before `now`: milliseconds since 1970. Throws BERTH-A030. */
export function parseTime(flag: string, text: string, now: number): number {
  const [, number = "", unit = ""] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  const time = number === "" ? parseDate(text) : now - Number(number) * (UNITS[unit] ?? 0);
  if (time !== undefined && Math.abs(time) <= MAX_TIME) return time;
  const message = `Cannot read ${flag} "${text}": it is neither a day, nor a time, nor how long ago`;
  throw new BerthError({ code: "BERTH-A030", message, remedy: `write it as in ${flag} 30d or ${flag} 2026-11-01` });
}

/** An hour that is skipped in spring is the one after it. */
function parseDate(text: string): number | undefined {
  const parts = /^(\d{4})-(\d\d)-(\d\d)(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?)?$/.exec(text);
  const numbers = (parts ?? []).slice(1).map((part) => Number(part ?? 0));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = numbers;
  const date = new Date(year, month - 1, day, hour, minute, second);
  // 2026-02-30 is no day.
  return parts !== null && date.getMonth() === month - 1 && date.getDate() === day ? date.getTime() : undefined;
}

/** "2026-11-01 12:00:00", in this machine's time zone. */
export function formatTime(time: number): string {
  const date = new Date(time);
  const day = [date.getFullYear(), twoDigits(date.getMonth() + 1), twoDigits(date.getDate())].join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":")}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
