import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failedLayer, probeByChild, probeCuda, type Layer, type Probe } from "./index.ts";

const CHILD = [process.execPath, join(import.meta.dir, "child.test-helper.ts")];
const SOURCE = join(import.meta.dir, "double.test-helper.c");
const isRoot = process.geteuid?.() === 0;
const LONG_MS = 20_000;

let work = "";
let count = 0;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "berth-cuda-"));
});
afterAll(() => rmSync(work, { recursive: true }));

type Libraries = Readonly<Record<string, readonly string[]>>;

/** A folder with stand-ins: the macros of each file. */
function makeFolder(libraries: Libraries): string {
  const folder = join(work, String((count += 1)));
  mkdirSync(folder);
  for (const [name, macros] of Object.entries(libraries)) {
    const defines = macros.map((macro) => `-D${macro}`);
    const words = ["gcc", "-shared", "-fPIC", "-w", ...defines, "-o", join(folder, name), SOURCE];
    const { exitCode, stderr } = Bun.spawnSync(words);
    if (exitCode !== 0) throw new Error(stderr.toString());
  }
  return folder;
}

const ask = (folder: string, timeoutMs = LONG_MS, root = "/"): Promise<Probe> =>
  probeByChild([...CHILD, root], timeoutMs, { LD_LIBRARY_PATH: folder });

const askWithToolkit = (folder: string): Promise<Probe> =>
  probeByChild([...CHILD, "/", "toolkit"], LONG_MS, { LD_LIBRARY_PATH: folder });

const probe = (macros: readonly string[] = [], more: Libraries = {}, timeoutMs = LONG_MS): Promise<Probe> =>
  ask(makeFolder({ "libcuda.so.1": macros, ...more }), timeoutMs);

/** "init good, devices failed: why" */
function tell({ layers }: Probe): string {
  const one = ({ id, state, detail }: Layer): string => `${id} ${state}${state === "good" ? "" : `: ${detail}`}`;
  return layers.map(one).join(", ");
}

const BELOW_RUNTIME = "library good, init good, devices good, context good, memory good";
const NOT_TRIED = "not tried: a container has those of its image";
const NO_TOOLKIT = `runtime absent: ${NOT_TRIED}, libraries absent: ${NOT_TRIED}`;

describe("trying CUDA in a child", () => {
  test("goes through every layer, and tells each GPU with the driver's own names", async () => {
    const seen = await probe();
    expect(tell(seen)).toBe(`${BELOW_RUNTIME}, ${NO_TOOLKIT}`);
    expect(failedLayer(seen)).toBeUndefined();
    expect(seen).toMatchObject({ cuda: "12.8", libc: undefined });
    expect(seen.gpus).toEqual([
      { index: 0, name: "NVIDIA X1", uuid: "GPU-28292a2b-2c2d-2e2f-3031-323334353637" },
      { index: 1, name: "NVIDIA X1 MIG 1g.10gb", uuid: "MIG-292a2b2c-2d2e-2f30-3132-333435363738" },
    ]);
  });

  test("says which file the loader took", async () => {
    const folder = makeFolder({ "libcuda.so.1": [] });
    expect((await ask(folder)).layers[0]?.detail).toBe(`"${folder}/libcuda.so.1"`);
  });

  test("loses the answers for which an older library has no functions, and no other", async () => {
    const seen = await probe(["OLD", "NO_MEMORY"]);
    const lacking = '"libcuda.so.1" has no functions for it: its driver is too old';
    const first = `library good, init good, devices good, context good, memory absent: ${lacking}`;
    expect(tell(seen)).toBe(`${first}, ${NO_TOOLKIT}`);
    expect(seen.gpus.map(({ name, uuid }) => [name, uuid])).toEqual([
      ["NVIDIA X1", undefined],
      ["NVIDIA X1 MIG 1g.10gb", undefined],
    ]);
  });

  test("tells version and GPUs of the runtime API, and the versions of libraries that are there", async () => {
    const folder = makeFolder({
      "libcuda.so.1": [],
      "libcudart.so.12": ["RUNTIME=0"],
      "libcublas.so.12": ["LIBRARY=0"],
      "libcudnn.so.9": ["LIBRARY=90305"],
    });
    const { layers } = await askWithToolkit(folder);
    const said = `CUDA runtime 12.4 ("${folder}/libcudart.so.12"), counts 2, allocates memory`;
    expect(layers.slice(-2).map(({ detail }) => detail)).toEqual([
      said,
      `cuBLAS 12.11.10 ("${folder}/libcublas.so.12"), cuDNN 9.3.5 ("${folder}/libcudnn.so.9")`,
    ]);
  });

  test("never loads the library in the asking process, and no variable of the caller reaches the child", async () => {
    const folder = makeFolder({ "libcuda.so.1": [] });
    process.env["CUDA_VISIBLE_DEVICES"] = "";
    const script = join(folder, "prints-environment.sh");
    const step = `{"layer":{"id":"library","state":"failed","detail":"%s"}}`;
    writeFileSync(script, `printf '${step}\\n' "$(env | cut -d= -f1 | sort | tr '\\n' ' ')"\n`);
    const { layers } = await probeByChild(["sh", script], LONG_MS, { A: "b" });
    delete process.env["CUDA_VISIBLE_DEVICES"];
    expect(layers[0]?.detail).not.toContain("CUDA");
    expect(layers[0]?.detail).toContain("A PATH");
    await ask(folder);
    expect(readFileSync("/proc/self/maps", "utf8")).not.toContain(folder);
  });

  test.skipIf(!isRoot)("finds the library inside another root by that root's own folders (needs root)", async () => {
    const root = makeFolder({});
    mkdirSync(join(root, "usr/lib64"), { recursive: true });
    const folder = makeFolder({ "libcuda.so.1": [] });
    writeFileSync(join(root, "usr/lib64/libcuda.so.1"), readFileSync(join(folder, "libcuda.so.1")));
    expect((await probeByChild([...CHILD, root], LONG_MS, {})).layers[0]?.detail).toBe('"/usr/lib64/libcuda.so.1"');
  });
});

