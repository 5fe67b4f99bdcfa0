import { existsSync, linkSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeSpec, type Bundle } from "../../e2e/lib/bundle.ts";
import { between, draw, until } from "./draw.ts";
import { childrenOf, isRunning, processesBelow, programOf, readPid, removeCgroup, strike } from "./processes.ts";
import type { World } from "./world.ts";

/** One container that is started again and again with the same id, as an engine restarts one. */
export interface Container {
  readonly id: string;
  readonly bundle: Bundle;
  readonly pidFile: string;
  readonly log: string;
  readonly cgroup: string;
  /** What the spec says of it; undefined: nothing, so that the low-level runtime calls it after the container. */
  readonly cgroupsPath: string | undefined;
}

/**
 * How it is started: `run` in the foreground, detached, in two steps, or by a parent like conmon that sees to it until it ends.
 */
type Way = "run" | "detached" | "steps" | "parent";

/** What becomes of it. `shim`: whoever creates it is killed, `stage`: what runc has started for that; `again`: somebody tries to create it while it runs. */
type Fate = "end" | "shim" | "stage" | "init" | "delete" | "parent" | "again";

export function newContainer(world: World, number: number): Container {
  const id = `${world.prefix}-${number}`;
  const dir = world.scope.folder("bundle");
  const rootfs = join(dir, "rootfs");
  for (const folder of ["bin", "dev", "etc", "proc", "sys", "tmp", "witness"])
    mkdirSync(join(rootfs, folder), { recursive: true });
  linkSync(join(world.image, "bin/busybox"), join(rootfs, "bin/busybox"));
  const bundle = { dir, rootfs, layer: rootfs, configPath: join(dir, "config.json") };
  const isNamed = number % 4 !== 0;
  const cgroup = isNamed ? `${world.prefix}/${id}` : id;
  world.groups.add(cgroup);
  const cgroupsPath = isNamed ? `/${cgroup}` : undefined;
  return { id, bundle, pidFile: join(dir, "pid"), log: join(dir, "log"), cgroup, cgroupsPath };
}

/** Starts it once, does something to it, and clears it away. */
export async function liveOnce(world: World, container: Container): Promise<void> {
  const way = draw<Way>([
    [3, "run"],
    [3, "detached"],
    [3, "steps"],
    [3, "parent"],
  ]);
  const fate = draw<Fate>([
    [5, "end"],
    [6, "shim"],
    [2, "stage"],
    [5, "init"],
    [3, "delete"],
    [way === "parent" ? 5 : 0, "parent"],
    [2, "again"],
  ]);
  const life = between(0.1, 1.2);
  await clear(world, container);
  writeSpecFor(world, container, life);
  const child = start(world, container, way);
  const struck = strikeEarly(world, child.pid, way, fate);
  const init = await untilStarted(container, child);
  if (init !== undefined) {
    world.tally.count(1);
    await liveOn(world, container, { child, init, fate, life });
    world.tally.count(-1);
  }
  await struck;
  if (init === undefined && child.exitCode === null && child.signalCode === null)
    world.tally.add("given up: no container in a minute");
  if (child.exitCode === null && way !== "run") await until(() => (child.exitCode === null ? undefined : true), 5000);
  strike(child.pid);
  await child.exited;
  note(world, container, init !== undefined, fate);
  if (Math.random() < 0.85) await clear(world, container);
}

function start(world: World, { id, bundle, pidFile, log }: Container, way: Way): Bun.Subprocess {
  const runtime = [world.host.runtime, "--root", world.state];
  const place = ["--bundle", bundle.dir, "--pid-file", pidFile, id];
  const words: Readonly<Record<Way, readonly string[]>> = {
    run: [...runtime, "run", ...place],
    detached: [...runtime, "run", "--detach", ...place],
    steps: ["sh", "-c", `"$@" && exec ${[...runtime, "start", id].join(" ")}`, "sh", ...runtime, "create", ...place],
    parent: ["sh", "-c", PARENT, "sh", id, pidFile, runtime.join(" "), ...runtime, "create", ...place],
  };
  world.tally.add(`started: ${way}`);
  return Bun.spawn([...words[way]], { stdin: "ignore", stdout: "ignore", stderr: Bun.file(log) });
}

/** Like conmon it stays until its container has ended, and then clears up. */
const PARENT = `id=$1 pid_file=$2 runtime=$3
shift 3
"$@" || exit 1
$runtime start "$id" || exit 1
while kill -0 $(cat "$pid_file") 2>/dev/null; do sleep 0.2; done
exec $runtime delete "$id"
`;

