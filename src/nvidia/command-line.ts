import { splitList, VERSION } from "../base/index.ts";
import { formatHelp } from "./command-help.ts";

/** A command of a drop-in program, as data. One with sub-commands is a group: alone, it prints its help. */
export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** One line for the list of the group above. */
  readonly usage: string;
  /** They count for the sub-commands too. */
  readonly flags?: readonly Flag[];
  readonly subcommands?: readonly Command[];
  /** A group that runs when no sub-command is named, or one that it does not know: the word and all after it are then its `args`, unread. */
  readonly takesAnyCommand?: boolean;
  readonly isHidden?: boolean;
}

/** An option, given as `--name v`, `--name=v`, `-name v` or `-name=v`; a boolean as `--name` or `--name=false`. */
export type Flag = BooleanFlag | TextFlag | ListFlag;

interface FlagBase {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Variables that count when the flag is absent: the first that is not empty. */
  readonly env?: readonly string[];
  readonly usage: string;
  readonly isHidden?: boolean;
}

export interface BooleanFlag extends FlagBase {
  readonly kind: "boolean";
}

/** Given twice, the last counts. */
export interface TextFlag extends FlagBase {
  readonly kind: "text";
  readonly default?: string;
}

/** Repeats, and splits at commas. */
export interface ListFlag extends FlagBase {
  readonly kind: "list";
  readonly default?: readonly string[];
}

/** The values of all flags of a command and the groups above it, by the flag's name; read with `isOn`, `textOf`, `listOf` and `isGiven`. */
export type FlagValues = ReadonlyMap<string, FlagValue>;

interface FlagValue {
  readonly value: boolean | string | readonly string[];
  /** On the command line or by a variable. */
  readonly isGiven: boolean;
}

/** What a command line comes to. */
export type Outcome =
  | {
      readonly kind: "run";
      /** The command's names below the program: ["cdi", "list"]. */
      readonly path: readonly string[];
      readonly values: FlagValues;
      /** The words that are no flags. */
      readonly args: readonly string[];
    }
  | {
      readonly kind: "print";
      /** For stdout. */
      readonly out: string;
      /** For stderr, as it stands. */
      readonly err: string;
      /** For stderr, as a log line of level error. */
      readonly error: string | undefined;
      readonly exitCode: number;
    };

/** What a word of help is asked for with. */
const HELP_WORDS: readonly string[] = ["help", "h"];
const TRUE_WORDS: readonly string[] = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE_WORDS: readonly string[] = ["0", "f", "F", "false", "FALSE", "False"];

/**
 * Reads a command line as urfave/cli v3 does for nvidia-ctk and nvidia-cdi-hook (peer-behaviour 1.1): `program` is the tree, `args` the
 * words after the program's name. Decides only: nothing is printed or run.
 */
export function parseCommandLine(
  program: Command,
  args: readonly string[],
  env: (name: string) => string | undefined,
): Outcome {
  const flags = new Map<string, Flag>();
  const reading: Reading = { commands: [], flags, given: new Map(), words: [], help: undefined, fault: undefined };
  enterCommand(reading, program);
  readWords(reading, args);
  return reading.fault ?? reading.help ?? finish(reading, env);
}

/** Whether a boolean flag is set. Throws RangeError for a flag that the command does not have. */
export function isOn(values: FlagValues, name: string): boolean {
  return valueOf(values, name).value === true;
}

/** The value of a text flag. Throws RangeError for a flag that the command does not have. */
export function textOf(values: FlagValues, name: string): string {
  const { value } = valueOf(values, name);
  return typeof value === "string" ? value : "";
}

/** The values of a list flag. Throws RangeError for a flag that the command does not have. */
export function listOf(values: FlagValues, name: string): readonly string[] {
  const { value } = valueOf(values, name);
  return typeof value === "object" ? value : [];
}

/** Whether a flag or its variable was given. Throws RangeError for a flag that the command does not have. */
export function isGiven(values: FlagValues, name: string): boolean {
  return valueOf(values, name).isGiven;
}

function valueOf(values: FlagValues, name: string): FlagValue {
  const value = values.get(name);
  if (value === undefined) throw new RangeError(`No such flag: ${name}`);
  return value;
}

/** How far the command line is read. */
interface Reading {
  /** From the program to the command. */
  readonly commands: Command[];
  /** By every name; of two of one name that of the inner command. A hook of a CDI file has some hundred words. */
  readonly flags: Map<string, Flag>;
  readonly given: Map<Flag, boolean | string | string[]>;
  readonly words: string[];
  help: Outcome | undefined;
  fault: Outcome | undefined;
}

function readWords(reading: Reading, args: readonly string[]): void {
  let at = 0;
  while (at < args.length && reading.fault === undefined && reading.help === undefined) {
    const word = args[at] ?? "";
    if (word === "--") {
      reading.words.push(...args.slice(at + 1));
      return;
    }
    at += /^--?[A-Za-z]/.test(word) ? readFlag(reading, word, args[at + 1]) : readPlain(reading, args.slice(at));
  }
}

function enterCommand(reading: Reading, command: Command): void {
  reading.commands.push(command);
  for (const flag of command.flags ?? [])
    for (const name of [flag.name, ...(flag.aliases ?? [])]) reading.flags.set(name, flag);
}

function addTexts({ given }: Reading, flag: ListFlag, texts: readonly string[]): void {
  const before = given.get(flag);
  if (typeof before === "object") before.push(...texts);
  else given.set(flag, [...texts]);
}

