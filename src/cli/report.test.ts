import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import { simUp } from "../sim/index.ts";
import { schemaFaults } from "./gpus/schema.test-helper.ts";
import { runCli } from "./index.ts";
import { formatReport, type Report } from "./report/format-report.ts";

const work = mkdtempSync(join(tmpdir(), "berth-cli-report-"));
afterAll(() => {
  rmSync(work, { recursive: true, force: true });
}, 60_000);

let count = 0;
/** A simulated host with 8 GPUs, and berth's commands about it. */
function makeHost() {
  const { dir } = simUp(join(work, String((count += 1))), "h100x8", { executable: "/opt/berth/berth" });
  const call = async (...words: readonly string[]) => {
    let out = "";
    const print = (text: string): void => void (out += text);
    try {
      await runCli(["--root", dir, ...words], undefined, { print, note: () => {}, env: () => undefined });
      return out;
    } catch (error) {
      const { code, message } = BerthError.from(error);
      return `${code}: ${message}`;
    }
  };
  return { dir, call };
}

const TAKE = ["lease", "take", "--owner-pid", `${process.pid}`, "--unchecked", "-g"];

describe.skipIf(process.geteuid?.() !== 0)("berth report and berth lease log", () => {
  test("tell of leases that live and that have ended, and of wishes that were denied", async () => {
    const { call } = makeHost();
    const [id = ""] = (await call(...TAKE, "any:2")).split(" ");
    await call(...TAKE, "any:3");
    await call("lease", "release", id);
    expect(await call(...TAKE, "any:8")).toContain("BERTH-A002");
    await call("lease", "drain", "7", "--reason", "new\u001bfan");

    const lines = (await call("report")).split("\n");
    expect(lines[0]).toMatch(/^From \d{4}-\d\d-\d\d \d\d:\d\d:\d\d to .*, 8 GPUs$/);
    expect(lines[1]).toBe("USER   GPU-HOURS  SHARE  LEASES  LIVING  MOST  LONGEST  DENIED");
    expect(lines[2]).toMatch(/^root +0\.0\d +0\.0% +2 +1 +5 +\d+s +\d$/);
    expect(lines[3]).toMatch(/^total +0\.0\d +0\.0% +2 +1 +5 +\d+s +\d$/);
    expect((await call("report", "--by", "image")).split("\n")[2]).toMatch(/^- /);
    expect((await call("report", "--by", "gpu")).match(/^\d \(0000:\S+\)/gm)).toHaveLength(5);

    const log = (await call("lease", "log")).split("\n");
    expect(log[0]).toMatch(
      new RegExp(`^\\S+ \\S+ +taken +${id.slice(0, 8)} +0,1 +process ${process.pid}, user 0, any:2$`),
    );
    expect(log.map((line) => line.split(/ +/)[2]).slice(0, 3)).toEqual(["taken", "taken", "released"]);
    expect(log.at(-2)).toMatch(/ drained +- +7 +new\\u001bfan$/);
    expect((await call("lease", "log", "-n", "1")).split("\n")).toHaveLength(2);
    expect(await call("lease", "log", "--since", "2026-02-30")).toContain("BERTH-A030");
    const { events } = JSON.parse(await call("lease", "log", "--since", "1h", "--json"));
    expect(events[0]).toMatchObject({ kind: "taken", lease: id, devices: [expect.any(String), expect.any(String)] });
  }, 60_000);

  test("make no store where nobody has ever leased a GPU", async () => {
    const { dir, call } = makeHost();
    expect(await call("report")).toMatch(/^No leases from .*\.\n$/);
    expect(JSON.parse(await call("report", "--json"))).toMatchObject({ rows: [], gpus: 8, total: { leases: 0 } });
    expect(await call("lease", "log")).toBe("Nothing has happened.\n");
    expect(existsSync(join(dir, "var/lib/berth/leases"))).toBe(false);
  });

  test.each(["user", "project", "image", "gpu", "container"])(
    "--json is as docs/report.schema.json says, by %s",
    async (by) => {
      const { call } = makeHost();
      await call(...TAKE, "any:2");
      const value: unknown = JSON.parse(await call("report", "--by", by, "--json"));
      expect(schemaFaults(value, "report")).toEqual([]);
      expect(value).toMatchObject({ schema: "berth-report-1", by, total: { leases: 1, living: 1, mostGpus: 2 } });
    },
  );

  test.each([
    [
      ["--since", "2026-11-01", "--until", "2026-10-01"],
      "BERTH-A030: Cannot report from 2026-11-01 00:00:00 to 2026-10-01",
    ],
    [["--since", "soon"], 'BERTH-A030: Cannot read --since "soon"'],
    [["--until", "soon"], 'BERTH-A030: Cannot read --until "soon"'],
    [["--by", "colour"], "BERTH-U001"],
  ])("refuse %j", async (words, problem) => {
    expect(await makeHost().call("report", ...words)).toStartWith(problem);
  });
});

describe("formatReport", () => {
  const sums = { leases: 3, living: 1, gpuMs: 4.5 * 3_600_000, longestMs: 3_600_000, mostGpus: 2, denied: 1 };
  const report: Report = {
    by: "image",
    gpus: 8,
    since: 0,
    until: 86_400_000,
    rows: [{ key: "x", name: `registry/${"long".repeat(20)}\u001b[31m`, ...sums }],
    total: { key: "", name: "total", ...sums },
  };

  test.each([40, 60, 80])("fits its lines into %d columns, and the hours stay", (width) => {
    const lines = formatReport(report, { hasColours: false, width }).split("\n");
    for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width);
    expect(lines[1]).toContain("GPU-HOURS");
    expect(lines[3]).toMatch(/^total .*4\.50/);
  });

  test("prints nothing that steers a terminal", () => {
    expect(formatReport(report, { hasColours: false, width: undefined })).not.toContain("\u001b");
  });
});
