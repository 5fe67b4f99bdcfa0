/** Enters the runtime door as main.ts does, with the record that argv[2] describes as JSON. Ends as the low-level runtime, or with 1. */
import { BerthError, formatProblem, printErr } from "../base/index.ts";
import { runtimeDoor } from "./runtime.ts";

interface Described {
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly config: string;
  readonly state: string;
}

const described: Described = JSON.parse(process.argv[2] ?? "{}");
try {
  await runtimeDoor({
    program: "nvidia-container-runtime",
    argv: ["nvidia-container-runtime", ...described.argv].map((word) => Buffer.from(word)),
    env: described.env.map((entry) => Buffer.from(entry)),
    nofile: { soft: 256n, hard: 1024n },
    ignoredSignals: 0n,
    blockedSignals: 0n,
    openDescriptors: [0, 1, 2],
    config: described.config,
    state: described.state,
  });
} catch (error) {
  printErr(`${formatProblem("nvidia-container-runtime", BerthError.from(error))}\n`);
  process.exitCode = 1;
}
