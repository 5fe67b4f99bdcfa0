import { join } from "node:path";
import { between, draw } from "./draw.ts";
import { childrenOf, programOf, strike } from "./processes.ts";
import type { World } from "./world.ts";

/** A program without a container that takes a lease, some of the time one that waits for it; half of them are killed, before or after they have it. */
export async function holdLease(world: World, name: string): Promise<void> {
  const { tally } = world;
  const isWaiting = Math.random() < 0.4;
  const child = Bun.spawn(wordsFor(world, name, isWaiting), { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const says = new Response(child.stderr).text();
  tally.add(isWaiting ? "took: with --wait" : "took: without waiting");
  if (Math.random() < 0.5) {
    await Bun.sleep(between(0, 2500));
    if (child.exitCode === null) strikeHolder(world, child.pid, isWaiting);
  }
  await child.exited;
  const text = await says;
  const code = /BERTH-[A-Z]\d{3}/.exec(text)?.[0];
  if (code !== undefined) tally.add(`refused: ${code} (berth lease take)`, text);
}

function wordsFor({ berth, witness, options }: World, name: string, isWaiting: boolean): string[] {
  const wish = draw([
    [5, "any:1"],
    [2, "any:2"],
    [1, "any:3"],
  ]);
  const take = [...berth, "lease", "take", "-g", wish, "--json"];
  const script = ["sh", join(witness, "hold-lease.sh"), witness, between(0.1, 1.5).toFixed(2), name];
  return [...script, ...take, ...(isWaiting ? ["--wait=3s"] : []), ...(options.isChecked ? [] : ["--unchecked"])];
}

function strikeHolder({ tally }: World, pid: number, isWaiting: boolean): void {
  const taker = childrenOf(pid).find((child) => programOf(child) === "berth");
  const isTaker = taker !== undefined && Math.random() < 0.5;
  const what = isTaker ? (isWaiting ? "who waits" : "berth lease take") : "who has a lease, or is to have it";
  if (strike(isTaker ? taker : pid)) tally.add(`killed: ${what}`);
}
