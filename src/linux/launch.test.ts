import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildNative } from "../../scripts/native.ts";
import { buildTools, rawBytes, readReport, startStaged, type Start, type Tools } from "./launch-probe.test-helper.ts";
import { patchLauncher } from "./launcher-slots.ts";

const hasCompiler = Bun.which("gcc") !== null && existsSync("/proc/self/fd");
if (!hasCompiler) console.error("skipped: what a program sees behind the launcher (no gcc here)");

/** Starts the program argv[1] with the arguments from there on, as the runtime door starts the low-level runtime. */
const BERTH = `
import { execRestored, argText, readLaunchRecord } from ${JSON.stringify(join(import.meta.dir, "launch.ts"))};
import { writeSync } from "node:fs";
const record = readLaunchRecord();
if (process.env["FROM_DOTENV"] !== undefined) writeSync(2, "a .env was read");
if (record === undefined) throw new Error("no record");
execRestored(record, argText(record.argv[1] ?? new Uint8Array()), record.argv.slice(1));
`;

let folder = "";
let tools: Tools = { stage: "", probe: "", preload: "" };
let berth = "";
let launcherBytes: Uint8Array = new Uint8Array();

function launcher(name: string, slots: Parameters<typeof patchLauncher>[1] = { executable: berth }): string {
  const path = join(mkdtempSync(join(folder, "bin-")), name);
  writeFileSync(path, patchLauncher(launcherBytes, slots), { mode: 0o755 });
  return path;
}

