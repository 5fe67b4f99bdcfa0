import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { effectiveUid } from "../linux/index.ts";
import { BROKEN_PROFILES, PROFILES } from "../sim/index.ts";
import { CHECKS } from "./checks.ts";
import { examineAll, faultsOf, makeHosts } from "./examine.test-helper.ts";

const hosts = makeHosts("profiles");
afterAll(hosts.remove);

/** What only the driver's library says, which needs real nodes and a root of its own. */
const BY_PROBE: ReadonlySet<string> = new Set(["broken-cuda-init"]);
/** What only a container says: e2e/doctor.test.ts. */
const BY_CONTAINER = "broken-container";

/** The faults of a simulated host, which is gone afterwards. */
async function faultsIn(profile: string): Promise<readonly string[]> {
  using host = hosts.up(profile, BY_PROBE.has(profile) ? "nodes" : "stand-ins");
  const executable = BY_PROBE.has(profile) ? process.execPath : undefined;
  return faultsOf(await examineAll(hosts.input(host.dir, executable)));
}

const SOUND = PROFILES.filter(({ name }) => name !== "none").map(({ name }) => name);

test.each(SOUND)("nothing is wrong with a sound %s", async (profile) => {
  expect(await faultsIn(profile)).toEqual([]);
});

test("of a machine without a GPU only that is said", async () => {
  expect(await faultsIn("none")).toEqual(["fail pci-device"]);
});

describe("each broken profile", () => {
  const names = BROKEN_PROFILES.map(({ name }) => name);
  const testable = names.filter((name) => name !== BY_CONTAINER && (effectiveUid() === 0 || !BY_PROBE.has(name)));

  test.each(testable)("%s: exactly its check names a fault", async (name) => {
    const faults = await faultsIn(name);
    expect(faults.map((fault) => fault.split(" ")[1])).toEqual([name.slice("broken-".length)]);
  });

  test("is named after a check, and no two are", () => {
    const ids = CHECKS.map(({ id }) => id);
    const checks = names.map((name) => name.slice("broken-".length));
    expect(checks.filter((check) => !ids.includes(check))).toEqual([]);
    expect(new Set(checks).size).toBe(checks.length);
  });
});

test("what a check needs stands before it, and titles fit on a line of 80 columns", () => {
  for (const [index, { needs = [], title }] of CHECKS.entries()) {
    const before = CHECKS.slice(0, index).map(({ id }) => id);
    expect(needs.filter((need) => !before.includes(need))).toEqual([]);
    expect(Bun.stringWidth(title)).toBeLessThanOrEqual(54);
  }
});

test("docs/doctor.md has a row for every check, and docs/sim.md one for every broken profile", () => {
  const read = (name: string): string => readFileSync(join(import.meta.dir, "../../docs", name), "utf8");
  const [doctor, sim] = [read("doctor.md"), read("sim.md")];
  expect(CHECKS.filter(({ id }) => !doctor.includes(`| \`${id}\` `)).map(({ id }) => id)).toEqual([]);
  const rows = BROKEN_PROFILES.filter(({ name, summary }) => !new RegExp(`\`${name}\` .*\\| ${summary} `).test(sim));
  expect(rows.map(({ name }) => name)).toEqual([]);
});
