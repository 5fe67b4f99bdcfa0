import { OWN_OPTIONS, type ArgpOption } from "./argp.ts";

/** A command on argp, for its help. */
export interface ArgpCommand {
  /** "nvidia-container-cli list" */
  readonly name: string;
  /** What the words after the options are: "ROOTFS"; "": there are none. */
  readonly words: string;
  readonly summary: string;
  readonly options: readonly ArgpOption[];
  /** Names and what they do, for the list below the options. */
  readonly commands?: readonly (readonly [name: string, usage: string])[];
}

/** The column of the explanations, and the width of a line, as argp has them. */
const COLUMN = 29;
const WIDTH = 79;

/** What `--help` prints, laid out as argp does. */
export function formatArgpHelp(command: ArgpCommand): string {
  const { summary, options, commands = [] } = command;
  const rows = options.map(optionRow);
  const commandRows = commands.map(([name, usage]) => row(`  ${name}`, usage));
  return [
    `${usageLine(command)}\n${wrap(summary, 0).join("\n")}\n`,
    ` Options:\n${rows.join("")}`,
    ...(commands.length === 0 ? [] : [` Commands:\n${commandRows.join("")}`]),
    OWN_OPTIONS.map(optionRow).join(""),
    "A value that an option needs or may have is the same for its long and its short\nform.\n",
  ].join("\n");
}

/** What `--usage` prints: every option in short. */
export function formatArgpUsage({ name, words, options }: ArgpCommand): string {
  const all = [...options, ...OWN_OPTIONS];
  const letters = all.flatMap(({ key, arg }) => (arg === undefined ? (key ?? []) : [])).join("");
  const parts = [
    `[-${letters}]`,
    ...all.flatMap(({ key, arg, isOptional }) => {
      return key === undefined || arg === undefined ? [] : [`[-${key}${isOptional === true ? `[${arg}]` : ` ${arg}`}]`];
    }),
    ...all.map((option) => `[--${option.name}${longValue(option)}]`),
    ...(words === "" ? [] : [words]),
  ];
  const lines = [`Usage: ${name}`];
  for (const part of parts) {
    const line = `${lines.at(-1)} ${part}`;
    if (line.length < WIDTH) lines[lines.length - 1] = line;
    else lines.push(`${" ".repeat(12)}${part}`);
  }
  return `${lines.join("\n")}\n`;
}

/** "Usage: nvidia-container-cli [OPTION...] COMMAND [ARG...]" */
export function usageLine({ name, words }: ArgpCommand): string {
  return `Usage: ${name} [OPTION...]${words === "" ? "" : ` ${words}`}`;
}

/** argp's pointer to its help, which ends every refusal. */
export function formatTry(name: string): string {
  return `Try \`${name} --help' or \`${name} --usage' for more information.\n`;
}

function longValue({ arg, isOptional }: ArgpOption): string {
  if (arg === undefined) return "";
  return isOptional === true ? `[=${arg}]` : `=${arg}`;
}

function optionRow(option: ArgpOption): string {
  const short = option.key === undefined ? "      " : `  -${option.key}, `;
  return row(`${short}--${option.name}${longValue(option)}`, option.usage);
}

function row(left: string, usage: string): string {
  const [first = "", ...more] = wrap(usage, COLUMN);
  const rest = more.map((line) => `${" ".repeat(COLUMN)}${line}\n`).join("");
  if (left.length + 2 > COLUMN) return `${left}\n${" ".repeat(COLUMN)}${first}\n${rest}`;
  return `${left.padEnd(COLUMN)}${first}\n${rest}`;
}

function wrap(text: string, margin: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > WIDTH - margin) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
