import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argText, parseLaunchRecord, readEnv, type LaunchRecord } from "./launch.ts";
import {
  buildTools,
  hasCompiler,
  makeLauncher,
  rawBytes,
  readReport,
  startStaged,
  type Start,
  type Tools,
} from "./launch-probe.test-helper.ts";

if (!hasCompiler) console.error("skipped: what a program sees behind the launcher (no gcc here)");

/**
 * Starts the program argv[1] with the arguments from there on, as the runtime door starts the low-level runtime. What it
 * does before stands for any work that opens files and handles signals.
 */
const BERTH = `
import { execRestored, argText, readLaunchRecord } from ${JSON.stringify(join(import.meta.dir, "launch.ts"))};
import { trySyscall } from ${JSON.stringify(join(import.meta.dir, "sys.ts"))};
import { openSync, writeSync } from "node:fs";
const record = readLaunchRecord();
if (record === undefined) throw new Error("no record");
if (readLaunchRecord() !== record || process.env["BERTH_LAUNCH"] !== undefined) throw new Error("the record is not taken");
if (process.env["FROM_DOTENV"] !== undefined) writeSync(2, "a .env was read");
trySyscall("fcntl", openSync("/dev/zero", "r"), 2, 0);
process.on("SIGUSR2", () => {});
Bun.spawnSync(["/bin/true"]);
execRestored(record, argText(record.argv[1] ?? new Uint8Array()), record.argv.slice(1));
`;

let folder = "";
let tools: Tools = { stage: "", probe: "", tell: "", preload: "" };
let berth = "";
let launcher = "";

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
  berth = await compileBerth();
  launcher = makeLauncher(folder, "nvidia-container-runtime", { executable: berth });
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
  const argv = [rawBytes(launcher), rawBytes(tools.probe), rawBytes(report), ...(scene.words ?? [])];
  return probe({ ...scene, program: launcher, argv }, report);
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
    {
      steps: [
        "ignore=1",
        "ignore=13",
        "ignore=12",
        "ignore=17",
        "ignore=35",
        "block=10",
        "block=15",
        "block=17",
        "block=64",
      ],
    },
    [/SigIgn:\s0000000400011801$/, /SigBlk:\s8000000000014200$/],
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
    GLIBC_TUNABLES: "glibc.malloc.check=0",
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

describe.skipIf(!hasCompiler)("what cannot be started", () => {
  test("is an error with a code, and the program that stands there is not run half restored", () => {
    const missing = join(folder, "missing");
    const argv = [rawBytes(launcher), rawBytes(missing)];
    const result = startStaged(tools.stage, folder, { program: launcher, argv });
    expect(result.exitCode).toBe(1);
    expect(Buffer.from(result.stderr).toString()).toContain(`Cannot start "${missing}": ENOENT`);
  });

  test("without a launcher there is no record, and with a number that is none, an error", () => {
    const alone = startStaged(tools.stage, folder, { program: berth, argv: [rawBytes(berth)] });
    expect(Buffer.from(alone.stderr).toString()).toContain("no record");
    for (const value of ["2", "99", "-1", "x", ""]) {
      const env = [rawBytes(`BERTH_LAUNCH=${value}`)];
      const forged = startStaged(tools.stage, folder, { program: berth, argv: [rawBytes(berth)], env });
      expect(Buffer.from(forged.stderr).toString()).toContain(`"BERTH_LAUNCH=${value}" names no launch record`);
    }
  });
});

function formatRecord(record: LaunchRecord): Buffer {
  const { nofile, ignoredSignals, blockedSignals, openDescriptors, argv } = record;
  const descriptors = ["descriptors", ...openDescriptors].join(" ");
  const header = `berth-launch 1\nnofile ${nofile.soft} ${nofile.hard}\nignored ${ignoredSignals}\nblocked ${blockedSignals}\n${descriptors}\narguments ${argv.length}\n\n`;
  const names = [record.program, record.config ?? "", record.state ?? ""].map((text) => Buffer.from(text));
  const strings = [...names, ...argv, ...record.env].flatMap((bytes) => [bytes, Buffer.of(0)]);
  return Buffer.concat([Buffer.from(header), ...strings]);
}

const string = fc.uint8Array({ min: 1 });
const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const path = fc.option(fc.stringMatching(/^\/[a-z ]{1,20}$/), { nil: undefined });
const anyRecord = fc.record({
  program: fc.stringMatching(/^[a-z.\n-]*$/),
  argv: fc.array(string),
  env: fc.array(string),
  nofile: fc.record({ soft: word, hard: word }),
  ignoredSignals: word,
  blockedSignals: word,
  openDescriptors: fc.array(fc.nat()),
  config: path,
  state: path,
});

describe("a launch record", () => {
  test("is read as it was written, whatever bytes are in it", () => {
    const plain = (list: readonly Uint8Array[]): readonly (readonly number[])[] => list.map((bytes) => [...bytes]);
    fc.assert(
      fc.property(anyRecord, (record) => {
        const read = parseLaunchRecord(formatRecord(record));
        expect({ ...read, argv: plain(read.argv), env: plain(read.env) }).toEqual({
          ...record,
          argv: plain(record.argv),
          env: plain(record.env),
        });
      }),
    );
  });

  test("that is cut off within its numbers or arguments is an error", () => {
    const whole = formatRecord({
      program: "berth",
      argv: ["berth", "x"].map(rawBytes),
      env: [],
      nofile: { soft: 1n, hard: 2n },
      ignoredSignals: 0n,
      blockedSignals: 0n,
      openDescriptors: [0],
      config: undefined,
      state: undefined,
    });
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => parseLaunchRecord(whole.subarray(0, length))).toThrow("Cannot tell how berth was started");
    }
    expect(parseLaunchRecord(whole).argv.map(argText)).toEqual(["berth", "x"]);
  });

  test("gives the first of several variables of one name, as getenv does", () => {
    const env = ["PATHS=/x", "PATH=/a=b", "PATH=/c", "EMPTY="].map(rawBytes);
    const record = parseLaunchRecord(
      formatRecord({
        program: "",
        argv: [],
        env,
        nofile: { soft: 0n, hard: 0n },
        ignoredSignals: 0n,
        blockedSignals: 0n,
        openDescriptors: [],
        config: "/c",
        state: undefined,
      }),
    );
    expect(["PATH", "EMPTY", "PAT"].map((name) => readEnv(record, name))).toEqual(["/a=b", "", undefined]);
  });
});
