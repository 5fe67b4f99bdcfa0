/**
 * What berth adds to plain runc: whole processes, medians over interleaved rounds in shuffled order, each `create` on a fresh
 * overlay over the image as an engine would have it. It prints, and never fails on a time.
 *
 *     npm run bench -- --runs 30 --peer /usr/bin/nvidia-container-runtime
 *     npm run bench -- leases --runs 30      of choosing and keeping GPUs: bench/leases.ts
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { injectCdi } from "../src/apply/index.ts";
import { formatJson, formatTable, isJsonObject, parseJson, printErr, printOut, runProgram } from "../src/base/index.ts";
import { combineEdits, parseCdiSpec, type CdiEdits } from "../src/cdi/index.ts";
import { splitDeviceNumber } from "../src/linux/index.ts";
import { makeImage, makeSpec, must } from "./image.ts";
import { median, shuffle } from "./measure.ts";

interface Options {
  readonly runs: number;
  readonly peer: string | undefined;
}

/** One thing to time: `prepare` and `clean` are not counted. */
interface Case {
  readonly name: string;
  readonly base: string | undefined;
  readonly budget: string;
  readonly prepare: () => void;
  readonly argv: readonly string[];
  readonly clean: () => void;
}

const work = mkdtempSync(join(tmpdir(), "berth-bench-"));
const state = join(work, "state");
const host = join(work, "host");
const shim = join(host, "bin/nvidia-container-runtime");
/** 16 GPUs with 7 MIG devices each. */
const migHost = join(work, "mig-host");
const migShim = join(migHost, "bin/nvidia-container-runtime");

function readOptions(args: readonly string[]): Options {
  const value = (flag: string) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
  const runs = value("--runs") ?? "30";
  if (!/^[1-9]\d{0,3}$/.test(runs)) throw new RangeError(`--runs takes a number from 1 on, not "${runs}"`);
  return { runs: Number(runs), peer: value("--peer") };
}

/** Times one process from its start to its end; its output is kept only for the message when it fails. */
function time(argv: readonly string[]): number {
  const log = join(work, "output");
  const start = performance.now();
  const child = Bun.spawnSync([...argv], { stdin: "ignore", stdout: Bun.file(log), stderr: Bun.file(`${log}.err`) });
  const ms = performance.now() - start;
  if (child.exitCode !== 0)
    throw new Error(`"${argv.join(" ")}" ended with ${child.exitCode}: ${must(["cat", `${log}.err`])}`);
  return ms;
}

/** A case that creates a container with `runtime` on a fresh overlay over `image`. */
function createCase(options: {
  name: string;
  base?: string;
  budget?: string;
  runtime: string;
  image: string;
  devices?: string;
  capabilities?: string;
  /** A config.json in place of the one that is made. */
  spec?: string;
}): Case {
  const key = options.name.replace(/\W+/g, "-");
  const bundle = join(work, key);
  const rootfs = join(bundle, "rootfs");
  return {
    name: options.name,
    base: options.base,
    budget: options.budget ?? "",
    prepare: () => {
      for (const folder of ["upper", "overlay", "rootfs"]) mkdirSync(join(bundle, folder), { recursive: true });
      const layers = `lowerdir=${options.image},upperdir=${join(bundle, "upper")},workdir=${join(bundle, "overlay")}`;
      must(["mount", "-t", "overlay", "overlay", "-o", layers, rootfs]);
      writeFileSync(join(bundle, "config.json"), options.spec ?? makeSpec(options.devices, key, options.capabilities));
    },
    argv: [options.runtime, "--root", state, "create", "--bundle", bundle, key],
    clean: () => {
      must(["runc", "--root", state, "delete", "--force", key]);
      must(["umount", rootfs]);
      rmSync(bundle, { recursive: true, force: true });
    },
  };
}

const nothing = (): void => undefined;

