import { expect, test } from "bun:test";
import { VERSION } from "../base/index.ts";
import { isGiven, isOn, listOf, parseCommandLine, textOf, type Command } from "./command-line.ts";

const PROGRAM: Command = {
  name: "tool",
  usage: "Tools for containers",
  flags: [
    { kind: "boolean", name: "debug", aliases: ["d"], env: ["TOOL_DEBUG", "TOOL_VERBOSE"], usage: "Say more" },
    { kind: "text", name: "config", usage: "The configuration" },
  ],
  subcommands: [
    {
      name: "make",
      aliases: ["build"],
      usage: "Make a thing",
      flags: [
        { kind: "text", name: "output", aliases: ["o"], env: ["TOOL_OUTPUT"], default: "-", usage: "Where it goes" },
        { kind: "list", name: "dir", env: ["TOOL_DIRS"], default: ["/a", "/b"], usage: "Where it is looked for" },
        { kind: "boolean", name: "all", usage: "Every thing" },
        { kind: "text", name: "secret", isHidden: true, usage: "Not shown" },
      ],
    },
    {
      name: "hook",
      usage: "Hooks",
      takesAnyCommand: true,
      subcommands: [{ name: "link", usage: "Links", flags: [{ kind: "list", name: "link", usage: "A link" }] }],
    },
    { name: "set", usage: "Settings", subcommands: [{ name: "root", usage: "The root" }] },
    { name: "empty", usage: "Nothing yet", subcommands: [] },
    { name: "ghost", usage: "Never seen", isHidden: true },
  ],
};

const parse = (line: string, env: Readonly<Record<string, string>> = {}) =>
  parseCommandLine(PROGRAM, line === "" ? [] : line.split(" "), (name) => env[name]);

/** The values of `make` as an object; what it printed instead fails the test. */
function made(line: string, env: Readonly<Record<string, string>> = {}) {
  const result = parse(`make ${line}`.trim(), env);
  if (result.kind !== "run") throw new Error(result.out);
  const { path, values, args } = result;
  const [output, dir, all, debug] = [
    textOf(values, "output"),
    listOf(values, "dir"),
    isOn(values, "all"),
    isOn(values, "debug"),
  ];
  return { path: path.join(" "), output, dir, all, debug, args };
}

const DEFAULTS = { path: "make", output: "-", dir: ["/a", "/b"], all: false, debug: false, args: [] };

test.each<[string, Readonly<Record<string, string>>, object]>([
  ["", {}, {}],
  ["--output x", {}, { output: "x" }],
  ["--output=x", {}, { output: "x" }],
  ["-output x", {}, { output: "x" }],
  ["-output=x", {}, { output: "x" }],
  ["-o x", {}, { output: "x" }],
  ["--output=", {}, { output: "" }],
  ["--output=a=b", {}, { output: "a=b" }],
  ["--output -", {}, { output: "-" }],
  ["--output --all", {}, { output: "--all" }],
  ["--output x --output y", {}, { output: "y" }],
  ["--dir x", {}, { dir: ["x"] }],
  ["--dir x,y --dir z", {}, { dir: ["x", "y", "z"] }],
  ["--all", {}, { all: true }],
  ["--all=true", {}, { all: true }],
  ["--all=0", {}, { all: false }],
  ["--all word", {}, { all: true, args: ["word"] }],
  ["word --all", {}, { all: true, args: ["word"] }],
  ["-- --all", {}, { args: ["--all"] }],
  ["- -7", {}, { args: ["-", "-7"] }],
  ["-d", {}, { debug: true }],
  ["", { TOOL_OUTPUT: "e", TOOL_DIRS: "p,q", TOOL_DEBUG: "1" }, { output: "e", dir: ["p", "q"], debug: true }],
  ["", { TOOL_DEBUG: "", TOOL_VERBOSE: "true" }, { debug: true }],
  ["", { TOOL_DEBUG: "false", TOOL_VERBOSE: "true" }, { debug: false }],
  [
    "--output f --dir f --debug=false",
    { TOOL_OUTPUT: "e", TOOL_DIRS: "p", TOOL_DEBUG: "1" },
    { output: "f", dir: ["f"] },
  ],
])("flags of %j with the environment %j", (line, env, expected) => {
  expect(made(line, env)).toEqual({ ...DEFAULTS, ...expected });
});

test("a flag of the program stands before or after the command, and an alias of a command gives its name", () => {
  expect(parse("--debug build")).toEqual(parse("build -d"));
  expect(parse("--debug build")).toMatchObject({ kind: "run", path: ["make"] });
});

test.each([
  ["make", {}, false],
  ["make --output=-", {}, true],
  ["make", { TOOL_OUTPUT: "-" }, true],
  ["make", { TOOL_OUTPUT: "" }, false],
])("isGiven knows a default from a given value: %j with %j", (line, env, expected) => {
  const result = parse(line, env);
  expect(result.kind === "run" && isGiven(result.values, "output")).toBe(expected);
});

