/**
 * What the hook of a CDI file adds to `runc create` in a container with little memory, with berth in the page cache and not, beside a launcher that stays in the
 * container's memory cgroup. It prints, and fails only where a container does not start. Needs root and runc.
 *
 *     node_modules/.bin/bun bench/hook-memory.ts --runs 5
 */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatTable, printErr, printOut, runProgram } from "../src/base/index.ts";
import { makeImage, makeSpec, must } from "./image.ts";

const MIB = 1024 * 1024;
const LIMITS_MIB = [16, 32, 64, 128, undefined] as const;
/** A hook that reads berth from the disk again and again has its own time limit. */
const DEADLINE_MS = 150_000;

interface Hook {
  readonly path: string;
  readonly args: readonly string[];
}

/** One container: what it may take, and which hook it has; undefined: none. */
interface Case {
  readonly memoryMiB: number | undefined;
  readonly hook: Hook | undefined;
}

const dist = join(import.meta.dir, "../dist");
/** On a disk: what is in memory anyway is never read again. */
const work = mkdtempSync(join(import.meta.dir, "../build/hook-memory-"));
const berth = join(work, "dist/berth");

/** A copy of the built programs, so that nobody else keeps its pages in memory, and the hook of a CDI file that calls it. */
function prepare(): Hook {
  mkdirSync(join(work, "dist"));
  must(["cp", "-a", join(dist, "berth"), join(dist, "bin"), join(work, "dist")]);
  const host = join(work, "host");
  must([join(work, "dist/bin/berth"), "sim", "up", host, "--profile", "h100x8"]);
  const text = must([join(host, "bin/berth"), "cdi", "generate", "--format", "json"]);
  const cdi: { containerEdits: { hooks: { path: string; args: string[] }[] } } = JSON.parse(text);
  const [hook] = cdi.containerEdits.hooks;
  if (hook === undefined) throw new Error("the CDI file has no hook");
  return hook;
}

/** The same hook by a launcher that finds no cgroup to go to. */
function stayInCgroup(hook: Hook): Hook {
  const path = join(work, "host/bin/staying/nvidia-cdi-hook");
  mkdirSync(join(work, "host/bin/staying"));
  copyFileSync(hook.path, path);
  const bytes = readFileSync(path);
  for (let at = bytes.indexOf("cgroup.procs"); at >= 0; at = bytes.indexOf("cgroup.procs"))
    bytes.write("cgroup.none!", at);
  writeFileSync(path, bytes);
  chmodSync(path, 0o755);
  return { ...hook, path };
}

/** Takes berth out of the page cache. */
function forgetBerth(): void {
  must(["dd", `of=${berth}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"]);
}

function warmBerth(): void {
  readFileSync(berth);
}

/** Milliseconds of one `runc create`; undefined: it failed, or took too long. */
function timeCreate({ memoryMiB, hook }: Case, isCold: boolean): number | undefined {
  const bundle = mkdtempSync(join(work, "bundle-"));
  for (const folder of ["upper", "overlay", "rootfs"]) mkdirSync(join(bundle, folder));
  const layers = `lowerdir=${join(work, "image")},upperdir=${bundle}/upper,workdir=${bundle}/overlay`;
  must(["mount", "-t", "overlay", "overlay", "-o", layers, join(bundle, "rootfs")]);
  writeFileSync(join(bundle, "config.json"), specOf(bundle, memoryMiB, hook));
  const create = ["runc", "--root", join(work, "state"), "create", "--bundle", bundle, "hook-memory"];
  (isCold ? forgetBerth : warmBerth)();
  const start = performance.now();
  const { exitCode } = Bun.spawnSync(create, {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    timeout: DEADLINE_MS,
  });
  const ms = performance.now() - start;
  runProgram(["runc", "--root", join(work, "state"), "delete", "--force", "hook-memory"], {});
  must(["umount", join(bundle, "rootfs")]);
  return exitCode === 0 ? ms : undefined;
}

function specOf(bundle: string, memoryMiB: number | undefined, hook: Hook | undefined): string {
  const spec: { linux: { resources: object }; hooks?: object } = JSON.parse(makeSpec(undefined, bundle));
  if (memoryMiB !== undefined) spec.linux.resources = { ...spec.linux.resources, memory: { limit: memoryMiB * MIB } };
  if (hook !== undefined) spec.hooks = { createContainer: [{ ...hook, env: ["NVIDIA_CTK_DEBUG=false"] }] };
  return JSON.stringify(spec);
}

/** The median of so many creates; "failed" where one did not end well. */
function measure(item: Case, isCold: boolean, runs: number): string {
  const times = Array.from({ length: runs }, () => timeCreate(item, isCold));
  const done = times.filter((ms) => ms !== undefined).toSorted((a, b) => a - b);
  return done.length < runs ? `failed ${runs - done.length} of ${runs}` : (done[Math.floor(runs / 2)] ?? 0).toFixed(0);
}

function bench(runs: number): void {
  makeImage(join(work, "image"), 0);
  const hook = prepare();
  const staying = stayInCgroup(hook);
  const rows = LIMITS_MIB.map((memoryMiB) => {
    const ours = [measure({ memoryMiB, hook }, false, runs), measure({ memoryMiB, hook }, true, runs)];
    const stays = [measure({ memoryMiB, hook: staying }, false, runs), measure({ memoryMiB, hook: staying }, true, 1)];
    return [
      memoryMiB === undefined ? "no limit" : `${memoryMiB} MiB`,
      measure({ memoryMiB, hook: undefined }, false, runs),
      ...ours,
      ...stays,
    ];
  });
  const head = ["memory", "without the hook", "with it, warm", "with it, cold", "staying, warm", "staying, cold"];
  printOut(`runc create, milliseconds, medians of ${runs} (staying, cold: one run)\n\n${formatTable([head, ...rows])}`);
  if (rows.some((row) => row.slice(2, 4).some((text) => text.startsWith("failed")))) process.exitCode = 1;
}

function readRuns(args: readonly string[]): number {
  const text = args[0] === "--runs" ? args[1] : "5";
  if (text === undefined || !/^[1-9]\d{0,2}$/.test(text))
    throw new RangeError(`--runs takes a number from 1 on, not "${text}"`);
  return Number(text);
}

try {
  if (process.getuid?.() !== 0 || Bun.which("runc") === null) {
    printErr("This benchmark starts containers: it needs root and runc.\n");
    process.exitCode = 1;
  } else bench(readRuns(process.argv.slice(2)));
} finally {
  rmSync(work, { recursive: true, force: true });
}