function makeCases(options: Options): Case[] {
  const image = join(work, "image");
  const large = join(work, "image-3000");
  const cases = [
    createCase({ name: "runc create", runtime: "runc", image }),
    createCase({ name: "create, no GPU asked for", base: "runc create", budget: "8", runtime: shim, image }),
    createCase({ name: "create, 1 GPU", base: "runc create", budget: "15", runtime: shim, image, devices: "0" }),
    createCase({ name: "create, 8 GPUs", base: "runc create", budget: "15", runtime: shim, image, devices: "all" }),
    createCase({
      name: "create, 8 GPUs, all capabilities",
      base: "runc create",
      budget: "22",
      runtime: shim,
      image,
      devices: "all",
      capabilities: "all",
    }),
    ...migCases(image),
    createCase({ name: "runc create, 3,000 libraries", runtime: "runc", image: large }),
    createCase({
      name: "create, 8 GPUs, 3,000 libraries",
      base: "runc create, 3,000 libraries",
      budget: "15",
      runtime: shim,
      image: large,
      devices: "all",
    }),
    {
      name: "runc state",
      base: undefined,
      budget: "",
      prepare: nothing,
      argv: ["runc", "--root", state, "state", "standing"],
      clean: nothing,
    },
    {
      name: "state",
      base: "runc state",
      budget: "1.5",
      prepare: nothing,
      argv: [shim, "--root", state, "state", "standing"],
      clean: nothing,
    },
    ...hookCases("", image, "runc create"),
    ...hookCases(", 3,000 libraries", large, "runc create, 3,000 libraries"),
    ...cdiCases("", image),
    ...cdiCases(", 3,000 libraries", large),
    {
      name: "cdi generate, 8 GPUs (whole command)",
      base: undefined,
      budget: "",
      prepare: nothing,
      argv: [join(host, "bin/berth"), "cdi", "generate"],
      clean: nothing,
    },
    {
      name: "host from nothing, 8 GPUs (whole command)",
      base: undefined,
      budget: "60",
      prepare: () => rmSync(join(host, "run/berth/host.json"), { force: true }),
      argv: [join(host, "bin/berth"), "--root", host, "host", "--no-learn", "--json"],
      clean: nothing,
    },
  ] satisfies Case[];
  if (options.peer === undefined) return cases;
  const peer = options.peer;
  return [
    ...cases,
    ...["none", "0", "all"].map((devices) =>
      createCase({
        name: `peer: create, NVIDIA_VISIBLE_DEVICES=${devices}`,
        base: "runc create",
        runtime: peer,
        image,
        devices,
      }),
    ),
  ];
}

/** One and all of 112 MIG devices; each against runc alone with the spec that berth makes of it, as nodes cost runc time, too. */
function migCases(image: string): Case[] {
  return [
    ["1 MIG device", "0:0"],
    ["112 MIG devices", "all"],
  ].flatMap(([what = "", devices = ""]) => {
    const base = `runc create, edited for ${what}`;
    const edited = editedSpec(image, devices);
    return [
      createCase({ name: base, runtime: "runc", image, spec: edited }),
      createCase({ name: `create, ${what} of 112`, base, runtime: migShim, image, devices }),
    ];
  });
}

/** What dockerd makes of `--gpus all`. */
function hookCases(name: string, image: string, base: string): Case[] {
  const spec = parseJson(Buffer.from(makeSpec("all", "hook", undefined)), "config.json");
  if (!isJsonObject(spec)) throw new TypeError("a spec is an object");
  const path = join(host, "bin/nvidia-container-runtime-hook");
  const hooks = { prestart: [{ path, args: [path, "prestart"], env: ["PATH=/usr/bin:/bin"] }] };
  const item = { name: `the prestart hook, 8 GPUs${name}`, base, budget: "40", runtime: "runc", image };
  return [createCase({ ...item, spec: formatJson({ ...spec, hooks }) })];
}

/** What an engine makes of `--device nvidia.com/gpu=all`, against the same without the hook. */
function cdiCases(name: string, image: string): Case[] {
  const file = join(work, "nvidia.json");
  must([join(host, "bin/berth"), "cdi", "generate", "--output", file]);
  const { containerEdits, devices } = parseCdiSpec(readFileSync(file), file);
  const all = devices.find((device) => device.name === "all");
  if (all === undefined) throw new RangeError("the CDI file has no device all");
  const edits = combineEdits([containerEdits, all.containerEdits]);
  const base = `runc create, CDI device all without its hook${name}`;
  return [
    createCase({ name: base, runtime: "runc", image, spec: injected({ ...edits, hooks: [] }) }),
    createCase({
      name: `the hook of a CDI file${name}`,
      base,
      budget: "12",
      runtime: "runc",
      image,
      spec: injected(edits),
    }),
  ];
}

function injected(edits: CdiEdits): string {
  const spec = parseJson(Buffer.from(makeSpec(undefined, "cdi", undefined)), "config.json");
  if (!isJsonObject(spec)) throw new TypeError("a spec is an object");
  const look = (path: string) => ({ type: "c", ...splitDeviceNumber(statSync(path).rdev) });
  return formatJson(injectCdi(spec, edits, look));
}