test("a flag that a command does not have is a mistake of the programmer", () => {
  const result = parse("set root");
  if (result.kind !== "run") throw new Error(result.out);
  expect(() => textOf(result.values, "output")).toThrow(RangeError);
});

test.each([
  ["", "tool - Tools for containers"],
  ["help", "tool - Tools for containers"],
  ["h", "tool - Tools for containers"],
  ["--help", "tool - Tools for containers"],
  ["-h", "tool - Tools for containers"],
  ["help make", "tool make - Make a thing"],
  ["make --help", "tool make - Make a thing"],
  ["make -h", "tool make - Make a thing"],
  ["make help", "tool make - Make a thing"],
  ["build --output x h", "tool make - Make a thing"],
  ["set", "tool set - Settings"],
  ["set help root", "tool set root - The root"],
  ["empty", "tool empty - Nothing yet"],
  ["hook --help", "tool hook - Hooks"],
  ["hook help link", "tool hook link - Links"],
  ["hook link -h", "tool hook link - Links"],
])("%j prints help on stdout and is done", (line, name) => {
  const result = parse(line);
  expect(result).toMatchObject({ kind: "print", err: "", error: undefined, exitCode: 0 });
  expect(result.kind === "print" && result.out).toStartWith(`NAME:\n   ${name}\n`);
});

test.each(["--version", "-v"])("%s prints the version", (flag) => {
  expect(parse(flag)).toMatchObject({ kind: "print", out: `tool version ${VERSION}\n`, err: "", exitCode: 0 });
});

test.each([
  ["nope", "nope"],
  ["help nope", "nope"],
  ["set nope --flag", "nope"],
  ["empty nope", "nope"],
])("%j is a command that does not exist: exit code 3", (line, word) => {
  const err = `No help topic for '${word}'\n`;
  expect(parse(line)).toEqual({ kind: "print", out: "", err, error: undefined, exitCode: 3 });
});

test.each<[string, Readonly<Record<string, string>>, string]>([
  ["--nope", {}, "flag provided but not defined: -nope"],
  ["make --nope=1", {}, "flag provided but not defined: -nope"],
  ["make -x", {}, "flag provided but not defined: -x"],
  ["make --version", {}, "flag provided but not defined: -version"],
  ["make --output", {}, "flag needs an argument: --output"],
  ["make --all=maybe", {}, 'invalid value "maybe" for flag -all: parse error'],
  [
    "make",
    { TOOL_DEBUG: "maybe" },
    'could not parse "maybe" as bool value from environment variable "TOOL_DEBUG" for flag debug',
  ],
  ["hook link --nope", {}, "flag provided but not defined: -nope"],
])("%j with the environment %j is wrong usage: help on stdout, an error, exit code 1", (line, env, why) => {
  const result = parse(line, env);
  expect(result).toMatchObject({ kind: "print", err: "", error: why, exitCode: 1 });
  expect(result.kind === "print" && result.out).toStartWith(`Incorrect Usage: ${why}\n\nNAME:\n`);
});

test.each([
  ["hook", []],
  ["hook later", ["later"]],
  ["hook later --nope x", ["later", "--nope", "x"]],
  ["hook later --help", ["later", "--help"]],
])("a group that takes any command runs with what it does not know, unread: %j", (line, args) => {
  expect(parse(line)).toMatchObject({ kind: "run", path: ["hook"], args });
});

test("help shows commands, flags, defaults and variables, and nothing hidden", () => {
  const help = parse("make --help");
  expect(help.kind === "print" && help.out).toBe(`NAME:
   tool make - Make a thing

USAGE:
   tool make [options]

OPTIONS:
   --output, -o string   Where it goes (default: "-") [$TOOL_OUTPUT]
   --dir string [, ...]  Where it is looked for (default: "/a", "/b") [$TOOL_DIRS]
   --all                 Every thing
   --help, -h            show help

GLOBAL OPTIONS:
   --debug, -d      Say more [$TOOL_DEBUG, $TOOL_VERBOSE]
   --config string  The configuration
`);
  const top = parse("--help");
  expect(top.kind === "print" && top.out).toContain("   make, build  Make a thing\n");
  expect(top.kind === "print" && top.out).not.toContain("ghost");
});

test("help stays within 100 columns", () => {
  const usage = "every word of a long sentence ".repeat(12);
  const flags = [{ kind: "text", name: `long-${"name-".repeat(8)}x`, usage } as const];
  const help = parseCommandLine({ name: "tool", usage, flags }, ["--help"], () => undefined);
  const lines = help.kind === "print" ? help.out.split("\n") : [];
  expect(Math.max(...lines.map((line) => line.length))).toBeGreaterThan(90);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
});
