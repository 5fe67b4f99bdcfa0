import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asking, fakePool, look } from "./store.test-helper.ts";
import { LeaseStore } from "./store.ts";

const work = mkdtempSync(join(tmpdir(), "berth-lease-chaos-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const PROCESSES = 40;
/** More than there are GPUs. */
const AT_ONCE = 20;

/** How often anything was taken. */
function countHeld(witness: string): number {
  return statSync(join(witness, "held")).size;
}

/** One file, so that many processes start in little time. */
async function buildWorker(): Promise<string> {
  const entry = join(work, "worker.ts");
  await Bun.write(
    entry,
    `import { takeForEver } from ${JSON.stringify(join(import.meta.dir, "chaos-worker.test-helper.ts"))};
    const [folder = "", witness = ""] = process.argv.slice(2);
    await takeForEver(folder, witness);`,
  );
  const { success } = await Bun.build({ entrypoints: [entry], outdir: join(work, "built"), target: "bun" });
  expect(success).toBe(true);
  return join(work, "built/worker.js");
}

test("40 processes that take 8 GPUs, for themselves or shared, and are killed at any moment: no GPU has two owners, and none stays taken", async () => {
  const [folder, witness] = [join(work, "leases"), join(work, "witness")];
  mkdirSync(witness);
  writeFileSync(join(witness, "held"), "");
  LeaseStore.open(folder)[Symbol.dispose]();
  const worker = await buildWorker();
  const start = () => Bun.spawn([process.execPath, worker, folder, witness], { stdout: "ignore", stderr: "inherit" });
  const living: ReturnType<typeof start>[] = [];
  try {
    for (let started = 0, seen = 0; started < PROCESSES || living.length > 0;) {
      while (living.length < AT_ONCE && started < PROCESSES) {
        living.push(start());
        started += 1;
      }
      // At an unknown moment after something was taken, so that none is killed before it has begun.
      while (countHeld(witness) === seen) await Bun.sleep(5);
      seen = countHeld(witness);
      await Bun.sleep(Math.random() * 10);
      const [victim] = living.splice(Math.floor(Math.random() * living.length), 1);
      expect(victim?.exitCode).toBeNull();
      victim?.kill("SIGKILL");
      await victim?.exited;
    }
  } finally {
    for (const child of living) child.kill("SIGKILL");
    await Promise.all(living.map((child) => child.exited));
  }
  expect(existsSync(join(witness, "two-owners"))).toBe(false);
  expect(countHeld(witness)).toBeGreaterThanOrEqual(PROCESSES);
  using database = new Database(join(folder, "leases.db"));
  expect(database.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  using store = LeaseStore.open(folder);
  const pool = fakePool(8);
  expect(store.read(look(pool))).toEqual({ leases: [], tickets: [], marks: [] });
  expect(store.take(asking("any:8"), pool, look(pool)).lease?.devices).toHaveLength(8);
}, 60_000);
