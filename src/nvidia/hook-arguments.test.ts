import { expect, test } from "bun:test";
import { parseHookArguments, type HookArguments } from "./hook-arguments.ts";

const PRESTART: HookArguments = { kind: "command", name: "prestart", config: undefined, isDebug: false };

const CASES: readonly (readonly [readonly string[], HookArguments])[] = [
  [["prestart"], PRESTART],
  [["poststop"], { ...PRESTART, name: "poststop" }],
  [["-config", "/etc/c.toml", "prestart"], { ...PRESTART, config: "/etc/c.toml" }],
  [["--config=/etc/c.toml", "-debug", "prestart"], { ...PRESTART, config: "/etc/c.toml", isDebug: true }],
  [["-debug=false", "prestart", "-version"], PRESTART],
  [["-version"], { kind: "version" }],
  [["--help"], { kind: "help" }],
  [["-h", "prestart"], { kind: "help" }],
  [[], { kind: "wrong", why: "" }],
  [["start"], { kind: "wrong", why: 'unknown command "start"\n' }],
  [["-x", "prestart"], { kind: "wrong", why: "flag provided but not defined: -x\n" }],
  [["-config"], { kind: "wrong", why: "" }],
];

test.each(CASES)("parseHookArguments reads %j as programs in Go do", (words, expected) => {
  expect(parseHookArguments(words)).toEqual(expected);
});
