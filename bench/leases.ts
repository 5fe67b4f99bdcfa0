/**
 * What choosing and keeping GPUs costs: picks, transactions, a crowd of processes, whole commands. Medians over interleaved rounds in shuffled order. It prints, and fails only where one
 * GPU is given to two.
 *
 *     npm run bench -- leases --runs 30 --processes 100 --takes 20
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatTable, printErr, printOut } from "../src/base/index.ts";
import { bestSet } from "../src/leases/best-set.ts";
import { LeaseStore } from "../src/leases/index.ts";
import { must } from "./image.ts";
import { askFor, lookAtIdle, makePool, openStoreWith } from "./lease-pool.ts";
import type { Contention } from "./lease-worker.ts";
import { median, quantile, shuffle, timeCall } from "./measure.ts";

interface Options {
  readonly runs: number;
  readonly processes: number;
  readonly takes: number;
}

/** One thing to time, in milliseconds. */
interface Case {
  readonly name: string;
  readonly base?: string;
  readonly budget?: string;
  readonly time: () => number;
}

const work = mkdtempSync(join(tmpdir(), "berth-bench-leases-"));
const worker = join(work, "built/lease-worker.js");

function readOptions(args: readonly string[]): Options {
  const value = (flag: string, preset: number): number => {
    const text = args.includes(flag) ? args[args.indexOf(flag) + 1] : `${preset}`;
    if (text === undefined || !/^[1-9]\d{0,3}$/.test(text))
      throw new RangeError(`${flag} takes a number from 1 on, not "${text}"`);
    return Number(text);
  };
  return { runs: value("--runs", 30), processes: value("--processes", 100), takes: value("--takes", 20) };
}

/** The first round is not counted. */
function measure(cases: readonly Case[], runs: number): string {
  const samples = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
  for (let round = 0; round <= runs; round += 1) {
    for (const { name, time } of shuffle(cases)) {
      const ms = time();
      if (round > 0) samples.get(name)?.push(ms);
    }
  }
  const ms = (name: string): number => median(samples.get(name) ?? []);
  const rows = cases.map(({ name, base, budget = "" }) => {
    const ratio = base === undefined ? "" : (ms(name) / ms(base)).toFixed(2);
    return [name, ms(name).toFixed(2), Math.max(...(samples.get(name) ?? [])).toFixed(2), ratio, budget];
  });
  return formatTable([["what", "median ms", "most ms", "ratio", "budget ms"], ...rows]);
}

/** Choosing alone: of all sizes the one that takes longest. */
function pickCases(): Case[] {
  return [8, 16].map((count) => {
    const { links } = makePool(count);
    const places = links.map((_, place) => place);
    const sizes = places.slice(1);
    return {
      name: `best set of ${count}, worst size`,
      time: () => Math.max(...sizes.map((size) => timeCall(() => bestSet(links, places, size)))),
    };
  });
}

/** Nothing is warm in a process that has just started, and that is what each start of a container is. */
function coldCases(): Case[] {
  return [
    [8, 2],
    [16, 1],
    [16, 2],
    [16, 8],
  ].map(([count, size]) => ({
    name: `best ${size} of ${count}, the first in its process`,
    budget: "5",
    time: () => Number(must([process.execPath, worker, "pick", `${count}`, `${size}`])),
  }));
}

/** One process, nobody beside it. */
function storeCases(count: number, waiting: number, free = count): Case[] {
  const pool = makePool(count);
  const folder = join(work, `store-${count}-${waiting}-${free}`);
  const store = openStoreWith(folder, pool, count - free, waiting);
  const lookAt = lookAtIdle(pool);
  if (waiting > 0) {
    return [
      {
        name: `ask for 2 of ${count} of which ${free} are free, behind ${waiting} who wait`,
        base: `take 2 of ${count}`,
        budget: "5",
        time: () => timeCall(() => store.take(askFor("any:2"), pool, lookAt)),
      },
    ];
  }
  return [
    {
      name: `take 2 of ${count}`,
      budget: "5",
      time: () => {
        let end = (): void => undefined;
        const ms = timeCall(() => {
          const { lease } = store.take(askFor("any:2"), pool, lookAt);
          end = () => void (lease && store.release(lease.id, lease.generation, lookAt));
        });
        end();
        return ms;
      },
    },
    {
      name: `release 2 of ${count}`,
      budget: "5",
      time: () => {
        const { lease } = store.take(askFor("any:2"), pool, lookAt);
        return timeCall(() => lease && store.release(lease.id, lease.generation, lookAt));
      },
    },
    {
      name: `open the store of ${count}, and close it`,
      time: () => timeCall(() => LeaseStore.open(folder)[Symbol.dispose]()),
    },
  ];
}

