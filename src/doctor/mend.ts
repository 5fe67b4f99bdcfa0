import { errnoCode, runProgram } from "../base/index.ts";
import { ownCommand } from "../host/index.ts";
import type { Fault } from "./check.ts";
import type { Mending, RanCommand, Result } from "./result.ts";
import type { Scene } from "./scene.ts";

const DEADLINE_MS = 120_000;
const SAID_CHARACTERS = 500;

export interface MendOptions {
  /** Shows a command before it is run. */
  readonly show: (result: Result, argv: readonly string[]) => void;
  /** Whether the user wants what the commands disturb; undefined: there is nobody who could be asked. */
  readonly ask: ((question: string) => boolean) | undefined;
}

/** Runs the commands of a fault's remedy, each after it was shown, up to the first that fails; undefined: there is nothing to be run. */
export function mend(result: Result, scene: Scene, options: MendOptions): Mending | undefined {
  const { finding } = result;
  if (finding.kind !== "warning" && finding.kind !== "fail") return undefined;
  const { commands = [], disturbs } = finding.remedy;
  if (commands.length === 0) return undefined;
  const refusal = disturbs === undefined ? undefined : askAbout(disturbs, finding, options);
  if (refusal !== undefined) return { kind: "refused", why: refusal };
  const ran: RanCommand[] = [];
  for (const argv of commands) {
    options.show(result, argv);
    const failure = run(argv, scene);
    ran.push({ argv, failure });
    if (failure !== undefined) break;
  }
  return { kind: "ran", commands: ran };
}

function askAbout(disturbs: string, { remedy }: Fault, { ask }: MendOptions): string | undefined {
  if (ask === undefined) return `${disturbs}: run it yourself, or --fix on a terminal`;
  return ask(`${remedy.text}: ${disturbs}. Go on?`) ? undefined : "you said no";
}

/** Why a command failed. */
function run(argv: readonly string[], scene: Scene): string | undefined {
  const own = argv[0] === "berth" ? [...ownCommand(scene.executable), ...argv.slice(1)] : argv;
  try {
    const options = { env: environmentOf(scene), timeoutMs: DEADLINE_MS, cwd: "/" };
    const { exitCode, isTimedOut, stderr } = runProgram(own, options);
    if (exitCode === 0) return undefined;
    if (isTimedOut) return `it did not end within ${DEADLINE_MS / 1000} seconds`;
    const said = new TextDecoder().decode(stderr).trim().split("\n").at(-1)?.slice(0, SAID_CHARACTERS) ?? "";
    return said === "" ? `it ended with ${exitCode ?? "a signal"}` : said;
  } catch (thrown) {
    const code = errnoCode(thrown);
    if (code === undefined) throw thrown;
    return `"${argv[0]}" cannot be started (${code})`;
  }
}

const USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const PASSED = ["HOME", "TERM", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"];

/** What commands go by; of a program that its launcher has started the environment is empty. */
function environmentOf({ env, config }: Scene): Record<string, string> {
  const passed = PASSED.flatMap((name) => {
    const value = env(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const file = config.path === undefined ? {} : { NVIDIA_CTK_CONFIG_FILE_PATH: config.path };
  return { PATH: env("PATH") ?? USUAL_PATH, LC_ALL: "C", ...Object.fromEntries(passed), ...file };
}
