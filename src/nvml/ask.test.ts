import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askInChild, type NvmlAnswer, type NvmlInventory } from "./index.ts";

const CHILD = [process.execPath, join(import.meta.dir, "child.test-helper.ts")];
const SOURCE = join(import.meta.dir, "double.test-helper.c");
const isRoot = process.geteuid?.() === 0;
const LONG_MS = 20_000;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-nvml-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A stand-in for the driver's library, made worse by these macros. */
function makeLibrary(...macros: readonly string[]): string {
  const library = join(folder, `libnvidia-ml-${macros.join("-")}.so`);
  const defines = macros.map((macro) => `-D${macro}`);
  const { exitCode, stderr } = Bun.spawnSync(["gcc", "-shared", "-fPIC", "-w", ...defines, "-o", library, SOURCE]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return library;
}

const ask = (library: string, timeoutMs = LONG_MS, root = "/"): Promise<NvmlAnswer> =>
  askInChild([...CHILD, root, library], timeoutMs);

async function inventoryOf(library: string): Promise<NvmlInventory> {
  const answer = await ask(library);
  if (answer.kind === "failed") throw new Error(answer.why);
  return answer.inventory;
}

describe("asking the driver's library in a child", () => {
  test("gives the versions, and all of a GPU and its MIG devices with the driver's own numbers", async () => {
    const { driverVersion, cudaVersion, gpus } = await inventoryOf(makeLibrary());
    expect([driverVersion, cudaVersion]).toEqual(["570.133.20", "12.8"]);
    const name = "NVIDIA X1 MIG 1g.10gb+me";
    expect(gpus).toEqual([
      {
        index: 0,
        bus: "0000:1b:00.0",
        uuid: "GPU-0-0",
        name: "NVIDIA X1",
        brand: 14,
        computeCapability: "9.0",
        isMigEnabled: true,
        migDevices: [
          { index: 0, gpuInstance: 4, computeInstance: 0, uuid: "MIG-0-1", name },
          { index: 2, gpuInstance: 8, computeInstance: 1, uuid: "MIG-0-2", name },
        ],
      },
      {
        index: 2,
        bus: "10000:1b:02.0",
        uuid: "GPU-2-0",
        name: "NVIDIA X1",
        brand: 14,
        computeCapability: "12.1",
        isMigEnabled: undefined,
        migDevices: [],
      },
    ]);
  });

  test("skips a GPU that has fallen off the bus, with the reason", async () => {
    const { skipped } = await inventoryOf(makeLibrary());
    expect(skipped).toEqual([{ index: 1, why: "nvmlDeviceGetHandleByIndex_v2: GPU_IS_LOST" }]);
  });

  test("loses one answer for each entry point that an older library lacks, and finds older names", async () => {
    const { driverVersion, cudaVersion, gpus } = await inventoryOf(makeLibrary("OLD"));
    expect([driverVersion, cudaVersion]).toEqual(["570.133.20", undefined]);
    expect(gpus.map(({ uuid, brand }) => [uuid, brand])).toEqual([["GPU-0-0", undefined], ["GPU-2-0", undefined]]); // prettier-ignore
  });

  test("never loads the library in the asking process", async () => {
    const library = makeLibrary();
    await ask(library);
    expect(readFileSync("/proc/self/maps", "utf8")).not.toContain(library);
  });

  test.skipIf(!isRoot)("finds the library inside another root (needs root)", async () => {
    const library = makeLibrary();
    const answer = await ask(library.slice(folder.length), LONG_MS, folder);
    expect(answer).toMatchObject({ kind: "inventory", inventory: { driverVersion: "570.133.20" } });
  });
});

describe("what goes wrong there is an answer", () => {
  const wrong: readonly [string, () => string, string][] = [
    ["no driver", () => makeLibrary("NO_DRIVER"), "nvmlInit_v2: DRIVER_NOT_LOADED"],
    ["no library", () => join(folder, "missing.so"), "missing.so"],
    ["a file that is no library", () => SOURCE, "double.test-helper.c"],
    ["a library that crashes", () => makeLibrary("CRASH"), "the process that asked it ended with "],
    ["a library that prints", () => makeLibrary("CHATTER"), "printed something else"],
  ];
  test.each(wrong)("%s", async (_, library, why) => {
    expect(await ask(library())).toEqual({ kind: "failed", why: expect.stringContaining(why) });
  });

  test("a root that is not there", async () => {
    expect(await ask("/x.so", LONG_MS, join(folder, "nowhere"))).toMatchObject({
      why: expect.stringMatching(/^chroot|^only root/),
    });
  });

  test("a program that cannot be started", async () => {
    expect(await askInChild([join(folder, "missing")], LONG_MS)).toMatchObject({ kind: "failed" });
  });

  test.each(["HANG", "FOREVER"])("a library that never comes back (%s) is left alone at the deadline", async (how) => {
    const answer = await ask(makeLibrary(how), 500);
    expect(answer).toEqual({ kind: "failed", why: "it has not answered within 0.5 seconds" });
  });

  test("a process that hangs after its answer has answered", async () => {
    const script = join(folder, "hangs-later.sh");
    writeFileSync(script, `echo '{"kind":"failed","why":"because"}'\nexec sleep 60\n`);
    expect(await askInChild(["sh", script], LONG_MS)).toEqual({ kind: "failed", why: "because" });
  });

  test("no variable of the caller reaches the child", async () => {
    process.env["BUN_OPTIONS_FOR_TEST"] = "1";
    const script = join(folder, "prints-environment.sh");
    writeFileSync(script, `printf '{"kind":"failed","why":"%s"}\\n' "$(env | cut -d= -f1 | sort | tr '\\n' ' ')"\n`);
    const answer = await askInChild(["sh", script], LONG_MS);
    delete process.env["BUN_OPTIONS_FOR_TEST"];
    expect(answer).toMatchObject({ why: expect.not.stringContaining("BUN_") });
  });
});
