import { BerthError, errnoCode, escapeControls, runProgram } from "../base/index.ts";
import { isGiven, textOf } from "./command-line.ts";
import type { CtkCall } from "./ctk-command.ts";
import type { ConfigureOptions } from "./ctk-runtime-options.ts";

const DEADLINE_MS = 10_000;

/** What the engine's own program prints as its whole configuration, TOML (peer-behaviour 7.1). Throws G002. */
export function readEngineDump({ values }: CtkCall, { word, main }: ConfigureOptions, isMainThere: boolean): string {
  const named = textOf(values, "executable-path");
  // containerd refuses a file that is named and not there.
  const config = isGiven(values, "config") && isMainThere ? ["--config", main] : [];
  const calls =
    word === "containerd"
      ? [[named || "containerd", ...config, "config", "dump"]]
      : [
          [named || "crio", "status", "config"],
          [named || "crio-status", "config"],
        ];
  const faults: string[] = [];
  for (const argv of calls) {
    const { text, fault } = run(argv);
    if (text !== undefined) return text;
    faults.push(`"${argv.join(" ")}" ${fault}`);
  }
  throw new BerthError({
    code: "BERTH-G002",
    message: `Cannot ask ${word} for its configuration: ${faults.join("; ")}`,
    remedy: "use --config-source=file",
  });
}

function run(argv: readonly string[]): { readonly text?: string; readonly fault?: string } {
  try {
    const { exitCode, stdout, stderr, isTimedOut } = runProgram(argv, { timeoutMs: DEADLINE_MS });
    if (exitCode === 0) return { text: new TextDecoder().decode(stdout) };
    if (isTimedOut) return { fault: `gave no answer in ${DEADLINE_MS / 1000} seconds` };
    const last = new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "";
    return { fault: `failed: ${escapeControls(last)}` };
  } catch (thrown) {
    if (errnoCode(thrown) === undefined) throw thrown;
    return { fault: "cannot be started" };
  }
}
