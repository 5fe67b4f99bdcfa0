/** An option of a program on GNU argp. `arg` is its value's name in the help; without it the option takes none. */
export interface ArgpOption {
  readonly name: string;
  /** The letter of the short form. */
  readonly key?: string;
  readonly arg?: string;
  /** The value may be left out, so it only counts where it is attached: `--user=0:0`, `-u0:0`. */
  readonly isOptional?: boolean;
  readonly usage: string;
}

/** What was given, by the option's long name: its values in order; undefined for an option without one. */
export type ArgpValues = ReadonlyMap<string, readonly (string | undefined)[]>;

/** What a command line comes to. `refused`: argp's own words, without the program's name. */
export type ArgpOutcome =
  | { readonly kind: "parsed"; readonly values: ArgpValues; readonly words: readonly string[] }
  | { readonly kind: "asked"; readonly what: (typeof OWN_NAMES)[number] }
  | { readonly kind: "refused"; readonly why: string };

const OWN_NAMES = ["help", "usage", "version"] as const;

/** The options that every program on argp has. */
export const OWN_OPTIONS: readonly ArgpOption[] = [
  { name: "help", key: "?", usage: "Print this list" },
  { name: "usage", usage: "Print the options in short" },
  { name: "version", key: "V", usage: "Print the version" },
];

/** An option with its value as one word of the command line gives them; the words taken, 1 or 2. */
interface Step {
  readonly found: readonly (readonly [ArgpOption, string | undefined])[];
  readonly taken: number;
}

/**
 * Reads a command line as GNU argp does: bundled letters, attached and separate values, unambiguous beginnings of long names, `--`. Words and options may
 * be mixed, but with `stopsAtWord` all from the first word on is left unread. Rules and texts: glibc's getopt_long(3) and argp.
 */
export function parseArgp(
  options: readonly ArgpOption[],
  args: readonly string[],
  { stopsAtWord }: { readonly stopsAtWord: boolean },
): ArgpOutcome {
  const known = [...options, ...OWN_OPTIONS];
  const values = new Map<string, (string | undefined)[]>();
  const words: string[] = [];
  for (let at = 0; at < args.length;) {
    const word = args[at] ?? "";
    const isWord = !isOption(word);
    if (word === "--" || (stopsAtWord && isWord)) {
      return { kind: "parsed", values, words: [...words, ...args.slice(isWord ? at : at + 1)] };
    }
    const step = isWord ? addWord(words, word) : readOption(word, args[at + 1], known);
    if (typeof step === "string") return { kind: "refused", why: step };
    const asked = step.found.flatMap(([{ name }]) => OWN_NAMES.filter((own) => own === name))[0];
    if (asked !== undefined) return { kind: "asked", what: asked };
    for (const [{ name }, value] of step.found) values.set(name, [...(values.get(name) ?? []), value]);
    at += step.taken;
  }
  return { kind: "parsed", values, words };
}

export function isGiven(values: ArgpValues, name: string): boolean {
  return values.has(name);
}

/** The value that counts where an option was given several times: the last. "" where it was not. */
export function lastOf(values: ArgpValues, name: string): string {
  return values.get(name)?.at(-1) ?? "";
}

export function allOf(values: ArgpValues, name: string): readonly string[] {
  return (values.get(name) ?? []).map((value) => value ?? "");
}

/** A lone `-` is a word. */
function isOption(word: string): boolean {
  return word.startsWith("-") && word !== "-";
}

function addWord(words: string[], word: string): Step {
  words.push(word);
  return { found: [], taken: 1 };
}

function readOption(word: string, next: string | undefined, known: readonly ArgpOption[]): Step | string {
  return word.startsWith("--") ? readLong(word, next, known) : readShort(word, next, known);
}

function readLong(word: string, next: string | undefined, known: readonly ArgpOption[]): Step | string {
  const [, name = "", value] = /^--([^=]*)(?:=([^]*))?$/.exec(word) ?? [];
  const close = known.filter((option) => option.name.startsWith(name));
  const option = close.find((each) => each.name === name) ?? close[0];
  if (option === undefined) return `unrecognized option '${word}'`;
  if (option.name !== name && close.length > 1) {
    return `option '--${name}' is ambiguous; possibilities:${close.map((each) => ` '--${each.name}'`).join("")}`;
  }
  if (option.arg === undefined) {
    if (value !== undefined) return `option '--${option.name}' doesn't allow an argument`;
    return { found: [[option, undefined]], taken: 1 };
  }
  if (value !== undefined || option.isOptional === true) return { found: [[option, value]], taken: 1 };
  return next === undefined ? `option '--${option.name}' requires an argument` : { found: [[option, next]], taken: 2 };
}

function readShort(word: string, next: string | undefined, known: readonly ArgpOption[]): Step | string {
  const found: (readonly [ArgpOption, string | undefined])[] = [];
  for (let at = 1; at < word.length; at++) {
    const letter = word[at] ?? "";
    const option = known.find(({ key }) => key === letter);
    if (option === undefined) return `invalid option -- '${letter}'`;
    if (option.arg === undefined) {
      found.push([option, undefined]);
      continue;
    }
    const attached = word.slice(at + 1);
    if (attached !== "" || option.isOptional === true) {
      return { found: [...found, [option, attached === "" ? undefined : attached]], taken: 1 };
    }
    if (next === undefined) return `option requires an argument -- '${letter}'`;
    return { found: [...found, [option, next]], taken: 2 };
  }
  return { found, taken: 1 };
}