describe("the layer that fails is the last one, with what CUDA answered", () => {
  const wrong: readonly [string, readonly string[], string, string | undefined][] = [
    ["an unknown error", ["FAIL_INIT=999"], "library good, init failed: cuInit: CUDA_ERROR_UNKNOWN (999)", "CUDA_ERROR_UNKNOWN (999)"],
    ["an error that only the library knows", ["FAIL_INIT=777"], "library good, init failed: cuInit: CUDA_ERROR_OF_TOMORROW (777)", "CUDA_ERROR_OF_TOMORROW (777)"],
    ["an error that nobody knows", ["FAIL_INIT=998"], "library good, init failed: cuInit: error 998", "error 998"],
    ["no GPU", ["COUNT=0"], "library good, init good, devices failed: CUDA counts no GPU", undefined],
    [
      "a GPU without a context",
      ["FAIL_CONTEXT=46"],
      "library good, init good, devices good, context failed: GPU 1, NVIDIA X1 MIG 1g.10gb, MIG-292a2b2c-2d2e-2f30-3132-333435363738: cuDevicePrimaryCtxRetain: CUDA_ERROR_DEVICE_UNAVAILABLE (46)",
      "CUDA_ERROR_DEVICE_UNAVAILABLE (46)",
    ],
    ["memory that changes", ["SPOILT"], "memory failed: GPU 0, NVIDIA X1, GPU-28292a2b-2c2d-2e2f-3031-323334353637: other bytes came back than were written", undefined],
  ]; // prettier-ignore
  test.each(wrong)("%s", async (_, macros, told, code) => {
    const seen = await probe(macros);
    expect(tell(seen)).toContain(told);
    expect(seen.layers.at(-1)).toMatchObject({ state: "failed", code });
  });

  test("no library", async () => {
    const failed = failedLayer(await ask(makeFolder({})));
    expect(failed?.detail).toBe(
      '"libcuda.so.1" cannot be loaded: cannot open shared object file: No such file or directory',
    );
  });

  test("a file that is no library, and a library that is not the driver's", async () => {
    const folder = makeFolder({});
    writeFileSync(join(folder, "libcuda.so.1"), "text");
    expect(failedLayer(await ask(folder))?.detail).toMatch(/^"libcuda.so.1" cannot be loaded: .+/);
    expect(tell(await probe(["RUNTIME=0"]))).toBe(
      'library failed: "libcuda.so.1" has no function cuInit: it is not the driver\'s',
    );
  });

  test("a runtime that is too new for the driver", async () => {
    const seen = await askWithToolkit(makeFolder({ "libcuda.so.1": [], "libcudart.so.13": ["RUNTIME=35"] }));
    expect(failedLayer(seen)).toMatchObject({ id: "runtime", code: "cudaErrorInsufficientDriver (35)" });
  });

  test("a library of the toolkit that cannot be loaded", async () => {
    const folder = makeFolder({ "libcuda.so.1": [], "libcudart.so.12": ["RUNTIME=0"] });
    writeFileSync(join(folder, "libcublas.so.12"), "text");
    expect(failedLayer(await askWithToolkit(folder))).toMatchObject({
      id: "libraries",
      detail: expect.stringContaining("cublas"),
    });
  });
});

describe("a driver that does not come back", () => {
  test.each([
    ["init", "HANG_INIT=1"],
    ["context", "HANG_CONTEXT=1"],
  ])("at %s is left alone at the deadline, and the layer is named", async (id, macro) => {
    const failed = failedLayer(await probe([macro], {}, 1500));
    expect(failed).toMatchObject({ id, detail: "the driver has not answered within 1.5 seconds", code: "no answer" });
  });

  test.each([
    ["init", "CRASH_INIT=1"],
    ["context", "CRASH_CONTEXT=1"],
  ])("at %s since its library crashes is named, too", async (id, macro) => {
    const failed = failedLayer(await probe([macro]));
    expect(failed).toMatchObject({
      id,
      detail: expect.stringMatching(/^the process that tried it (was ended by SIG|ended with)/),
    });
  });

  test("but prints is listened to all the same", async () => {
    expect(failedLayer(await probe(["CHATTER"]))).toBeUndefined();
  });
});

test("a program that cannot be started is the first layer's failure", async () => {
  const seen = await probeCuda({ executable: join(work, "missing"), deadlineMs: LONG_MS });
  expect(failedLayer(seen)).toMatchObject({ id: "library", detail: expect.stringContaining("cannot be started") });
});

test("with a C library that was brought along, the root's own is told", async () => {
  const folder = makeFolder({ "libcuda.so.1": [] });
  const seen = await probeByChild([...CHILD, "foreign"], LONG_MS, { LD_LIBRARY_PATH: folder });
  expect(seen.libc).toBe("glibc");
  expect(seen.layers[0]?.detail).toBe(`"${folder}/libcuda.so.1"`);
});
