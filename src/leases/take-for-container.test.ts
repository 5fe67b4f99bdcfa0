import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import { describeHost, type Host } from "../host/index.ts";
import { simUp } from "../sim/index.ts";
import type { Asking } from "./asking.ts";
import { leaseSiteOf, lookNow, openStore, type LeaseSite } from "./lease-site.ts";
import { readUsage } from "./read-usage.ts";
import { asking, kill, ownerOf, sleeper } from "./store.test-helper.ts";
import { hasLeaseStore } from "./store-path.ts";
import { isLack, takeForContainer, useForContainer, type Given } from "./take-for-container.ts";

const work = mkdtempSync(join(tmpdir(), "berth-for-container-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

let count = 0;
const hosts = new Map<string, Host>();

/** One simulated host for each profile, and a store of its own for each test. */
function newSite(profile: string): LeaseSite & { readonly setState: (text: string) => void } {
  const dir = join(work, profile);
  const host = hosts.get(profile) ?? describeHost(simUp(dir, profile, { executable: "/opt/berth/berth" }).dir);
  hosts.set(profile, host);
  const state = join(dir, "var/lib/berth-sim/nvml-state");
  mkdirSync(join(state, ".."), { recursive: true });
  const setState = (text: string): void => writeFileSync(state, text);
  return { ...leaseSiteOf(host), folder: join(work, `${(count += 1)}`), setState };
}

function forContainer(id: string, wish: string, changes: Partial<Asking> = {}): Asking {
  const about = { id, state: `/run/nothing/${id}`, engine: "docker", name: id, image: "", project: "", user: "" };
  return asking(wish, { container: about, ...changes });
}

const asked = { isUnchecked: false, executable: process.execPath };
const unchecked = { ...asked, isUnchecked: true };

/** A simulated driver, too, is slow on a machine that is busy: asked until it answers. */
async function takeSeen(site: LeaseSite, wished: Asking): Promise<Given> {
  for (;;) {
    try {
      return await takeForContainer(site, wished, asked);
    } catch (error) {
      const { code, message } = BerthError.from(error);
      if (code !== "BERTH-A004" && !message.includes("NVLinks are not known")) throw error;
    }
  }
}

async function problemOf(take: Promise<unknown>): Promise<BerthError> {
  return BerthError.from(
    await take.then(
      () => new Error("none"),
      (error: unknown) => error,
    ),
  );
}

describe.skipIf(process.geteuid?.() !== 0)("a container that is about to start", () => {
  test("gets an idle GPU, and the look that was needed for it serves the next one", async () => {
    const site = newSite("h100x8");
    expect(hasLeaseStore(site.folder)).toBe(false);
    const busy = [0, 1, 2, 3, 4, 5].map((index) => `${index} memory-used-mib 4000\n`);
    site.setState(busy.join(""));
    const { lease, warnings } = await takeSeen(site, forContainer("web", "any"));
    expect([lease.devices[0]?.name, lease.container?.name, warnings]).toEqual(["6", "web", []]);
    expect(readdirSync(site.folder)).toContain("samples.json");
    // A GPU that was in use at a look in the half minute before is not idle, though it is now.
    site.setState("7 memory-used-mib 4000\n");
    await Bun.sleep(1000);
    const seen = [...(await readUsage(site, process.execPath, true)).usage.values()];
    expect(
      seen.map((usage) => usage.kind === "known" && usage.samples.map(({ usedBytes }) => usedBytes > 1e9)),
    ).toEqual([...busy.map(() => [true, false]), [false, false], [false, true]]);
  }, 30_000);

  test("gets GPUs that are joined by NVLink as the driver says, which is known from then on", async () => {
    const site = newSite("h100x8");
    const wish = "any:2,link=nvlink";
    expect((await problemOf(takeForContainer(site, forContainer("a", wish), unchecked))).message).toContain(
      "its NVLinks are not known",
    );
    site.setState("2 nvlink 0 1 5\n5 nvlink 0 1 2\n2 nvlink 1 0\n6 nvlink 0 1 7\n7 nvlink 0 1 6\n");
    const given = [await takeSeen(site, forContainer("a", wish))];
    site.setState("");
    given.push(await takeForContainer(site, forContainer("b", wish), unchecked));
    expect(given.map(({ lease }) => lease.devices.map(({ name }) => name))).toEqual([
      ["2", "5"],
      ["6", "7"],
    ]);
  }, 30_000);

  test("is refused at once where nothing is free, and who was refused, and why, is written down", async () => {
    const site = newSite("h100x1");
    await takeForContainer(site, forContainer("first", "any"), unchecked);
    const problem = await problemOf(takeForContainer(site, forContainer("second", "any,optional"), unchecked));
    expect([problem.code, isLack(problem)]).toEqual(["BERTH-A002", true]);
    expect(problem.message).toMatch(/none is free \(GPU 0: lease [0-9a-f]{8} of container first\)$/);
    using store = openStore(site);
    const [event] = store.events(1);
    expect(event).toMatchObject({ kind: "denied", lease: "" });
    expect(event?.text).toBe(`container second, process ${process.pid}, user 0: ${problem.message}`);
  });

  test("gets nothing that is owed to one who waits", async () => {
    const site = newSite("h100x1");
    using store = openStore(site);
    store.queue(asking("any"), ownerOf(process.pid), lookNow());
    const problem = await problemOf(takeForContainer(site, forContainer("web", "any"), unchecked));
    expect(problem.message).toContain("which has waited longer");
  });

  test("gets its GPU again when it is started anew while the driver still clears away", async () => {
    const site = newSite("h100x1");
    const first = sleeper();
    site.setState("");
    await takeForContainer(site, forContainer("web", "any", { owner: ownerOf(first.pid) }), unchecked);
    await kill(first);
    site.setState("0 memory-used-mib 4000\n");
    const again = takeSeen(site, forContainer("web", "any"));
    using store = openStore(site);
    while (store.read(lookNow()).leases[0]?.state !== "DRAINING") await Bun.sleep(5);
    await Bun.sleep(500);
    site.setState("");
    expect((await again).lease.devices[0]?.name).toBe("0");
  }, 30_000);

  test("that names a GPU which is leased exclusively is refused, and that is written down", async () => {
    const site = newSite("h100x1");
    const { lease } = await takeForContainer(site, forContainer("first", "any,exclusive"), unchecked);
    const { uid, owner } = asking("any");
    const named = { keys: lease.devices.map(({ key }) => key), mode: "shared", words: "0", uid, owner } as const;
    const { container } = forContainer("b", "any");
    const problem = await problemOf(useForContainer(site, { ...named, label: "", container }, unchecked));
    expect(problem.message).toStartWith("Cannot give GPU 0: lease ");
    using store = openStore(site);
    expect(store.events(1)).toMatchObject([{ kind: "denied" }]);
  });

  test("that wishes for more than the machine has is refused before anybody is asked, and no store is made for it", async () => {
    const site = newSite("h100x1");
    const problem = await problemOf(takeForContainer(site, forContainer("greedy", "any:65535"), asked));
    expect(problem.code).toBe("BERTH-A003");
    expect(hasLeaseStore(site.folder)).toBe(false);
  });

  test("that wants a GPU by name for itself gets it when the one before has ended and the driver says that it is idle", async () => {
    const site = newSite("h100x1");
    site.setState("");
    const first = sleeper();
    const { uid, owner } = asking("any");
    const keys = site.pool.devices.map(({ key }) => key);
    const named = { keys, mode: "exclusive" as const, words: "0,exclusive", uid, label: "" } as const;
    const { container } = forContainer("first", "any");
    await useForContainer(site, { ...named, owner: ownerOf(first.pid), container }, unchecked);
    await kill(first);
    const next = { ...named, owner, container: forContainer("second", "any").container };
    // A simulated driver on a busy machine may not answer in time.
    for (;;) {
      const result = await useForContainer(site, next, asked).catch((error: unknown) => BerthError.from(error));
      if (result instanceof BerthError && result.message.includes("not known yet")) continue;
      expect(result).toMatchObject({ lease: { mode: "exclusive" } });
      break;
    }
  }, 60_000);
});