/** What berth makes of a spec. */
function editedSpec(image: string, devices: string): string {
  const item = createCase({ name: `edited ${devices}`, runtime: migShim, image, devices });
  item.prepare();
  time(item.argv);
  const spec = readFileSync(join(item.argv.at(-2) ?? "", "config.json"), "utf8");
  item.clean();
  return spec;
}

function measure(cases: readonly Case[], runs: number): Map<string, number[]> {
  const samples = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
  // The first round warms the page cache and is not counted.
  for (let round = 0; round <= runs; round += 1) {
    for (const item of shuffle(cases)) {
      item.prepare();
      const sample = time(item.argv);
      item.clean();
      if (round > 0) samples.get(item.name)?.push(sample);
    }
  }
  return samples;
}

function report(cases: readonly Case[], samples: ReadonlyMap<string, readonly number[]>): string {
  const ms = (name: string) => median(samples.get(name) ?? []);
  const rows = cases.map(({ name, base, budget }) => {
    const added = base === undefined ? "" : `+${(ms(name) - ms(base)).toFixed(1)}`;
    const ratio = base === undefined ? "" : (ms(name) / ms(base)).toFixed(2);
    return [name, ms(name).toFixed(1), added, ratio, budget];
  });
  return formatTable([["what", "median ms", "added ms", "ratio", "budget ms"], ...rows]);
}

/** Creates 64 containers at once; gives back how many failed. */
async function storm(): Promise<{ failed: number; ms: number }> {
  const cases = Array.from({ length: 64 }, (_, number) =>
    createCase({ name: `storm ${number}`, runtime: shim, image: join(work, "image"), devices: String(number % 8) }),
  );
  for (const item of cases) item.prepare();
  const start = performance.now();
  const codes = await Promise.all(
    cases.map(({ argv }) => Bun.spawn([...argv], { stdin: "ignore", stdout: "ignore", stderr: "ignore" }).exited),
  );
  const ms = performance.now() - start;
  for (const item of cases) item.clean();
  return { failed: codes.filter((code) => code !== 0).length, ms };
}

/** The most memory that one program took, from busybox's own `time`: this process is larger than any of them. */
function peakMiB(argv: readonly string[]): string {
  const log = join(work, "time");
  time(["busybox", "time", "-v", "-o", log, ...argv]);
  const kib = /Maximum resident set size \(kbytes\): (\d+)/.exec(readFileSync(log, "utf8"))?.[1];
  return kib === undefined ? "?" : (Number(kib) / 1024).toFixed(0);
}

/** Peak memory of one create, up to the low-level runtime's own end. */
function reportMemory(): string {
  const image = join(work, "image");
  const rows = [
    createCase({ name: "memory of runc create", runtime: "runc", image }),
    createCase({ name: "memory of create, 8 GPUs", runtime: shim, image, devices: "all" }),
  ].map((item) => {
    item.prepare();
    const peak = peakMiB(item.argv);
    item.clean();
    return [item.name, peak];
  });
  return formatTable([["what", "peak MiB"], ...rows]);
}

async function bench(options: Options): Promise<void> {
  // As an engine's: bundles lie in /run, which is memory.
  must(["mount", "-t", "tmpfs", "berth-bench", work]);
  makeImage(join(work, "image"), 0);
  makeImage(join(work, "image-3000"), 3000);
  must([join(import.meta.dir, "../dist/bin/berth"), "sim", "up", host, "--profile", "h100x8"]);
  must([join(import.meta.dir, "../dist/bin/berth"), "sim", "up", migHost, "--profile", "a100x16-mig112"]);
  // MIG devices have numbers only once the driver told them.
  must([join(migHost, "bin/berth"), "host"]);
  const standing = createCase({ name: "standing", runtime: "runc", image: join(work, "image") });
  standing.prepare();
  time(standing.argv);
  try {
    const cases = makeCases(options);
    printOut(`Medians of ${options.runs} interleaved runs.\n\n${report(cases, measure(cases, options.runs))}`);
    const { failed, ms } = await storm();
    printOut(`\n${reportMemory()}\n64 creates at once: ${failed} failed, ${ms.toFixed(0)} ms in all\n`);
  } finally {
    standing.clean();
  }
}

if (process.getuid?.() !== 0 || Bun.which("runc") === null || Bun.which("busybox") === null) {
  printErr("The benchmark starts containers: it needs root, runc and busybox-static.\n");
  process.exitCode = 1;
} else {
  try {
    await bench(readOptions(process.argv.slice(2)));
  } finally {
    runProgram(["umount", "-l", work], {});
    rmSync(work, { recursive: true, force: true });
  }
}
