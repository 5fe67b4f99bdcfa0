import { readSync } from "node:fs";
import { isatty } from "node:tty";
import { escapeControls } from "../base/index.ts";

/** Whether somebody sits there who can be asked. */
export function canAsk(): boolean {
  return isatty(0) && isatty(2);
}

/** Whether what is printed is looked at, and may be in colours (no-color.org). */
export function isColoured(env: (name: string) => string | undefined): boolean {
  return isatty(1) && (env("NO_COLOR") ?? "") === "";
}

/** Asks a question whose answer is no unless it is yes. */
export function askUser(note: (text: string) => void, question: string): boolean {
  note(`${escapeControls(question)} [y/N] `);
  const buffer = Buffer.alloc(256);
  const length = readSync(0, buffer, 0, buffer.length, null);
  if (length === 0) note("\n");
  return /^y(es)?$/i.test(buffer.subarray(0, length).toString().trim());
}
