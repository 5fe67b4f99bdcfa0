import type { Application } from "@stricli/core";
import type { World } from "../context.ts";
import { allHelp, type CommandHelp } from "./all-help.ts";
import { bold, escapeRoff, item, page, paragraph, section } from "./roff.ts";

/** berth(1): every command as its own help has it. */
export async function berthPage(application: Application<World>, version: string): Promise<string> {
  const { brief, fullDescription = "" } = application.root;
  const commands = (await allHelp(application)).map(formatCommand);
  return page("berth", version, [
    section("NAME", `berth \\- ${escapeRoff(brief)}`),
    section("SYNOPSIS", `${bold("berth")} [${bold("--root")} DIR] [${bold("--debug")}] COMMAND [...]`),
    section("DESCRIPTION", paragraph(fullDescription)),
    section("COMMANDS", ...commands),
    section(
      "EXIT STATUS",
      item("0", "Done."),
      item("1", "It failed; the line on standard error has a code, a cause and a remedy."),
      item("2", "Wrong usage."),
    ),
    section(
      "FILES",
      item("/etc/nvidia\\-container\\-runtime/config.toml", "The configuration. All of it has defaults."),
      item("/run/berth, /var/lib/berth", "What berth knows of the machine; it is found out again where it is missing."),
    ),
    section("SEE ALSO", `${bold("nvidia-container-runtime")}(1)`),
  ]);
}

/** One command's help: usage, description, and tables of arguments and flags. */
function formatCommand({ route, help }: CommandHelp): string {
  const blocks = help.trimEnd().split(/\n\n+/);
  return [`.SS "${escapeRoff(route)}"`, ...blocks.map((block) => formatBlock(block, route))]
    .filter((text) => text !== "")
    .join("\n");
}

function formatBlock(block: string, route: string): string {
  const [title = "", ...lines] = block.split("\n");
  if (title === "USAGE")
    return lines
      .map((line) => usage(line.trim(), route))
      .filter((line) => line !== "")
      .join("\n");
  if (/^[A-Z]+$/.test(title))
    return lines
      .map(formatRow)
      .filter((row) => row !== "")
      .join("\n");
  return paragraph(block);
}

/** The command bold; that each has --help is known. */
function usage(line: string, route: string): string {
  if (line.endsWith("--help")) return "";
  return `.PP\n${bold(route)}${escapeRoff(line.slice(route.length))}`;
}

/** A row of a table, columns at least two blanks apart: `-o [--output]   what it is   [json|yaml]`. */
function formatRow(line: string): string {
  const columns = line.trim().split(/\s{2,}/);
  const flags = columns.filter((column, at) => at === 0 || (at === 1 && column.startsWith("--")));
  const [term = ""] = flags;
  const names =
    term.startsWith("-") || term.startsWith("[-") ? flags.join(" ").replace(/[[\]]/g, "").split(" ") : [term];
  return names.includes("--help") ? "" : item(names.map(bold).join(", "), columns.slice(flags.length).join(" "));
}
