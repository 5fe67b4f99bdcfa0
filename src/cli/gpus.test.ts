import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simUp } from "../sim/index.ts";
import { runCli } from "./index.ts";
import { schemaFaults } from "./gpus/schema.test-helper.ts";

// Each of them starts programs, and what hangs has its deadline in berth.
setDefaultTimeout(60_000);

// A simulated driver answers only where device nodes are real, and only there can it be entered.
const testAsRoot = test.skipIf(process.geteuid?.() !== 0);

let work = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "berth-cli-gpus-"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

function up(profile: string, standIns = false): string {
  return simUp(join(work, profile), profile, { executable: "/opt/berth/berth", standIns }).dir;
}

const gpus = (root: string, ...args: readonly string[]) => run(root, "gpus", ...args);

async function run(root: string, ...args: readonly string[]) {
  const [out, notes]: [string[], string[]] = [[], []];
  const code = await runCli(["--root", root, ...args], undefined, {
    print: (text) => void out.push(text),
    note: (text) => void notes.push(text),
    env: () => undefined,
  });
  return { code, out: out.join(""), notes: notes.join("") };
}

describe("berth gpus", () => {
  testAsRoot("shows what the driver says, and this process by its program and user", async () => {
    const dir = up("rtx4090x2");
    mkdirSync(join(dir, "var/lib/berth-sim"), { recursive: true });
    const lines = ["1 gpu-percent 40", `1 process ${process.pid} 2048`, "1 fail 21 PowerUsage"];
    writeFileSync(join(dir, "var/lib/berth-sim/nvml-state"), lines.join("\n"));
    const { code, out, notes } = await gpus(dir);
    expect(out).toMatch(/^Driver \S+, 2 GPUs\n0 .* 0 %.*\n1  GeForce RTX 4090 .* 40 % .*\/root\(2048M\)\n$/);
    expect([code, notes]).toEqual([0, "warning: GPU 1: nvmlDeviceGetPowerUsage: NO_DATA\n"]);
    const json: unknown = JSON.parse((await gpus(dir, "--json")).out);
    expect(schemaFaults(json)).toEqual([]);
    expect(json).toMatchObject({ processes: [{ gpu: 1, pid: process.pid, uid: 0 }], containers: [], errors: [expect.stringContaining("NO_DATA")] }); // prettier-ignore
  });

  testAsRoot("shows whose a GPU is where somebody has leased one, and makes no store where nobody has", async () => {
    const dir = up("h100x1");
    const store = join(dir, "var/lib/berth/leases");
    expect([(await run(dir, "gpus")).out.includes("lease"), existsSync(store)]).toEqual([false, false]);
    const owner = ["--owner-pid", String(process.pid), "--label", "train", "--unchecked"];
    expect((await run(dir, "lease", "take", "-g", "any", ...owner)).code).toBe(0);
    expect((await run(dir, "gpus")).out).toMatch(/^0 .* MiB  lease train\/root$/m);
    expect((await run(dir, "ps")).out).toMatch(/^0 +- +- +root .* train\/root .* leased, unused: [0-9a-f]{8} of process /m);
    for (const name of readdirSync(store).filter((each) => each.startsWith("leases.db"))) writeFileSync(join(store, name), "no store");
    const { out, notes } = await run(dir, "ps");
    expect([out, notes]).toEqual(["No process uses a GPU.\n", expect.stringContaining("leases: ")]);
  }); // prettier-ignore

  testAsRoot("shows a GPU that the driver has lost below the others", async () => {
    const { code, out } = await gpus(up("broken-gpu-health"));
    expect(code).toBe(0);
    expect(out).toMatch(/, 2 GPUs, 1 sick\n0 .*\n- .*SICK: the driver has lost 0000:\S+: it has fallen off the bus\n$/);
  });

  testAsRoot("shows the one GPU of a machine whose GPU is a whole with it", async () => {
    const { code, out } = await gpus(up("wsl"));
    expect([code, out.split("\n").length]).toEqual([0, 3]);
    expect(out).toContain("GeForce RTX 4070");
  });

  test("ends with 1 where no GPU says anything, with the reason for each", async () => {
    const dir = up("h100x1", true);
    for (const name of new Bun.Glob("usr/**/libnvidia-ml*").scanSync({ cwd: dir, onlyFiles: false }))
      rmSync(join(dir, name));
    const { code, out } = await gpus(dir);
    expect([code, out]).toEqual([1, expect.stringContaining("SICK: ")]);
  });

  test("says why there is none where there is no driver, as JSON, too", async () => {
    const dir = up("none", true);
    const { code, out, notes } = await gpus(dir);
    expect([code, out]).toEqual([1, ""]);
    expect(notes).toMatch(/^No GPU: .*\nRemedy: .*\n$/);
    const json: unknown = JSON.parse((await gpus(dir, "--json")).out);
    expect(schemaFaults(json)).toEqual([]);
    expect(json).toMatchObject({ driver: null, gpus: [], errors: [expect.stringContaining("there is no driver: ")] });
  });
});
