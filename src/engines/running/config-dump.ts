import { statSync } from "node:fs";
import { basename } from "node:path";
import { escapeControls, messageOf } from "../../base/index.ts";
import { isTrusted } from "../../linux/index.ts";
import { askClient } from "../ask-client.ts";
import { isTable } from "../any-value.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { Asked, RunningScene } from "./running.ts";

/** What the kernel adds to the path of a program whose file was replaced since it started. */
const REPLACED = / \(deleted\)$/;

/**
 * The program of a daemon, to be started once more with other words; a sentence: why it is not. Its name counts, as a
 * process can be called like a daemon whatever it runs.
 */
export function programOf(
  { program }: Pick<DaemonProcess, "program">,
  name: string,
): { readonly path: string } | string {
  const path = program.replace(REPLACED, "");
  if (basename(path) !== name) return `its program "${path}" is not ${name} itself`;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true) return `its program "${path}" is no longer there`;
  if (!isTrusted(stats)) return `its program "${path}" can be changed by others than root`;
  return { path };
}

/** A configuration as text and as values. */
export interface Dump {
  readonly text: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** What a program prints as TOML. */
export function askForToml(argv: readonly string[], scene: RunningScene): Asked<Dump> {
  const said = askClient(argv, scene);
  if (!said.isGood) return said;
  try {
    const values: unknown = Bun.TOML.parse(said.text);
    if (!isTable(values)) return { isGood: false, why: "its configuration is no table" };
    return { isGood: true, engine: { text: said.text, values } };
  } catch (thrown) {
    const why = messageOf(thrown);
    return { isGood: false, why: `its configuration cannot be understood: ${escapeControls(why)}` };
  }
}
