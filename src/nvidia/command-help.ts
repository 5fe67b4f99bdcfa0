import type { Command, Flag } from "./command-line.ts";

const WIDTH = 100;
const INDENT = 3;
/** A left column that is wider gets a line of its own. */
const MAX_LEFT = 36;

/** The help of the last of `commands`, which lead to it from the program: name, usage, sub-commands and flags, within 100 columns. */
export function formatHelp(commands: readonly Command[]): string {
  const command = commands.at(-1);
  const path = commands.map(({ name }) => name).join(" ");
  const subcommands = command?.subcommands;
  const [above, own] = [commands.slice(0, -1).flatMap(visibleFlags), commands.slice(-1).flatMap(visibleFlags)];
  const isProgram = commands.length === 1;
  const sections = [
    section("NAME", [...wrap(`${path} - ${command?.usage ?? ""}`, WIDTH - INDENT)]),
    section("USAGE", [`${path} ${subcommands === undefined ? "[options]" : "[options] [command]"}`]),
    section("COMMANDS", subcommands === undefined ? [] : columns(commandRows(subcommands))),
    section(isProgram ? "GLOBAL OPTIONS" : "OPTIONS", columns([...own.map(flagRow), ...ownFlagRows(isProgram)])),
    section("GLOBAL OPTIONS", columns(above.map(flagRow))),
  ];
  return sections.filter((text) => text !== "").join("\n");
}

type Row = readonly [left: string, right: string];

function visibleFlags({ flags = [] }: Command): readonly Flag[] {
  return flags.filter(({ isHidden }) => isHidden !== true);
}

function section(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `${title}:\n${lines.map((line) => `${" ".repeat(INDENT)}${line}\n`).join("")}`;
}

function commandRows(commands: readonly Command[]): readonly Row[] {
  const rows = commands
    .filter(({ isHidden }) => isHidden !== true)
    .map(({ name, aliases = [], usage }): Row => [[name, ...aliases].join(", "), usage]);
  return [...rows, ["help, h", "Show the commands, or help for one"]];
}

function ownFlagRows(isProgram: boolean): readonly Row[] {
  const help: Row = ["--help, -h", "show help"];
  return isProgram ? [help, ["--version, -v", "print the version"]] : [help];
}

function flagRow(flag: Flag): Row {
  const names = [flag.name, ...(flag.aliases ?? [])].map((name) => (name.length === 1 ? `-${name}` : `--${name}`));
  const value = { boolean: "", text: " string", list: " string [, ...]" }[flag.kind];
  const env = (flag.env ?? []).map((name) => `$${name}`).join(", ");
  const notes = [flag.usage, defaultNote(flag), env === "" ? "" : `[${env}]`];
  return [`${names.join(", ")}${value}`, notes.filter((note) => note !== "").join(" ")];
}

function defaultNote(flag: Flag): string {
  if (flag.kind === "boolean") return "";
  const values = flag.kind === "text" ? [flag.default ?? ""] : (flag.default ?? []);
  const quoted = values.filter((value) => value !== "").map((value) => JSON.stringify(value));
  return quoted.length === 0 ? "" : `(default: ${quoted.join(", ")})`;
}

function columns(rows: readonly Row[]): readonly string[] {
  const left = Math.max(0, ...rows.map(([text]) => text.length).filter((length) => length <= MAX_LEFT));
  const margin = " ".repeat(left + 2);
  return rows.flatMap(([text, right]) => {
    const lines = wrap(right, WIDTH - INDENT - margin.length);
    if (text.length > left) return [text, ...lines.map((line) => margin + line)];
    return [`${text.padEnd(left + 2)}${lines[0] ?? ""}`, ...lines.slice(1).map((line) => margin + line)];
  });
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
