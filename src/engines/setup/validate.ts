import { BerthError, escapeControls, runProgram } from "../../base/index.ts";
import type { SetupTarget } from "./setup-site.ts";

const DEADLINE_MS = 20_000;
const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C",
  HOME: "/root",
};

/**
 * Lets the engine itself judge a file that is to replace one of its own: dockerd with the options that it runs with,
 * since an option and a key must not say the same. Throws G014. An engine whose program is not here, podman, and Docker
 * before 23.0 judge nothing.
 */
export function validate(target: SetupTarget, path: string, candidate: string): void {
  const argv = judging(target, candidate);
  if (argv === undefined) return;
  const { exitCode, isTimedOut, stderr, stdout } = runProgram(argv, {
    env: ENVIRONMENT,
    timeoutMs: DEADLINE_MS,
    cwd: target.daemon?.cwd ?? "/",
  });
  if (exitCode === 0) return;
  const said = [stderr, stdout].map((bytes) => Buffer.from(bytes).toString().trim()).find((text) => text !== "");
  if (said?.includes("unknown flag: --validate") === true) return;
  const why = isTimedOut
    ? `it did not answer within ${DEADLINE_MS / 1000} seconds`
    : (said ?? "it does not say why").split("\n").at(-1);
  throw refused(target, path, (why ?? "").replaceAll(candidate, path));
}

function judging({ engine, program, daemon }: SetupTarget, candidate: string): readonly string[] | undefined {
  if (program === undefined) return undefined;
  switch (engine) {
    case "docker":
      return [program, ...withoutOption(daemon?.args ?? [], "--config-file"), "--validate", "--config-file", candidate];
    case "containerd":
      return [program, "--config", candidate, "config", "dump"];
    case "cri-o":
      return [program, "--config", candidate, "--config-dir", "", "config"];
    case "podman":
      return undefined;
  }
}

/** A command line without an option and its value. */
function withoutOption(args: readonly string[], name: string): readonly string[] {
  return args.filter((word, at) => word !== name && !word.startsWith(`${name}=`) && args[at - 1] !== name);
}

function refused({ engine }: SetupTarget, path: string, why: string): BerthError {
  const isTwice = why.includes("specified both as a flag and in the configuration file");
  return new BerthError({
    code: "BERTH-G014",
    message: `Cannot set up ${engine}: it would not accept the new "${path}": ${escapeControls(why.slice(0, 500))}`,
    remedy: isTwice
      ? "take the option out of the daemon's command line (systemctl cat docker), then run berth setup again; nothing was written"
      : `mend "${path}" first, if the fault is in it already; nothing was written`,
  });
}
