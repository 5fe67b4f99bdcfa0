/**
 * Many processes start, kill, delete and restart containers with GPUs that berth chooses, under the real runc, and take leases beside them. A witness of which the store knows nothing, a lock that the kernel
 * keeps for each GPU as long as the container lives, says whether two ever have one GPU. Ends with 1 when that is so, or when anything is left of those who are gone.
 *
 *     bun bench/lease-chaos.ts --processes 100 --seconds 60
 *     bun bench/lease-chaos.ts --ask 0            all share a GPU: it has to fail
 *     bun bench/lease-chaos.ts --checked          the driver is asked at each start
 */
import { formatTable, printErr, printOut } from "../src/base/index.ts";
import { audit, clearAll, endAll, witnessed } from "./chaos/audit.ts";
import { liveOnce, newContainer } from "./chaos/container.ts";
import { between } from "./chaos/draw.ts";
import { holdLease } from "./chaos/lease-holder.ts";
import { makeWorld, type ChaosOptions, type World } from "./chaos/world.ts";

function readOptions(args: readonly string[]): ChaosOptions {
  const value = (flag: string) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
  const number = (flag: string, preset: number): number => {
    const text = value(flag) ?? `${preset}`;
    if (!/^[1-9]\d{0,3}$/.test(text)) throw new RangeError(`${flag} takes a number from 1 on, not "${text}"`);
    return Number(text);
  };
  return {
    processes: number("--processes", 100),
    seconds: number("--seconds", 60),
    ask: value("--ask"),
    isChecked: args.includes("--checked"),
  };
}

/** One client in five takes leases without a container. */
async function client(world: World, number: number): Promise<void> {
  const isHolder = number % 5 === 4;
  const container = isHolder ? undefined : newContainer(world, number);
  await Bun.sleep(between(0, 1000));
  while (!world.isOver()) {
    if (container === undefined) await holdLease(world, `holder ${number}`);
    else await liveOnce(world, container);
    await Bun.sleep(between(0, world.options.processes * 60));
  }
}

async function chaos(options: ChaosOptions): Promise<readonly string[]> {
  const world = makeWorld(options);
  try {
    await Promise.all(Array.from({ length: options.processes }, (_, number) => client(world, number)));
    await endAll(world);
    const faults = [...(await audit(world)), ...clearAll(world)];
    printOut(report(world));
    return faults;
  } finally {
    await endAll(world);
    clearAll(world);
    world.scope.close();
  }
}

function report(world: World): string {
  const { tally, options } = world;
  const held = witnessed(world, "held");
  const rows = [
    ["locks taken", `${held.length}`],
    ["containers at once, at most", `${tally.most}`],
    ["containers without a GPU", `${witnessed(world, "without").length}`],
    ...tally.rows(),
  ];
  const samples = [...tally.samples].map(([what, text]) => `${what}, the first: ${text.trimEnd()}\n`).join("");
  return `${formatTable([[`${options.processes} clients, ${options.seconds} seconds`, ""], ...rows])}\n${samples}`;
}

const faults = await chaos(readOptions(process.argv.slice(2)));
if (faults.length > 0) {
  printErr(`${faults.length} faults\n${faults.map((fault) => `${fault}\n`).join("")}`);
  process.exitCode = 1;
} else printOut("No GPU had two owners, and nothing is left.\n");
