import { BerthError } from "../base/index.ts";

/** What berth needs to know of a runtime's command line; the command line itself is handed on as it came. */
export interface RuntimeArgs {
  /** The first word that is no option: "create"; undefined: there is none. */
  readonly verb: string | undefined;
  /** As given; "": the current folder. */
  readonly bundle: string;
  /** The first word after the verb that is no option. */
  readonly containerId: string | undefined;
  /** Where the runtime keeps the state of its containers, as given; undefined: in its own place. */
  readonly root: string | undefined;
  /** Whether systemd makes the control groups. */
  readonly isSystemdCgroup: boolean;
  readonly log: string | undefined;
  readonly logFormat: string | undefined;
  readonly isDebug: boolean;
  readonly isVersion: boolean;
}

/** Whether this call makes a container, so that its bundle is edited. Only the verb decides. */
export function isCreation(args: RuntimeArgs): boolean {
  return args.verb === "create" || args.verb === "run";
}

/** Options before the verb that take the next word as their value: runc 1.5, crun 1.29; `r` and `l` are youki's. */
const GLOBALS_WITH_VALUE: readonly string[] = [
  "b",
  "bundle",
  "cgroup-manager",
  "criu",
  "handler",
  "l",
  "log",
  "log-format",
  "log-level",
  "r",
  "root",
  "rootless",
];

/** The same for the options of `create` and `run`. */
const CREATION_WITH_VALUE: readonly string[] = [
  "b",
  "bundle",
  "config",
  "console-socket",
  "f",
  "pid-file",
  "pidfd-socket",
  "preserve-fds",
  "user-log",
];

/**
 * Reads the words after the program's name. The bundle is named by any number of dashes and `b` or `bundle`, with `=` or
 * the next word, anywhere; the last one counts. Throws L005 for `create` and `run` only: an option without its value, or
 * crun's `--config`, which names a spec that berth does not edit. All other calls are the low-level runtime's own matter.
 */
export function readRuntimeArgs(words: readonly string[]): RuntimeArgs {
  const before = takeOptions(words, 0, { withValue: GLOBALS_WITH_VALUE, isPermuting: false });
  const verb = words[before.end];
  const isMaking = verb === "create" || verb === "run";
  const after = takeOptions(words, before.end + 1, { withValue: CREATION_WITH_VALUE, isPermuting: isMaking });
  const options = [...before.options, ...after.options];
  if (isMaking) checkCreation(options);
  return {
    verb,
    bundle: lastValue(options, ["b", "bundle"]) ?? "",
    containerId: after.positionals[0],
    root: lastValue(before.options, ["root", "r"]),
    isSystemdCgroup:
      isOn(before.options, ["systemd-cgroup"]) || lastValue(before.options, ["cgroup-manager"]) === "systemd",
    log: lastValue(before.options, ["log", "l"]),
    logFormat: lastValue(before.options, ["log-format"]),
    isDebug: isOn(before.options, ["debug"]),
    isVersion: isOn(before.options, ["version", "v"]),
  };
}

/** What runtimes can be asked to do: such a word is never the value of an option that is not known here. */
const VERBS: readonly string[] = [
  "checkpoint",
  "create",
  "delete",
  "events",
  "exec",
  "features",
  "help",
  "init",
  "kill",
  "list",
  "pause",
  "ps",
  "restore",
  "resume",
  "run",
  "spec",
  "start",
  "state",
  "update",
];

/** Options before the verb that are known to take none. */
const GLOBAL_FLAGS: readonly string[] = ["debug", "h", "help", "systemd-cgroup", "v", "version"];

interface Option {
  readonly name: string;
  /** Undefined: a flag, or a value that is missing. */
  readonly value: string | undefined;
  readonly needsValue: boolean;
}

interface Taken {
  readonly options: readonly Option[];
  readonly positionals: readonly string[];
  /** Where the first word stands that is no option, unless permuting. */
  readonly end: number;
}

interface Rules {
  readonly withValue: readonly string[];
  /** Whether options may follow the words that are none. */
  readonly isPermuting: boolean;
}

function takeOptions(words: readonly string[], start: number, rules: Rules): Taken {
  const options: Option[] = [];
  const positionals: string[] = [];
  for (let at = start; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") return { options, positionals: [...positionals, ...words.slice(at + 1)], end: at + 1 };
    if (!isOption(word)) {
      positionals.push(word);
      if (!rules.isPermuting) return { options, positionals, end: at };
      continue;
    }
    const option = readOption(word, words[at + 1], rules);
    options.push(option);
    if (option.value !== undefined && !word.includes("=")) at++;
  }
  return { options, positionals, end: words.length };
}

function isOption(word: string): boolean {
  return word.startsWith("-") && word !== "-";
}

function readOption(word: string, next: string | undefined, rules: Rules): Option {
  const [, name = "", value] = /^-+([^=]*)(?:=([^]*))?$/.exec(word) ?? [];
  const needsValue = rules.withValue.includes(name);
  // In some runtimes --rootless is a flag.
  const isFlag = name === "rootless" && next !== undefined && VERBS.includes(next);
  const takesNext = !isFlag && (needsValue || (!rules.isPermuting && mayTake(name, next)));
  return { name, value: value ?? (takesNext ? next : undefined), needsValue: needsValue && !isFlag };
}

/** An option of a runtime that berth does not know (`--platform systrap create`) may have a value. */
function mayTake(name: string, next: string | undefined): boolean {
  return !GLOBAL_FLAGS.includes(name) && next !== undefined && !isOption(next) && !VERBS.includes(next);
}

function checkCreation(options: readonly Option[]): void {
  if (lastValue(options, ["config", "f"]) !== undefined) {
    throw badArguments("--config names another spec than the bundle's", "put the spec into the bundle as config.json");
  }
  const short = options.find(({ name }) => isAbbreviated(name));
  if (short !== undefined) {
    throw badArguments(`"${short.name}" may name another bundle or spec`, "spell --bundle out, with its value apart");
  }
  const bare = options.find(({ needsValue, value }) => needsValue && value === undefined);
  if (bare !== undefined) throw badArguments(`the option "${bare.name}" has no value`, `give "${bare.name}" its value`);
}

/** crun takes `-bDIR`, `-fFILE` and the beginnings of long options. */
function isAbbreviated(name: string): boolean {
  if (["b", "bundle", "f", "config"].includes(name) || CREATION_WITH_VALUE.includes(name)) return false;
  return /^[bf]./.test(name) || (name.length > 1 && "config".startsWith(name));
}

function lastValue(options: readonly Option[], names: readonly string[]): string | undefined {
  return options.findLast(({ name }) => names.includes(name))?.value;
}

function isOn(options: readonly Option[], names: readonly string[]): boolean {
  const last = options.findLast(({ name }) => names.includes(name));
  return last !== undefined && !["false", "0", "f", "F", "FALSE", "False"].includes(last.value ?? "");
}

function badArguments(why: string, remedy: string): BerthError {
  return new BerthError({ code: "BERTH-L005", message: `Cannot read the arguments of the runtime: ${why}`, remedy });
}
