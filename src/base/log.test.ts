import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLog, SILENT_LOG } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-log-"));
afterAll(() => rmSync(folder, { recursive: true }));
const clock = () => new Date("2026-01-02T03:04:05.678Z");

test("openLog appends logrus text to one file and runc's JSON to another", () => {
  const text = join(folder, "deep/text.log");
  const json = join(folder, "json.log");
  const log = openLog([{ path: text, format: "text" }, { path: json, format: "json" }], "info", clock); // prettier-ignore
  log.debug("hidden");
  log.info('said "so"\nand on');
  expect(readFileSync(text, "utf8")).toBe(
    'time="2026-01-02T03:04:05Z" level=info msg="said \\"so\\"\\\\u000aand on"\n',
  );
  expect(JSON.parse(readFileSync(json, "utf8"))).toEqual({
    level: "info",
    msg: 'said "so"\nand on',
    time: "2026-01-02T03:04:05Z",
  });
  expect(statSync(text).mode & 0o777).toBe(0o644);
});

test("a log never follows a link and never stops the work", () => {
  const target = join(folder, "victim");
  symlinkSync(target, join(folder, "link.log"));
  openLog([{ path: join(folder, "link.log"), format: "text" }], "info", clock).error("x");
  expect(existsSync(target)).toBe(false);
});

test("a log without a sink is silent and costs nothing", () => {
  expect(openLog([], "trace", clock)).toBe(SILENT_LOG);
});
