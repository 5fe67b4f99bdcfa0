import { BerthError, parseStrictInteger } from "../base/index.ts";

/** What berth needs to know of a runtime's command line; the command line itself is handed on as it came. */
export interface RuntimeArgs {
  /** The first word that is no option: "create"; undefined: there is none. */
  readonly verb: string | undefined;
  /** As given; "": the current folder. */
  readonly bundle: string;
  /** The first word after the verb that is no option. */
  readonly containerId: string | undefined;
  readonly log: string | undefined;
  readonly logFormat: string | undefined;
  readonly isDebug: boolean;
  readonly isVersion: boolean;
  readonly preserveFds: number;
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

/** More descriptors than any process can have: such a count is a slip. */
const MAX_PRESERVED_FDS = 1 << 20;

/**
 * Reads the words after the program's name. The bundle is named by any number of dashes and `b` or `bundle`, with `=` or
 * the next word, anywhere; the last one counts. Throws L005 for `create` and `run` only: an option without its value, or
 * a count of descriptors that is none. All other calls are the low-level runtime's own matter.
 */
export function readRuntimeArgs(words: readonly string[]): RuntimeArgs {
  const before = takeOptions(words, 0, { withValue: GLOBALS_WITH_VALUE, isPermuting: false });
  const verb = words[before.end];
  const isMaking = verb === "create" || verb === "run";
  const after = takeOptions(words, before.end + 1, { withValue: CREATION_WITH_VALUE, isPermuting: isMaking });
  const options = [...before.options, ...after.options];
  if (isMaking) requireValues(options);
  return {
    verb,
    bundle: lastValue(options, ["b", "bundle"]) ?? "",
    containerId: after.positionals[0],
    log: lastValue(before.options, ["log", "l"]),
    logFormat: lastValue(before.options, ["log-format"]),
    isDebug: isOn(before.options, ["debug"]),
    isVersion: isOn(before.options, ["version", "v"]),
    preserveFds: readCount(lastValue(after.options, ["preserve-fds"]), isMaking),
  };
}

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
    const option = readOption(word, words[at + 1], rules.withValue);
    options.push(option);
    if (option.needsValue && option.value !== undefined && !word.includes("=")) at++;
  }
  return { options, positionals, end: words.length };
}

function isOption(word: string): boolean {
  return word.startsWith("-") && word !== "-";
}

function readOption(word: string, next: string | undefined, withValue: readonly string[]): Option {
  const [, name = "", value] = /^-+([^=]*)(?:=([^]*))?$/.exec(word) ?? [];
  const needsValue = withValue.includes(name);
  return { name, value: value ?? (needsValue ? next : undefined), needsValue };
}

function requireValues(options: readonly Option[]): void {
  const bare = options.find(({ needsValue, value }) => needsValue && value === undefined);
  if (bare !== undefined) throw badArguments(`the option "${bare.name}" has no value`, `give "${bare.name}" its value`);
}

function lastValue(options: readonly Option[], names: readonly string[]): string | undefined {
  return options.findLast(({ name }) => names.includes(name))?.value;
}

function isOn(options: readonly Option[], names: readonly string[]): boolean {
  const last = options.findLast(({ name }) => names.includes(name));
  return last !== undefined && !["false", "0", "f", "F", "FALSE", "False"].includes(last.value ?? "");
}

function readCount(text: string | undefined, isMaking: boolean): number {
  if (text === undefined) return 0;
  const count = parseStrictInteger(text, MAX_PRESERVED_FDS);
  if (count !== undefined) return count;
  if (!isMaking) return 0;
  throw badArguments(`"${text}" is no number of descriptors`, "give --preserve-fds a number from 0 on");
}

function badArguments(why: string, remedy: string): BerthError {
  return new BerthError({ code: "BERTH-L005", message: `Cannot read the arguments of the runtime: ${why}`, remedy });
}