/** Reads a word that is no flag; gives the number of words taken. */
function readPlain(reading: Reading, rest: readonly string[]): number {
  const [word = "", ...after] = rest;
  const current = commandOf(reading);
  const isFirst = reading.words.length === 0;
  const subcommand = isFirst ? findCommand(current, word) : undefined;
  if (subcommand !== undefined) {
    enterCommand(reading, subcommand);
    return 1;
  }
  if (isFirst && HELP_WORDS.includes(word)) {
    reading.help = helpOn(reading.commands, after);
    return rest.length;
  }
  if (isGroup(current) && current.takesAnyCommand !== true) {
    reading.fault = noTopic(word);
    return rest.length;
  }
  reading.words.push(...(isGroup(current) ? rest : [word]));
  return isGroup(current) ? rest.length : 1;
}

/** Reads a flag and, where it needs one, the value that follows; gives the number of words taken. */
function readFlag(reading: Reading, word: string, next: string | undefined): number {
  const [, name = "", value] = /^--?([^=]*)(?:=([^]*))?$/.exec(word) ?? [];
  const flag = reading.flags.get(name);
  if (flag === undefined) {
    readOwnFlag(reading, name);
    return 1;
  }
  if (flag.kind === "boolean") {
    const isTrue = readBoolean(value ?? "true");
    if (isTrue === undefined)
      reading.fault = wrongUsage(reading, `invalid value "${value}" for flag -${name}: parse error`);
    else reading.given.set(flag, isTrue);
    return 1;
  }
  const text = value ?? next;
  if (text === undefined) reading.fault = wrongUsage(reading, `flag needs an argument: ${word}`);
  else if (flag.kind === "text") reading.given.set(flag, text);
  else addTexts(reading, flag, splitList(text));
  return value === undefined ? 2 : 1;
}

/** `--help` everywhere, `--version` before any command; everything else is unknown. */
function readOwnFlag(reading: Reading, name: string): void {
  const { commands } = reading;
  if (name === "help" || name === "h") reading.help = printed(formatHelp(commands));
  else if (commands.length === 1 && (name === "version" || name === "v"))
    reading.help = printed(`${commands[0]?.name} version ${VERSION}\n`);
  else reading.fault = wrongUsage(reading, `flag provided but not defined: -${name}`);
}

function finish(reading: Reading, env: (name: string) => string | undefined): Outcome {
  const command = commandOf(reading);
  if (isGroup(command) && command.takesAnyCommand !== true) return printed(formatHelp(reading.commands));
  const values = new Map<string, FlagValue>();
  for (const flag of reading.commands.flatMap(({ flags = [] }) => flags)) {
    const variable = (flag.env ?? []).find((name) => (env(name) ?? "") !== "");
    const value = reading.given.get(flag) ?? readVariable(flag, env(variable ?? "") ?? "");
    if (value === undefined) {
      const why = `could not parse "${env(variable ?? "")}" as bool value from environment variable "${variable}" for flag ${flag.name}`;
      return wrongUsage(reading, why);
    }
    values.set(flag.name, { value, isGiven: reading.given.has(flag) || variable !== undefined });
  }
  return { kind: "run", path: reading.commands.slice(1).map(({ name }) => name), values, args: reading.words };
}

/** What a variable makes of a flag, an empty one its default; undefined: the text is not allowed. */
function readVariable(flag: Flag, text: string): FlagValue["value"] | undefined {
  switch (flag.kind) {
    case "boolean":
      return text === "" ? false : readBoolean(text);
    case "text":
      return text === "" ? (flag.default ?? "") : text;
    case "list":
      return text === "" ? (flag.default ?? []) : splitList(text);
  }
}

/** A boolean as Go's strconv.ParseBool takes it; undefined for any other word. */
export function readBoolean(text: string): boolean | undefined {
  if (TRUE_WORDS.includes(text)) return true;
  return FALSE_WORDS.includes(text) ? false : undefined;
}

function helpOn(commands: readonly Command[], words: readonly string[]): Outcome {
  const topic = words.find((word) => !word.startsWith("-"));
  if (topic === undefined) return printed(formatHelp(commands));
  const command = commands.at(-1);
  const subcommand = command && findCommand(command, topic);
  return subcommand === undefined ? noTopic(topic) : printed(formatHelp([...commands, subcommand]));
}

function printed(out: string): Outcome {
  return { kind: "print", out, err: "", error: undefined, exitCode: 0 };
}

function noTopic(word: string): Outcome {
  return { kind: "print", out: "", err: `No help topic for '${word}'\n`, error: undefined, exitCode: 3 };
}

function wrongUsage({ commands }: Reading, why: string): Outcome {
  const out = `Incorrect Usage: ${why}\n\n${formatHelp(commands)}`;
  return { kind: "print", out, err: "", error: why, exitCode: 1 };
}

function commandOf({ commands }: Reading): Command {
  const command = commands.at(-1);
  if (command === undefined) throw new RangeError("A command line has a program");
  return command;
}

function isGroup({ subcommands, takesAnyCommand }: Command): boolean {
  return subcommands !== undefined || takesAnyCommand === true;
}

function findCommand({ subcommands = [] }: Command, word: string): Command | undefined {
  return subcommands.find(({ name, aliases = [] }) => name === word || aliases.includes(word));
}
