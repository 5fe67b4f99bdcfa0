import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { BerthError } from "../base/index.ts";
import { hasReader, terminalWidth } from "../linux/index.ts";
import { isColoured } from "./ask-user.ts";
import { callingUid } from "./calling-uid.ts";
import type { World } from "./context.ts";
import { paintLine } from "./gpus/paint.ts";
import { openScene, say, type Scene } from "./gpus/scene.ts";
import { viewToJson } from "./gpus/view-to-json.ts";
import { isAsciiOnly } from "./top/ascii.ts";
import { renderFrame } from "./top/frame.ts";
import { Sampler, type Sample } from "./top/sampler.ts";
import { Screen } from "./top/screen.ts";
import { clockOf, Session } from "./top/session.ts";
import { FIRST_UI, type TopState } from "./top/top-state.ts";

interface Flags {
  readonly interval?: string;
  readonly once?: boolean;
  readonly json?: boolean;
  readonly noColor?: boolean;
  readonly ascii?: boolean;
}

const USUAL_MS = 1000;
const INTERVAL = { least: 0.2, most: 3600 } as const;
/** Between the two samples of one picture: rates take two. */
const SAMPLE_MS = 250;
const ONCE_COLUMNS = 100;

/** `berth top`. Throws BERTH-W002 for an interval that is none, W003 where there is no terminal to draw in. */
export async function showTop(this: World, flags: Flags): Promise<void> {
  const intervalMs = readInterval(flags.interval);
  using scene = openScene(this, { hasTraffic: true });
  if (flags.json === true) return await printJson(this, scene, flags.interval === undefined ? undefined : intervalMs);
  if (!say(this, scene)) return void (await scene.glance());
  const isAscii = flags.ascii === true || isAsciiOnly(this.env);
  const hasColours = flags.noColor !== true && isColoured(this.env);
  const first: TopState = {
    host: hostname(),
    view: undefined,
    rows: [],
    history: new Map(),
    viewer: callingUid(this),
    intervalMs,
    clock: clockOf(new Date()),
    ui: FIRST_UI,
  };
  if (flags.once === true) return await printOnce(this, scene, { first, isAscii, hasColours });
  await draw(this, scene, { first, isAscii, hasColours });
}

interface Drawing {
  readonly first: TopState;
  readonly isAscii: boolean;
  readonly hasColours: boolean;
}

async function draw(world: World, scene: Scene, drawing: Drawing): Promise<void> {
  using screen = Screen.open();
  if (screen === undefined) throw noTerminal();
  const code = await new Session({ scene, screen, ...drawing }).run();
  if (code !== 0) Object.assign(world.process, { exitCode: code });
}

/** Rates and shares are what changed between two samples. */
async function sampleTwice(scene: Scene): Promise<Sample> {
  const sampler = new Sampler();
  sampler.take(await scene.look());
  await sleep(SAMPLE_MS);
  return sampler.take(await scene.look());
}

async function printOnce(world: World, scene: Scene, { first, isAscii, hasColours }: Drawing): Promise<void> {
  const state = { ...first, ...(await sampleTwice(scene)), clock: clockOf(new Date()) };
  const ui = { ...FIRST_UI, layout: "compact" } as const;
  const size = { columns: terminalWidth(1) ?? ONCE_COLUMNS, rows: undefined, isAscii };
  const lines = renderFrame({ ...state, ui }, size);
  world.print(lines.map((line) => `${paintLine(line, hasColours).trimEnd()}\n`).join(""));
}

/** Once, or with an interval one line each time until nobody reads it. */
async function printJson(world: World, scene: Scene, intervalMs: number | undefined): Promise<void> {
  const print = ({ view, rows }: Sample, isLine: boolean): void =>
    world.print(viewToJson(view, { schema: "berth-top-1", time: new Date(), host: hostname(), rows, isLine }));
  if (intervalMs === undefined) return print(await sampleTwice(scene), false);
  const sampler = new Sampler();
  while (hasReader(1)) {
    const begun = performance.now();
    print(sampler.take(await scene.look()), true);
    await sleep(Math.max(0, begun + intervalMs - performance.now()));
  }
}

function readInterval(text: string | undefined): number {
  if (text === undefined) return USUAL_MS;
  const seconds = /^\d{1,4}(?:\.\d{1,3})?$/.test(text) ? Number(text) : NaN;
  if (seconds >= INTERVAL.least && seconds <= INTERVAL.most) return seconds * 1000;
  throw new BerthError({
    code: "BERTH-W002",
    message: `Cannot look every "${text}" seconds: that is no number from ${INTERVAL.least} to ${INTERVAL.most}`,
    remedy: "name one: berth top -i 2",
  });
}

function noTerminal(): BerthError {
  return new BerthError({
    code: "BERTH-W003",
    message: "Cannot draw: the input or the output is no terminal",
    remedy: "print one picture: berth top --once",
  });
}
