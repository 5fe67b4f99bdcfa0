import { BerthError } from "../base/index.ts";

/** Options that stand before the command, and the rest of the line. */
export interface GlobalOptions {
  readonly root: string | undefined;
  readonly isDebug: boolean;
  readonly rest: readonly string[];
}

/** Takes `--root DIR`, `--root=DIR` and `--debug` off the front of a command line. Throws BERTH-U001 for `--root` without a folder. */
export function takeGlobalOptions(args: readonly string[]): GlobalOptions {
  let root: string | undefined;
  let isDebug = false;
  let at = 0;
  for (; at < args.length; at += 1) {
    const word = args[at] ?? "";
    if (word === "--debug") isDebug = true;
    else if (word.startsWith("--root=")) root = word.slice("--root=".length);
    else if (word === "--root") root = args[(at += 1)];
    else break;
    if (word.startsWith("--root") && !root) throw missingRoot();
  }
  return { root, isDebug, rest: args.slice(at) };
}

function missingRoot(): BerthError {
  return new BerthError({ code: "BERTH-U001", message: "--root has no folder", remedy: "berth --root DIR COMMAND" });
}
