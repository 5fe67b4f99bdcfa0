import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { editFile } from "./edit-file.ts";

/**
 * `add PATH LOCK TIMES`: adds a line so many times. `ignore PATH - TIMES`: counts its own line up, without any lock,
 * and stops where it was set back.
 */
/** In milliseconds: how long it waits for its own line to come back. */
const TRIES = 1000;

const [how = "", path = "", lock = "", times = "1"] = process.argv.slice(2);
for (let line = 0; line < Number(times); line++) {
  if (how === "ignore") countUp(line);
  else editFile(path, { change: (text) => `${text ?? ""}${process.pid} ${line}\n`, lock, backup: true });
}

function countUp(line: number): void {
  let text = readFileSync(path, "utf8");
  // In the moment of an exchange what the editor read before stands there; what was written comes back.
  for (let tries = 0; tries < TRIES && !text.startsWith(`count ${line}\n`); tries++) {
    Bun.sleepSync(1);
    text = readFileSync(path, "utf8");
  }
  if (!text.startsWith(`count ${line}\n`)) throw new Error(`lost: ${line}, ${JSON.stringify(text.slice(0, 20))}`);
  writeFileSync(`${path}.theirs`, text.replace(/^count \d+/, `count ${line + 1}`));
  renameSync(`${path}.theirs`, path);
}
