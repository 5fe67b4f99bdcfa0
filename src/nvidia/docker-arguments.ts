/** What is given to docker. */
export interface DockerPlan {
  readonly args: readonly string[];
  /** `nvidia-docker version`: a line of ours comes first. */
  readonly isVersion: boolean;
}

/** docker's global options that take a value as the next word (docker 28). */
const WITH_VALUE: ReadonlySet<string> = new Set([
  "--config",
  "--context",
  "-c",
  "--host",
  "-H",
  "--log-level",
  "-l",
  "--tlscacert",
  "--tlscert",
  "--tlskey",
]);

/**
 * docker's arguments with `--runtime=nvidia` after the command `run` or `create` (also `container run`), and `-e NVIDIA_VISIBLE_DEVICES=…` when
 * `gpus` (NV_GPU: ids separated by blanks or commas) is set. Every other command is passed on as it is.
 */
export function planDocker(args: readonly string[], gpus: string | undefined): DockerPlan {
  const first = findCommand(args, 0);
  const at = args[first] === "container" ? findCommand(args, first + 1) : first;
  const command = args[at];
  if (command !== "run" && command !== "create") return { args, isVersion: args[first] === "version" };
  const devices = (gpus ?? "").split(/[\s,]+/).filter((id) => id !== "");
  const added = devices.length === 0 ? [] : ["-e", `NVIDIA_VISIBLE_DEVICES=${devices.join(",")}`];
  return { args: [...args.slice(0, at + 1), "--runtime=nvidia", ...added, ...args.slice(at + 1)], isVersion: false };
}

/** Where the first word stands that is neither a global option nor the value of one. */
function findCommand(args: readonly string[], from: number): number {
  let at = from;
  while (at < args.length && args[at]?.startsWith("-") === true) at += WITH_VALUE.has(args[at] ?? "") ? 2 : 1;
  return at;
}
