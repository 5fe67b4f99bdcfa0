import { resolve } from "node:path";
import { printOut } from "../base/index.ts";
import { configReader, planEngine, type ConfigReader, type FileEdit } from "../engines/index.ts";
import { Root } from "../linux/index.ts";
import { isOn, textOf } from "./command-line.ts";
import type { CtkCall } from "./ctk-command.ts";
import { readEngineDump } from "./ctk-engine-dump.ts";
import { formatOciHook } from "./ctk-oci-hook.ts";
import { writeConfig } from "./ctk-write-config.ts";
import { readConfigureOptions, type ConfigureOptions } from "./ctk-runtime-options.ts";

/** `nvidia-ctk runtime configure`: only what is missing is added, and nothing is restarted. */
export function configureRuntime(call: CtkCall): void {
  const options = readConfigureOptions(call);
  if (isHookMode(call)) return writeHook(call);
  using root = Root.open("/");
  const reader = configReader(root);
  const isThere = reader.read(options.main) !== undefined;
  call.info(isThere ? `Loading config from ${options.main}` : "Config file does not exist; using empty config");
  const dump = options.isFromCommand ? readEngineDump(call, options, isThere) : undefined;
  const facts = { config: options.main, dropIn: options.dropIn, dump };
  const plan = planEngine(options.engine, reader, options.wish, facts);
  for (const note of plan.notes) call.warn(note);
  if (isOn(call.values, "dry-run")) return printPlan(reader, plan.edits, options);
  const written = plan.edits.filter(({ path, change }) => writeConfig(call, path, (text) => change(text).text));
  for (const { path } of written) call.info(`Wrote updated config to ${path}`);
  if (written.length === 0) call.info(`No change is needed: ${options.word} has all that is asked for`);
  else call.info(`It is recommended that ${options.word} daemon be restarted.`);
}

function isHookMode({ values, warn }: CtkCall): boolean {
  const mode = textOf(values, "config-mode");
  if (mode === "oci-hook" || mode === "hook") {
    warn("--config-mode=oci-hook is deprecated: use CDI, or the runtime");
    return true;
  }
  if (!["", "config-file", "config"].includes(mode)) warn(`unrecognized config mode '${mode}': the file is changed`);
  return false;
}

function writeHook(call: CtkCall): void {
  const { values, info } = call;
  const text = formatOciHook(textOf(values, "nvidia-runtime-hook-path"));
  const path = textOf(values, "oci-hook-path");
  if (path === "" || isOn(values, "dry-run")) return printOut(`${text}\n`);
  writeConfig(call, resolve(path), () => text);
  info(`Wrote hook to ${path}`);
}

/** The drop-in file and then the main one, as they would be. */
function printPlan(reader: ConfigReader, edits: readonly FileEdit[], { main }: ConfigureOptions): void {
  const texts = edits.map(({ path, change }) => change(reader.read(path)).text);
  if (!edits.some(({ path }) => path === main)) texts.push(reader.read(main) ?? "");
  printOut(
    texts
      .filter((text) => text !== "")
      .map((text) => (text.endsWith("\n") ? text : `${text}\n`))
      .join(""),
  );
}
