import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { schemaFaults } from "../src/cli/gpus/schema.test-helper.ts";
import { runBerth } from "./lib/berth.ts";
import { describeWith } from "./lib/gate.ts";
import { must, type Output } from "./lib/run.ts";
import { Scope } from "./lib/scope.ts";
import { simHost, type SimHost } from "./lib/sim-host.ts";

describeWith([], "berth report and berth lease log of the built program", () => {
  let scope: Scope;
  let host: SimHost;

  beforeAll(() => {
    scope = new Scope("report");
    host = simHost(scope, "h100x8");
    const plain = readFileSync(host.configPath, "utf8");
    writeFileSync(host.configPath, `${plain}lease-unchecked = true\nlease-limit = 4\n`);
  });

  afterAll(() => scope.close());

  /** Under sudo of a user that this machine has no name for, so that what is counted is that one's. */
  function take(wish: string, ...flags: readonly string[]): Output {
    const words = ["lease", "take", "--owner-pid", String(process.pid), ...flags, "-g", wish];
    return runBerth(host, words, { env: { SUDO_UID: "54321" } });
  }

  function rows(...words: readonly string[]): readonly Record<string, unknown>[] {
    const { stdout } = runBerth(host, ["report", ...words, "--json"]);
    const value: { readonly rows: readonly Record<string, unknown>[] } = JSON.parse(stdout);
    expect(schemaFaults(value, "report")).toEqual([]);
    return value.rows;
  }

  test("a user has what was taken, released and refused at the limit, and what a killed process had is the past", () => {
    expect(runBerth(host, ["report"])).toMatchObject({ status: 0, stdout: expect.stringMatching(/^No leases /) });
    const [id = ""] = take("any:2").stdout.split(" ");
    expect(take("any:2").status).toBe(0);
    const refused = take("any");
    expect(refused.stderr).toContain(
      "BERTH-A010: Cannot give 1 more to user 54321: that one has 4, and no more than 4 may be had",
    );
    expect(take("any", "--limit", "8").stderr).toContain("BERTH-A010");
    expect(runBerth(host, ["lease", "release", id]).status).toBe(0);
    expect(take("any", "--limit", "2").stderr).toContain("that one has 2, and no more than 2 may be had");
    // Its owner is the shell, which ends with it.
    must(["sh", "-c", '"$@"; true', "sh", join(host.bin, "berth"), "--root", host.dir, "lease", "take", "-g", "any:3"]);

    expect(rows().toSorted((a, b) => Number(a["key"]) - Number(b["key"]))).toMatchObject([
      { key: "0", name: "root", leases: 1, living: 0, mostGpus: 3, denied: 0 },
      { key: "54321", name: "54321", leases: 2, living: 1, mostGpus: 4, denied: 3 },
    ]);
    expect(rows("--by", "image")).toMatchObject([{ key: null, leases: 3, denied: 3 }]);
    const log = runBerth(host, ["lease", "log"]).stdout;
    expect(log).toMatch(new RegExp(` denied +- +- +process ${process.pid}, user 54321: .*no more than 4 may be had`));
    expect(log).toMatch(/ reaped +[0-9a-f]{8} +\S+ +process \d+ is gone\n/);
    expect(log).toMatch(new RegExp(` released +${id.slice(0, 8)} `));
  });
});
