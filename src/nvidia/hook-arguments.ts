import { escapeControls } from "../base/index.ts";

/** What is printed to stderr for help and wrong usage. */
export const HOOK_USAGE = `Usage of nvidia-container-runtime-hook:
  -config string
    	configuration file
  -debug
    	print what is done to stderr
  -version
    	print the version

Commands:
  prestart
        give the container its GPUs; its OCI state comes on stdin
  poststart
        do nothing
  poststop
        do nothing
`;

/** What the hook was called for. */
export type HookArguments =
  | { readonly kind: "command"; readonly name: string; readonly config: string | undefined; readonly isDebug: boolean }
  | { readonly kind: "version" | "help" }
  | { readonly kind: "wrong"; readonly why: string };

const COMMANDS = ["prestart", "poststart", "poststop"];

interface Options {
  readonly config: string | undefined;
  readonly isDebug: boolean;
}

const NO_OPTIONS: Options = { config: undefined, isDebug: false };

/** Reads the hook's words: options as programs in Go have them: one dash or two, a value behind "=" or as the next word, none behind the command. */
export function parseHookArguments(words: readonly string[], options = NO_OPTIONS): HookArguments {
  const [word, ...rest] = words;
  if (word === undefined) return { kind: "wrong", why: "" };
  if (!word.startsWith("-")) return readCommand(word, options);
  const [, name = "", value] = /^--?([a-z]+)(?:=(.*))?$/s.exec(word) ?? [];
  if (name === "config") {
    const [config = "", ...others] = value === undefined ? rest : [value, ...rest];
    return parseHookArguments(others, { ...options, config });
  }
  const flag = FLAGS.get(name);
  if (flag === undefined) return { kind: "wrong", why: `flag provided but not defined: ${escapeControls(word)}\n` };
  const isOn = value !== "false";
  if (flag === "debug") return parseHookArguments(rest, { ...options, isDebug: isOn });
  return isOn ? { kind: flag } : parseHookArguments(rest, options);
}

const FLAGS: ReadonlyMap<string, "debug" | "version" | "help"> = new Map([
  ["debug", "debug"],
  ["version", "version"],
  ["help", "help"],
  ["h", "help"],
]);

function readCommand(name: string, options: Options): HookArguments {
  if (COMMANDS.includes(name)) return { kind: "command", name, ...options };
  return { kind: "wrong", why: `unknown command "${escapeControls(name)}"\n` };
}