/** What hits it while it is created: half of the time berth, or what it is at an early moment, else runc at its work, which it has become by then. */
async function strikeEarly({ tally }: World, pid: number, way: Way, fate: Fate): Promise<void> {
  if (fate !== "shim" && fate !== "stage") return;
  // In two ways the runtime is a child of what was started.
  const creator = (): number => (way === "run" || way === "detached" ? pid : (childrenOf(pid)[0] ?? 0));
  const isLate = fate === "stage" || Math.random() < 0.5;
  if (isLate) await until(() => (programOf(creator()) === "runc" || !isRunning(pid) ? true : undefined), 10_000);
  await Bun.sleep(between(0, isLate ? 120 : 500));
  const victim = fate === "shim" ? creator() : (childrenOf(creator()).at(-1) ?? 0);
  const program = programOf(victim);
  const what = fate === "shim" ? `${program} as it creates` : "a child of runc as it creates";
  tally.add(program !== undefined && strike(victim) ? `killed: ${what}` : "killed: nobody, too late");
}

/** Its first process, once its number is written; undefined: whoever starts it has ended without. */
async function untilStarted({ pidFile }: Container, child: Bun.Subprocess): Promise<number | undefined> {
  const pid = await until(
    () => readPid(pidFile) ?? (child.exitCode === null && child.signalCode === null ? undefined : 0),
    60_000,
  );
  return pid === 0 ? readPid(pidFile) : pid;
}

interface Life {
  readonly child: Bun.Subprocess;
  readonly init: number;
  readonly fate: Fate;
  /** Seconds. */
  readonly life: number;
}

async function liveOn(world: World, container: Container, { child, init, fate, life }: Life): Promise<void> {
  await Bun.sleep(between(0, life * 1000));
  const { tally } = world;
  if (fate === "init" && strike(init)) tally.add("killed: init");
  if (fate === "parent" && strike(child.pid)) tally.add("killed: parent");
  if (fate === "delete") await runQuietly(world, ["delete", "--force", container.id]);
  if (fate === "again") {
    await runQuietly(world, ["create", "--bundle", container.bundle.dir, container.id]);
    tally.add("created again while it runs");
  }
  await until(() => (isRunning(init) ? undefined : true), life * 1000 + 3000);
  // Whoever was to start it was killed: it waits for that until somebody deletes it.
  if (isRunning(init)) tally.add("created, and never started");
}

async function runQuietly(world: World, words: readonly string[]): Promise<void> {
  const argv = [world.host.runtime, "--root", world.state, ...words];
  await Bun.spawn(argv, { stdin: "ignore", stdout: "ignore", stderr: "ignore" }).exited;
}

/** What the starter said: a refusal of berth's by its code; whatever else it said is told by its first example. */
function note({ tally }: World, { log }: Container, hasStarted: boolean, fate: Fate): void {
  const text = existsSync(log) ? readFileSync(log, "utf8").trim() : "";
  const code = /BERTH-[A-Z]\d{3}/.exec(text)?.[0];
  if (code !== undefined) return tally.add(`refused: ${code}`, text);
  if (hasStarted) return tally.add("started containers");
  const isStruck = fate === "shim" || fate === "stage";
  if (isStruck) return tally.add("ended before it had started, struck");
  tally.add(text === "" ? "ENDED WITHOUT A WORD" : "ENDED WITHOUT A CODE", text);
}

/** As an engine clears up before it starts a container anew. */
async function clear(world: World, container: Container): Promise<void> {
  if (existsSync(join(world.state, container.id))) await runQuietly(world, ["delete", "--force", container.id]);
  for (const pid of processesBelow(container.cgroup))
    if (strike(pid)) world.tally.add("left by a killed runc: a process");
  removeCgroup(container.cgroup);
  for (const file of [container.pidFile, container.log]) rmSync(file, { force: true });
}

function writeSpecFor(world: World, { id, bundle, cgroupsPath }: Container, life: number): void {
  const gpu = Math.floor(Math.random() * 8);
  const wish =
    world.options.ask ??
    draw([
      [10, "any:1"],
      [5, "any:2"],
      [4, "any:1,exclusive"],
      [2, "any:1,optional"],
      [2, `${gpu}`],
      [2, `${gpu},exclusive`],
    ]);
  const isShared = /^\d$/.test(wish) && world.options.ask === undefined;
  world.tally.add(`asked for: ${wish.replace(/^\d/, "an id")}`);
  writeSpec(bundle, {
    args: ["/bin/busybox", "sh", "/witness/hold.sh", isShared ? "-s" : "-x", life.toFixed(2), `${id} ${wish}`],
    env: [`NVIDIA_VISIBLE_DEVICES=${wish}`],
    edit: (spec) => {
      spec.mounts.push({ destination: "/witness", source: world.witness, type: "bind", options: ["rbind", "rw"] });
      if (cgroupsPath !== undefined) Object.assign(spec.linux, { cgroupsPath });
    },
  });
}
