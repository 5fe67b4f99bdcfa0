import { statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { BerthError, messageOf, printOut, replaceFile } from "../base/index.ts";
import { checkConfigText, locateConfig, readConfigText } from "../config/index.ts";
import { isOn, listOf, textOf, type Flag } from "./command-line.ts";
import type { CtkCall, CtkCommand } from "./ctk-command.ts";
import { defaultConfigText } from "./ctk-config-default.ts";
import { applySettings } from "./ctk-config-set.ts";
import { writeConfig } from "./ctk-write-config.ts";

const OUTPUT: Flag = {
  kind: "text",
  name: "output",
  aliases: ["o"],
  usage: "the file to write; without it the text is printed",
};

/** `nvidia-ctk config`: prints a configuration file, or the default one, with keys set; comments and unknown keys stay (peer-behaviour 1.4). */
export const CONFIG: CtkCommand = {
  name: "config",
  usage: "The configuration file of the container stack",
  takesAnyCommand: true,
  flags: [
    {
      kind: "text",
      name: "config-file",
      aliases: ["config", "c"],
      usage: "the file to read; where there is none, the default one",
    },
    { kind: "list", name: "set", usage: "a key and its value, as key=value; a key alone is true" },
    { kind: "text", name: "set-list-separator", default: ":", usage: "what parts the items of a list", isHidden: true },
    { kind: "boolean", name: "in-place", aliases: ["i"], usage: "change the file itself" },
    OUTPUT,
  ],
  subcommands: [
    {
      name: "default",
      aliases: ["create-default", "generate-default"],
      usage: "Print a new configuration file",
      flags: [OUTPUT],
    },
  ],
  run: (call) => (call.path[1] === "default" ? printDefault(call) : changeConfig(call)),
};

function printDefault({ values }: CtkCall): void {
  write(textOf(values, "output"), defaultConfigText("/"));
}

function changeConfig(call: CtkCall): void {
  const { values, args, world, warn } = call;
  const [word] = args;
  if (word !== undefined) throw wrongUsage(`unexpected word "${word}"`, "give each setting as --set key=value");
  const separator = textOf(values, "set-list-separator");
  if (separator === "") throw wrongUsage("set-list-separator must be set", "leave it out to use a colon");
  const path = textOf(values, "config-file") || locateConfig({ get: world.env }, world.configSlot);
  const change = (old: string | undefined): string => {
    const fault = old === undefined ? undefined : faultOf(path, old);
    if (fault?.code === "BERTH-C001") throw fault;
    const text = applySettings(old ?? defaultConfigText("/"), listOf(values, "set"), separator);
    const left = text === old ? undefined : faultOf(path, text);
    if (left !== undefined && fault === undefined) throw left;
    if (left !== undefined) warn(left.message);
    return text;
  };
  const output = textOf(values, "output");
  if (!isOn(values, "in-place")) return write(output, change(readConfigText(path)));
  if (output !== "") warn(`--output "${output}" is not used: with --in-place the file itself is changed`);
  writeConfig(call, resolve(path), change);
}

/** Why no program of the stack would start with a text. A file that has such a fault already may be mended key by key. */
function faultOf(path: string, text: string): BerthError | undefined {
  try {
    checkConfigText(path, text);
    return undefined;
  } catch (thrown) {
    return BerthError.from(thrown);
  }
}

/** The folder has to be there. What is no regular file, as /dev/stdout, is written to. */
function write(path: string, text: string): void {
  if (path === "") return printOut(text);
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined || found.isFile()) replaceFile(path, text, { followLink: true });
    else writeFileSync(path, text);
  } catch (cause) {
    const why = messageOf(cause);
    const message = `Cannot write "${path}": ${why}`;
    throw new BerthError({ code: "BERTH-T003", message, remedy: "name another file: --output FILE" }, { cause });
  }
}

function wrongUsage(why: string, remedy: string): BerthError {
  return new BerthError({ code: "BERTH-U001", message: why, remedy });
}
