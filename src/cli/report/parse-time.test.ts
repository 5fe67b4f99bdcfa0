import { expect, test } from "bun:test";
import { formatTime, parseTime } from "./parse-time.ts";

const NOW = new Date(2026, 10, 26, 22, 30).getTime();

test.each([
  ["30d", NOW - 30 * 86_400_000],
  ["12h", NOW - 12 * 3_600_000],
  ["90m", NOW - 90 * 60_000],
  ["2w", NOW - 14 * 86_400_000],
  ["2026-11-01", new Date(2026, 10, 1).getTime()],
  ["2026-11-01T12:05", new Date(2026, 10, 1, 12, 5).getTime()],
  ["2026-11-01 12:05:09", new Date(2026, 10, 1, 12, 5, 9).getTime()],
])("parseTime reads %s", (text, time) => {
  expect(parseTime("--since", text, NOW)).toBe(time);
});

test.each([
  "",
  "30",
  "d",
  "-3d",
  "1.5d",
  "2026-02-30",
  "2026-13-01",
  "2026-00-10",
  "2026-11-01T24:00",
  "2026-11-01T12",
  "yesterday",
  "9999999d",
  "11/01/2026",
])("parseTime refuses %j, and says how a time is written", (text) => {
  expect(() => parseTime("--since", text, NOW)).toThrow(expect.objectContaining({ code: "BERTH-A030" }));
});

test("formatTime writes what parseTime reads", () => {
  expect(formatTime(NOW)).toBe("2026-11-26 22:30:00");
  expect(parseTime("--until", formatTime(NOW), 0)).toBe(NOW);
});