async function compileBerth(): Promise<string> {
  const source = join(folder, "berth.ts");
  const outfile = join(folder, "berth");
  writeFileSync(source, BERTH);
  await Bun.build({
    entrypoints: [source],
    target: "bun",
    format: "esm",
    minify: true,
    bytecode: true,
    splitting: true,
    compile: {
      outfile,
      jitPolicy: 100,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  return outfile;
}

beforeAll(async () => {
  if (!hasCompiler) return;
  folder = mkdtempSync(join(tmpdir(), "berth-launch-"));
  tools = buildTools(folder);
  const target = process.arch === "arm64" ? "arm64" : "x64";
  const native = join(import.meta.dir, "../../build/native", target);
  buildNative({ target, outDir: native });
  launcherBytes = readFileSync(join(native, "launcher"));
  berth = await compileBerth();
}, 60_000);

afterAll(() => {
  if (folder !== "") rmSync(folder, { recursive: true });
});

type Scene = Omit<Start, "program" | "argv"> & { readonly words?: readonly Uint8Array[] };

/** What the probe sees when the engine starts it itself. */
function probeDirectly(scene: Scene): readonly string[] {
  const report = join(mkdtempSync(join(folder, "direct-")), "report");
  const argv = [rawBytes(tools.probe), rawBytes(report), ...(scene.words ?? [])];
  return probe({ ...scene, program: tools.probe, argv }, report);
}

/** What the probe sees when the engine starts the launcher, and berth starts the probe. */
function probeBehindBerth(scene: Scene): readonly string[] {
  const report = join(mkdtempSync(join(folder, "behind-")), "report");
  const program = launcher("nvidia-container-runtime");
  const argv = [rawBytes(program), rawBytes(tools.probe), rawBytes(report), ...(scene.words ?? [])];
  return probe({ ...scene, program, argv }, report);
}

function probe(start: Start, report: string): readonly string[] {
  const result = startStaged(tools.stage, join(report, ".."), start);
  const said = Buffer.from(result.stderr).toString();
  if (result.exitCode !== 0 || said !== "")
    throw new Error(`status ${result.exitCode} ${result.signal ?? ""}: ${said}`);
  return readReport(report).filter((line) => !line.includes("/report"));
}

function sequence(count: number, text: (index: number) => string): readonly string[] {
  return Array.from({ length: count }, (_, index) => text(index));
}

const scenes: readonly (readonly [string, Scene, readonly RegExp[]])[] = [
  ["a plain start", {}, [/^descriptor 0 /]],
  [
    "ignored and blocked signals",
    { steps: ["ignore=1", "ignore=13", "ignore=17", "ignore=35", "block=10", "block=15", "block=17", "block=64"] },
    [/SigIgn:\s0000000400011001$/, /SigBlk:\s8000000000014200$/],
  ],
  [
    "all signals blocked, as crun starts hooks",
    { steps: sequence(64, (index) => `block=${index + 1}`) },
    [/SigBlk:\sfffffffffffbfeff$/, /SigIgn:\s0000000000000000$/],
  ],
  ["a soft limit below the hard one", { steps: ["nofile=1024:4096"] }, [/Max open files\s+1024\s+4096/]],
  ["a very low limit on open files", { steps: ["nofile=32:32"] }, [/Max open files\s+32\s+32/]],
  ["descriptors with gaps", { steps: ["open=3", "open=4", "open=6", "open=7"] }, [/^descriptor 4 .memfd:fd4 /]],
  ["descriptor 3 closed and others open", { steps: ["open=5", "open=900"] }, [/^descriptor 900 /]],
  ["descriptors above the soft limit", { steps: ["open=900", "nofile=64:4096"] }, [/^descriptor 900 /]],
  ["closed standard input", { steps: ["close=0"] }, [/^descriptor 1 /]],
  ["no standard descriptors at all", { steps: ["close=0", "close=1", "close=2"] }, [/^umask/]],
  [
    "a thousand descriptors",
    { steps: ["nofile=4096:4096", ...sequence(1000, (index) => `open=${index + 1000}`)] },
    [/^descriptor 1999 /],
  ],
  ["another umask", { steps: ["umask=027"] }, [/^umask 27$/]],
  [
    "bytes that are no UTF-8, empty words and words with newlines",
    {
      words: ["\xff\xfe", "", "a\nnofile 1 1\n\nb", "--preload", "create", "\xc3("].map(rawBytes),
      env: ["A=\xff\xfe", "A=twice", "", "no equals sign", "=x", "LINE=1\n\nconfig /x", "E=\xe2\x82"].map(rawBytes),
    },
    [/^argument \\ff\\fe$/, /^variable A=\\ff\\fe$/, /^variable no\\20equals/],
  ],
  [
    "a megabyte of environment",
    {
      env: [
        ...sequence(9000, (index) => `V${index}=${"x".repeat(20)}`),
        ...sequence(8, (index) => `L${index}=${"y".repeat(100_000)}`),
      ].map(rawBytes),
    },
    [/^variable V8999=/, /^variable L7=y+$/],
  ],
  [
    "variables of another launch",
    { env: ["BERTH_LAUNCH=1", "BERTH_LAUNCH=99"].map(rawBytes) },
    [/^variable BERTH_LAUNCH=99$/],
  ],
];

describe.skipIf(!hasCompiler)("behind the launcher and berth", () => {
  test.each(scenes)(
    "a program sees the same as without them: %s",
    (_, scene, proofs) => {
      const direct = probeDirectly(scene);
      for (const proof of proofs) expect(direct.some((line) => proof.test(line))).toBe(true);
      expect(probeBehindBerth(scene)).toEqual([...direct]);
    },
    20_000,
  );
});

/** A folder whose files Bun would run or read, and variables that it or the dynamic loader would obey; the marks tell whether they did. */
function hostileScene(): { cwd: string; env: Record<string, string>; marks: () => string[] } {
  const cwd = mkdtempSync(join(folder, "hostile-"));
  const marks = ["mark-options", "mark-bunfig", "mark-preload"].map((name) => join(folder, name));
  for (const name of ["options", "bunfig"]) {
    const mark = JSON.stringify(join(folder, `mark-${name}`));
    writeFileSync(join(cwd, `${name}.ts`), `require("node:fs").writeFileSync(${mark}, "");`);
  }
  writeFileSync(join(cwd, "bunfig.toml"), `preload = ["./bunfig.ts"]\n`);
  writeFileSync(join(cwd, ".env"), "FROM_DOTENV=1\n");
  for (const mark of marks) rmSync(mark, { force: true });
  const env = { BUN_OPTIONS: `--preload ${join(cwd, "options.ts")}`, LD_PRELOAD: tools.preload };
  return { cwd, env, marks: () => marks.filter((mark) => existsSync(mark)) };
}

function variables(env: Readonly<Record<string, string>>): readonly Uint8Array[] {
  return Object.entries(env).map(([name, value]) => rawBytes(`${name}=${value}`));
}

describe.skipIf(!hasCompiler)("in a hostile folder with a hostile environment", () => {
  test("berth without its launcher would run foreign code, so that the next test can fail", () => {
    const { cwd, env, marks } = hostileScene();
    startStaged(tools.stage, cwd, { program: berth, argv: [rawBytes("berth")], env: variables(env), cwd });
    expect(marks().map((mark) => mark.split("/").at(-1))).toEqual(["mark-options", "mark-preload"]);
  });

  const others = {
    BUN_BE_BUN: "1",
    BUN_INSPECT: "127.0.0.1:9",
    BUN_JSC_useJIT: "0",
    GLIBC_TUNABLES: "x",
    NODE_OPTIONS: "-x",
  };
  test.each([{}, others])(
    "behind the launcher nothing of it runs, and the program gets its environment whole: %p",
    (more) => {
      const { cwd, env, marks } = hostileScene();
      const scene = { cwd, env: variables({ ...env, ...more }) };
      const direct = probeDirectly(scene);
      expect(direct.some((line) => line.startsWith("variable BUN_OPTIONS=--preload"))).toBe(true);
      expect(probeBehindBerth(scene)).toEqual([...direct]);
      expect(marks()).toEqual([]);
    },
  );
});
