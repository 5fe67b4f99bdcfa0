import { expect, test } from "bun:test";
import { formatArgpHelp, formatArgpUsage, type ArgpCommand } from "./argp-help.ts";

const COMMAND: ArgpCommand = {
  name: "tool run",
  words: "PATH",
  summary: "Runs a tool.",
  options: [
    { name: "debug", key: "d", arg: "FILE", usage: "Write a log" },
    { name: "user", key: "u", arg: "UID[:GID]", isOptional: true, usage: "As whom" },
    {
      name: "a-name-that-is-rather-long",
      usage: "An explanation that is longer than what one line of eighty columns has",
    },
    { name: "quick", key: "q", usage: "At once" },
  ],
  commands: [["now", "At once"]],
};

test("the help lists options and commands in two columns, as argp lays them out", () => {
  expect(formatArgpHelp(COMMAND)).toBe(`Usage: tool run [OPTION...] PATH
Runs a tool.

 Options:
  -d, --debug=FILE           Write a log
  -u, --user[=UID[:GID]]     As whom
      --a-name-that-is-rather-long
                             An explanation that is longer than what one line
                             of eighty columns has
  -q, --quick                At once

 Commands:
  now                        At once

  -?, --help                 Print this list
      --usage                Print the options in short
  -V, --version              Print the version

A value that an option needs or may have is the same for its long and its short
form.
`);
});

test("the usage names every option in short", () => {
  expect(formatArgpUsage(COMMAND)).toBe(`Usage: tool run [-q?V] [-d FILE] [-u[UID[:GID]]] [--debug=FILE]
            [--user[=UID[:GID]]] [--a-name-that-is-rather-long] [--quick]
            [--help] [--usage] [--version] PATH
`);
});
