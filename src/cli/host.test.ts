import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VERSION } from "../base/index.ts";
import { describeHost, loadHost, type MigDevice } from "../host/index.ts";
import { simUp } from "../sim/index.ts";
import { runCli } from "./index.ts";
import { learn } from "../host/index.ts";

const work = mkdtempSync(join(tmpdir(), "berth-cli-host-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));
// A simulated driver answers only where device nodes are real, and only there can it be entered.
const testAsRoot = test.skipIf(process.geteuid?.() !== 0);

let count = 0;
function up(profile: string, standIns = false) {
  return simUp(join(work, String((count += 1))), profile, { executable: "/opt/berth/berth", standIns });
}

async function host(root: string, ...args: readonly string[]) {
  let out = "";
  let notes = "";
  const print = (text: string): void => void (out += text);
  const note = (text: string): void => void (notes += text);
  const code = await runCli(["--root", root, "host", ...args], undefined, { print, note, env: () => undefined });
  return { code, out, notes };
}

describe("berth host", () => {
  testAsRoot("learns every MIG device's UUID, number and profile, and the runtime has them from then on", async () => {
    const { dir, profile } = up("a100x8-mig");
    const load = () => loadHost(dir, { stateDir: join(dir, "run/berth"), version: VERSION });
    const partsOf = (gpus: readonly { migDevices: readonly MigDevice[] }[]) =>
      gpus.flatMap(({ migDevices }) => migDevices.map((part) => [part.index, part.uuid, part.profile]));
    expect(partsOf(load().host.gpus).flat()).toEqual(partsOf(load().host.gpus).flat().fill(undefined));
    const { code, out, notes } = await host(dir, "--json");
    const expected = profile.gpus.flatMap(({ mig = [] }) => mig.map((part, at) => [at, part.uuid, part.profile]));
    expect([code, notes]).toEqual([0, ""]);
    expect(partsOf(JSON.parse(out).gpus)).toEqual(expected);
    const loaded = load();
    expect(loaded.reason).toContain("learnt");
    expect(partsOf(loaded.host.gpus)).toEqual(expected);
    expect(load().source).toBe("cache");
  });

  testAsRoot("learns the UUIDs that the driver's files do not say", async () => {
    const { dir, profile } = up("h100x8-uuid-unknown");
    const { out } = await host(dir);
    for (const { uuid } of profile.gpus) expect(out).toContain(uuid);
    expect(out).not.toContain("nvidia-smi -L");
  });

  testAsRoot("shows the CUDA version, and compute capability and brand of each GPU", async () => {
    const { out } = await host(up("h100x8").dir);
    expect(out).toStartWith("Driver 570.133.20, CUDA 12.8 (under ");
    expect(out.split("\n").filter((line) => / 9\.0 +nvidia +\/dev\/nvidia[0-7]$/.test(line))).toHaveLength(8);
  });

  testAsRoot("asks nobody and keeps nothing new with --no-learn; what is not known is null", async () => {
    const { dir } = up("a100x8-mig");
    const { out, notes } = await host(dir, "--no-learn", "--json");
    expect(notes).toBe("");
    expect(JSON.parse(out).gpus[0].migDevices[0]).toMatchObject({ uuid: null, index: null, profile: null });
    expect(readFileSync(join(dir, "var/lib/berth/gpus.json"), "utf8")).not.toContain("MIG-");
  });

  test("a driver that cannot be asked is one warning, which says what is not known, and no failure", async () => {
    const { code, out, notes } = await host(up("a100x8-mig", true).dir);
    expect(code).toBe(0);
    expect(out).toContain("0:?");
    expect(notes).toMatch(/^warning: the driver could not be asked: .*; not known: .*MIG devices of GPU 0, 1\n$/);
  });

  test("a missing library is a warning, and so is what cannot be learnt without it", async () => {
    const { dir } = up("h100x8-uuid-unknown", true);
    for (const name of new Bun.Glob("usr/lib/*/libnvidia-ml*").scanSync({ cwd: dir, onlyFiles: false })) {
      rmSync(join(dir, name));
    }
    const { code, notes } = await host(dir);
    expect(code).toBe(0);
    expect(notes).toBe(
      'warning: "libnvidia-ml.so.1" of driver 570.133.20 is not in "/usr/lib/x86_64-linux-gnu"\n' +
        "warning: the driver could not be asked: there is no libnvidia-ml.so.1 among its libraries; " +
        "not known: the UUID of GPU 0, 1, 2, 3, 4, 5, 6, 7\n",
    );
  });

  test("without a driver there is nothing to ask", async () => {
    const { dir } = up("none", true);
    expect(await host(dir)).toMatchObject({ code: 0, notes: "" });
    expect(existsSync(join(dir, "var/lib/berth"))).toBe(false);
  });
});

describe("what the driver says", () => {
  testAsRoot("does not fit when it counts the GPUs in another order than berth", async () => {
    const { dir } = up("h100x8");
    rmSync(join(dir, "dev/nvidia0"));
    const { complaints } = await learn(describeHost(dir), process.execPath);
    expect(complaints).toEqual([
      expect.stringMatching(/^the driver counts differently: .* is its GPU 0, and GPU 1 here$/),
    ]);
  });

  test("is not waited for beyond the deadline, and the rest is kept", async () => {
    const { dir, profile } = up("h100x8", true);
    const { complaints, learnt, isKept } = await learn(describeHost(dir), process.execPath, 1);
    expect(complaints).toEqual([
      "the driver could not be asked: it has not answered within 0.001 seconds; all that is shown is known without it",
    ]);
    expect(isKept).toBe(true);
    expect(learnt.gpus.size).toBe(profile.gpus.length);
  });
});

describe("what a container's start would be refused for", () => {
  test("is a warning: a lost library, a missing control node", async () => {
    const { dir } = up("h100x8", true);
    const library = readdirSync(join(dir, "usr/lib/x86_64-linux-gnu")).find((name) =>
      /^libcuda\.so\.\d+\.\d/.test(name),
    );
    rmSync(join(dir, "usr/lib/x86_64-linux-gnu", library ?? "none"));
    rmSync(join(dir, "dev/nvidia-uvm"));
    const { notes } = await host(dir, "--no-learn");
    expect(notes).toMatch(/libcuda\.so\.570\.133\.20" no longer exists, and a link still leads to it/);
    expect(notes).toContain('/dev/nvidia-uvm" is missing; remedy: berth nodes');
  });

  test("is also a key of config.toml that nobody knows", async () => {
    const { dir } = up("h100x8", true);
    const config = join(dir, "etc/nvidia-container-runtime/config.toml");
    writeFileSync(config, readFileSync(config, "utf8").replace("log-level", "log-levl"));
    expect((await host(dir, "--no-learn")).notes).toContain('did you mean "nvidia-container-runtime.log-level"?');
  });
});