/** As many processes as are asked for, each with the store open, all at once. */
async function crowd(count: number, { processes, takes }: Options): Promise<{ table: string; doubled: number }> {
  const folder = join(work, `crowd-${count}`);
  mkdirSync(folder);
  LeaseStore.open(join(folder, "leases"))[Symbol.dispose]();
  const words = [process.execPath, worker, "contend", folder, `${count}`, `${takes}`];
  const children = Array.from({ length: processes }, () =>
    Bun.spawn(words, { stdin: "pipe", stdout: "pipe", stderr: "inherit" }),
  );
  const outputs = children.map((child) => child.stdout.getReader());
  const decoder = new TextDecoder();
  await Promise.all(outputs.map((output) => output.read()));
  const start = performance.now();
  for (const { stdin } of children) {
    await stdin.write("g");
    await stdin.end();
  }
  const results = await Promise.all(
    outputs.map(async (output): Promise<Contention> => {
      let text = "";
      for (let part = await output.read(); !part.done; part = await output.read()) text += decoder.decode(part.value);
      return JSON.parse(text);
    }),
  );
  const ms = performance.now() - start;
  await Promise.all(children.map((child) => child.exited));
  return { table: reportCrowd(count, results, ms), doubled: results.reduce((sum, each) => sum + each.doubled, 0) };
}

function reportCrowd(count: number, results: readonly Contention[], ms: number): string {
  const takes = results.flatMap((each) => each.takes);
  const releases = results.flatMap((each) => each.releases);
  const cpu = results.flatMap((each) => each.work);
  const granted = results.reduce((sum, each) => sum + each.granted, 0);
  const row = (name: string, all: readonly number[]): string[] => [
    name,
    ...[median(all), quantile(all, 0.95), Math.max(...all)].map((value) => value.toFixed(1)),
  ];
  const table = formatTable([
    [`${results.length} processes, 2 of ${count}`, "median ms", "95 % below", "most ms"],
    row("a take, waiting for its turn included", takes),
    row("a take, what the processor worked for it", cpu),
    row("a release, waiting for its turn included", releases),
  ]);
  const each = (ms / (takes.length + releases.length)).toFixed(2);
  return `${table}${takes.length} takes, ${granted} granted, in ${ms.toFixed(0)} ms: one transaction in ${each} ms\n`;
}

/** Whole commands against a program of Bun that does nothing. */
async function commandCases(): Promise<Case[]> {
  const host = join(work, "host");
  must([join(import.meta.dir, "../dist/bin/berth"), "sim", "up", host, "--profile", "h100x8"]);
  const berth = [join(import.meta.dir, "../dist/bin/berth"), "--root", host];
  const empty = join(work, "empty");
  await Bun.write(join(work, "empty.ts"), "export {};\n");
  await Bun.build({
    entrypoints: [join(work, "empty.ts")],
    target: "bun",
    bytecode: true,
    compile: { outfile: empty },
  });
  // As its own loader finds its libraries: below its root.
  const loader = "lib64/ld-linux-x86-64.so.2";
  mkdirSync(join(host, "lib64"), { recursive: true });
  cpSync(join("/", loader), join(host, loader), { dereference: true });
  const smi = "nvidia-smi of the simulated host";
  const command = (argv: readonly string[]) => () => timeCall(() => must(argv));
  const take = [...berth, "lease", "take", "-g", "any:2", "--unchecked", "--owner-pid"];
  // Its lease ends with its owner, which has ended before the next one is taken.
  const owned = (): number => {
    const owner = Bun.spawn(["sleep", "600"]);
    const ms = timeCall(() => must([...take, `${owner.pid}`]));
    must(["kill", "-9", `${owner.pid}`]);
    return ms;
  };
  return [
    { name: "an empty program of Bun", time: command([empty]) },
    { name: "berth version", base: "an empty program of Bun", time: command([...berth.slice(0, 1), "version"]) },
    { name: "berth lease take --unchecked", base: "an empty program of Bun", time: owned },
    { name: "berth lease ls", base: "an empty program of Bun", time: command([...berth, "lease", "ls"]) },
    { name: smi, time: command(["chroot", host, "nvidia-smi"]) },
    { name: "berth gpus", base: smi, time: command([...berth, "gpus"]) },
  ];
}

async function bench(options: Options): Promise<boolean> {
  await Bun.build({
    entrypoints: [join(import.meta.dir, "lease-worker.ts")],
    outdir: join(work, "built"),
    target: "bun",
  });
  const inside = [
    ...pickCases(),
    ...[8, 16].flatMap((count) => [
      ...storeCases(count, 0),
      ...storeCases(count, 100, 1),
      ...storeCases(count, 100, count - 1),
    ]),
  ];
  printOut(`Medians of ${options.runs} interleaved runs.\n\n${measure(inside, options.runs)}\n`);
  printOut(`${measure(coldCases(), options.runs)}\n`);
  printOut(`${measure(await commandCases(), options.runs)}\n`);
  let isSound = true;
  for (const count of [8, 16]) {
    const { table, doubled } = await crowd(count, options);
    printOut(`${table}Given to two at once: ${doubled}\n\n`);
    isSound &&= doubled === 0;
  }
  return isSound;
}

if (process.getuid?.() !== 0) {
  printErr("The benchmark makes a simulated host: it needs root.\n");
  process.exitCode = 1;
} else {
  try {
    if (!(await bench(readOptions(process.argv.slice(2))))) process.exitCode = 1;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
