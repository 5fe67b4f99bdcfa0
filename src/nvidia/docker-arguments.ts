import { isWish } from "../request/index.ts";

/** What is given to docker: its arguments as they came, with `inserted` put before the one at `at`. */
export interface DockerPlan {
  readonly at: number;
  readonly inserted: readonly string[];
  /** `nvidia-docker version`: a line of ours comes first. */
  readonly isVersion: boolean;
}

/** docker's global options that take a value (docker 28). */
const LONG_WITH_VALUE: ReadonlySet<string> = new Set([
  "--config",
  "--context",
  "--host",
  "--log-level",
  "--tlscacert",
  "--tlscert",
  "--tlskey",
]);
const SHORT_WITH_VALUE = /[cHl]/;

/**
 * Where docker's arguments get `--runtime=nvidia`: after the command `run` or `create` (also `container run`), with `-e NVIDIA_VISIBLE_DEVICES=…`
 * when `gpus` (NV_GPU: ids separated by blanks or commas, or a wish) is set. Every other command is passed on as it is.
 */
export function planDocker(args: readonly string[], gpus: string | undefined): DockerPlan {
  const first = findCommand(args, 0);
  const at = args[first] === "container" ? findCommand(args, first + 1) : first;
  const command = args[at];
  if (command !== "run" && command !== "create")
    return { at: args.length, inserted: [], isVersion: args[first] === "version" };
  const devices = readGpus(gpus ?? "");
  const limit = devices === "" ? [] : ["-e", `NVIDIA_VISIBLE_DEVICES=${devices}`];
  return { at: at + 1, inserted: ["--runtime=nvidia", ...limit], isVersion: false };
}

/** A wish stays whole: a model's name can have blanks. */
function readGpus(gpus: string): string {
  if (isWish(gpus)) return gpus.trim();
  return gpus
    .split(/[\s,]+/)
    .filter((id) => id !== "")
    .join(",");
}

/** The arguments of a plan; `args` as text or as the bytes they came in. */
export function insertArguments<T>(args: readonly T[], at: number, inserted: readonly T[]): T[] {
  return [...args.slice(0, at), ...inserted, ...args.slice(at)];
}

/** Where the first word stands that is neither a global option nor the value of one. */
function findCommand(args: readonly string[], from: number): number {
  let at = from;
  while (at < args.length && args[at]?.startsWith("-") === true) at += takesNext(args[at] ?? "") ? 2 : 1;
  return at;
}

/** `-H x`, `-DH x` and `--host x` take the next word; `-Hx`, `-H=x` and `--host=x` have their value with them. */
function takesNext(option: string): boolean {
  if (option.startsWith("--")) return LONG_WITH_VALUE.has(option);
  const at = option.search(SHORT_WITH_VALUE);
  return at > 0 && at === option.length - 1;
}
