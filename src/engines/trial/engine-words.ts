import type { ClientOutput } from "./run-client.ts";

const MAX_CHARACTERS = 2000;
/** What a client adds behind an error. */
const ADVICE = /^(Run '|See '|Unable to find image |time=|WARN)/;

/** Why an engine did not start a container, in its own words on one line: the last that its client printed, which holds what the runtime said. */
export function engineWords({ stdout, stderr, exitCode, isLate }: ClientOutput, timeoutMs: number): string {
  if (isLate) return `it did not come to an end within ${timeoutMs / 1000} seconds`;
  const lines = `${stdout}\n${stderr}`.split("\n").map((line) => line.trim());
  const last = lines.findLast((line) => line !== "" && !ADVICE.test(line));
  if (last === undefined)
    return exitCode === undefined ? "its client was ended by a signal" : `its client ended with ${exitCode}`;
  return last
    .replace(/^(docker|ctr|Error response from daemon|Error): /, "")
    .replace(/^Error response from daemon: /, "")
    .slice(0, MAX_CHARACTERS);
}
