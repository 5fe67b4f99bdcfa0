import { existsSync } from "node:fs";
import { BerthError, escapeControls } from "../base/index.ts";
import { isOurs } from "../install/index.ts";
import { become } from "../linux/index.ts";
import { isWish } from "../request/index.ts";
import type { World } from "./context.ts";
import { parseDuration } from "./lease/parse-duration.ts";
import { chooseEngine } from "./run/choose-engine.ts";
import { RUN_VARIABLE, type RunEngine, type RunEngineName, runWords } from "./run/engine.ts";
import { type RunOption, readRunOptions } from "./run/read-run-options.ts";
import { refuseRivals } from "./run/refuse-rivals.ts";
import { refuseUnread } from "./run/refuse-unread.ts";
import { settleGpus } from "./run/settle-gpus.ts";
import { ownRuntime } from "./setup/find-runtime.ts";
import { findSite } from "./site.ts";

interface Flags {
  readonly gpus: string;
  readonly wait?: string;
  readonly engine?: RunEngineName;
  readonly label?: string;
  readonly unchecked?: boolean;
}

const RUNTIME = "nvidia";
const ANSWER_MS = 10_000;
const USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** `berth run`: takes the GPUs that are wished for and becomes the engine's client, which starts the container: the lease is that process's until the runtime makes it the container's. */
export async function runContainer(this: World, flags: Flags): Promise<void> {
  const { passed = [] } = this;
  if (passed.length === 0) throw noImage();
  if (flags.gpus.trim() === "") throw noGpus();
  const options = readRunOptions(passed);
  refuseRivals(options);
  const waitMs = flags.wait === undefined ? undefined : parseDuration(flags.wait);
  const named = lastOf(options, "--runtime");
  const { root, config } = findSite(this);
  const search = {
    scene: { env: this.env, timeoutMs: ANSWER_MS },
    runtime: named ?? RUNTIME,
    ownRuntime: ownRuntime({ root }, this),
  };
  const engine = await chooseEngine(flags.engine, search, this);
  if (engine.obstacle === undefined) refuseUnread(options, config);
  if (isWish(flags.gpus)) refuseForeign(engine);
  const devices = await settleGpus(this, engine, {
    text: flags.gpus,
    waitMs,
    label: flags.label,
    unchecked: flags.unchecked,
  });
  const words = [engine.name, ...runWords(engine, named !== undefined)];
  const argv = [...words.map((word) => Buffer.from(word)), ...passedBytes(this)];
  Object.assign(this.process, { exitCode: become(this.launch, engine.client, argv, { [RUN_VARIABLE]: devices }) });
}

function lastOf(options: readonly RunOption[], name: string): string | undefined {
  return options.findLast((option) => option.name === name)?.value;
}

/** The bytes that came, not their text: an argument need not be UTF-8. */
function passedBytes({ launch, passed = [] }: World): readonly Uint8Array[] {
  return launch === undefined ? passed.map((word) => Buffer.from(word)) : launch.argv.slice(-passed.length);
}

function noImage(): BerthError {
  return new BerthError({
    code: "BERTH-U001",
    message: "Cannot start a container: there is no image behind --",
    remedy: "put it there, after the engine's own options: berth run -g any:2 -- --rm IMAGE COMMAND",
  });
}

/** A variable of a shell that is not set, more often than not. */
function noGpus(): BerthError {
  return new BerthError({
    code: "BERTH-U001",
    message: "Cannot start a container: -g says nothing",
    remedy: "say which GPUs it gets: -g any:2, -g 0,1, -g none",
  });
}

/** NVIDIA's runtime takes a wish for the name of a GPU. */
function refuseForeign({ name, runtime, program, obstacle }: RunEngine): void {
  // The path is one of another machine.
  if (obstacle !== undefined) return;
  const path = program.startsWith("/") ? program : Bun.which(program, { PATH: USUAL_PATH });
  if (path === null || !existsSync(path) || isOurs(path)) return;
  throw new BerthError({
    code: "BERTH-A043",
    message: `Cannot wish for GPUs: the runtime "${escapeControls(runtime)}" of ${name} is "${escapeControls(path)}", which is not berth's`,
    remedy: `berth setup ${name}`,
  });
}
