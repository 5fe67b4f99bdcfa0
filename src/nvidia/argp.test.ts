import { describe, expect, test } from "bun:test";
import { allOf, isGiven, lastOf, parseArgp, type ArgpOption } from "./argp.ts";

const OPTIONS: readonly ArgpOption[] = [
  { name: "debug", key: "d", arg: "FILE", usage: "" },
  { name: "device", arg: "ID", usage: "" },
  { name: "kmods", key: "k", usage: "" },
  { name: "no-pivot", key: "n", usage: "" },
  { name: "no-cgroups", usage: "" },
  { name: "user", key: "u", arg: "UID[:GID]", isOptional: true, usage: "" },
];

function parse(line: string, stopsAtWord = false) {
  return parseArgp(OPTIONS, line.split(" ").filter(Boolean), { stopsAtWord });
}

describe("parseArgp", () => {
  test.each([
    ["", {}, []],
    ["--debug=f --kmods", { debug: ["f"], kmods: [undefined] }, []],
    ["--debug f -k", { debug: ["f"], kmods: [undefined] }, []],
    ["-d f", { debug: ["f"] }, []],
    ["-df", { debug: ["f"] }, []],
    ["-kndf", { kmods: [undefined], "no-pivot": [undefined], debug: ["f"] }, []],
    ["-knd f", { kmods: [undefined], "no-pivot": [undefined], debug: ["f"] }, []],
    ["-d=f", { debug: ["=f"] }, []],
    ["-d -k", { debug: ["-k"] }, []],
    ["--debug=", { debug: [""] }, []],
    ["--debug=a=b", { debug: ["a=b"] }, []],
    ["--device=0 --device 1", { device: ["0", "1"] }, []],
    ["--km --deb f", { kmods: [undefined], debug: ["f"] }, []],
    ["--user word", { user: [undefined] }, ["word"]],
    ["--user=0:0", { user: ["0:0"] }, []],
    ["-u word", { user: [undefined] }, ["word"]],
    ["-u0:0", { user: ["0:0"] }, []],
    ["-ku", { kmods: [undefined], user: [undefined] }, []],
    ["one -k two", { kmods: [undefined] }, ["one", "two"]],
    ["-k - --kmods", { kmods: [undefined, undefined] }, ["-"]],
    ["-k -- -n --foo", { kmods: [undefined] }, ["-n", "--foo"]],
  ])("reads %j as the options %j and the words %j", (line, options, words) => {
    const outcome = parse(line);
    if (outcome.kind !== "parsed") throw new Error(JSON.stringify(outcome));
    expect(Object.fromEntries(outcome.values)).toEqual(options);
    expect(outcome.words).toEqual(words);
  });

  test.each([
    ["-k list -n --foo", ["list", "-n", "--foo"]],
    ["--user list", ["list"]],
    ["-d list list", ["list"]],
    ["-k -- -n", ["-n"]],
    ["- -k", ["-", "-k"]],
  ])("leaves all of %j from the first word on unread where a command follows: %j", (line, words) => {
    expect(parse(line, true)).toMatchObject({ kind: "parsed", words });
  });

  test.each([
    ["--foo", "unrecognized option '--foo'"],
    ["--foo=1", "unrecognized option '--foo=1'"],
    ["--kmods=1", "option '--kmods' doesn't allow an argument"],
    ["--km=1", "option '--kmods' doesn't allow an argument"],
    ["--debug", "option '--debug' requires an argument"],
    ["-d", "option requires an argument -- 'd'"],
    ["-kd", "option requires an argument -- 'd'"],
    ["-x", "invalid option -- 'x'"],
    ["-kx", "invalid option -- 'x'"],
    ["--no-", "option '--no-' is ambiguous; possibilities: '--no-pivot' '--no-cgroups'"],
    ["--de=1", "option '--de' is ambiguous; possibilities: '--debug' '--device'"],
    ["--us", "option '--us' is ambiguous; possibilities: '--user' '--usage'"],
  ])("refuses %j: %s", (line, why) => {
    expect(parse(line)).toEqual({ kind: "refused", why });
  });

  test.each([
    ["--help", "help"],
    ["-?", "help"],
    ["-k? --foo", "help"],
    ["--usage", "usage"],
    ["--version", "version"],
    ["-V", "version"],
    ["--vers", "version"],
  ] as const)("takes %j for a question, whatever comes after it: %s", (line, what) => {
    expect(parse(line)).toEqual({ kind: "asked", what });
  });
});

test("of an option that was given twice, the last counts, or all", () => {
  const outcome = parse("--device=0 --device=1 -u");
  if (outcome.kind !== "parsed") throw new Error(JSON.stringify(outcome));
  const { values } = outcome;
  expect([lastOf(values, "device"), lastOf(values, "user"), lastOf(values, "debug")]).toEqual(["1", "", ""]);
  expect([allOf(values, "device"), allOf(values, "debug")]).toEqual([["0", "1"], []]);
  expect([isGiven(values, "user"), isGiven(values, "debug")]).toEqual([true, false]);
});
