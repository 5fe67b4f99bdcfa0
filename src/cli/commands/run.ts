import { buildCommand } from "@stricli/core";
import { RUN_ENGINES } from "../run/engine.ts";
import { text } from "./parameters.ts";

export const run = buildCommand({
  loader: async () => (await import("../run-container.ts")).runContainer,
  parameters: {
    flags: {
      gpus: {
        kind: "parsed",
        parse: String,
        brief: "What it gets: any:2, 'any:2,mem>=40G', optional, 0,1, GPU-…, all, none",
        placeholder: "WHAT",
        default: "any:1",
      },
      wait: {
        kind: "parsed",
        parse: String,
        brief: "Wait for idle GPUs, for so long (30s, 5m, 1h) or for ever",
        placeholder: "TIME",
        optional: true,
        inferEmpty: true,
      },
      engine: {
        kind: "enum",
        values: RUN_ENGINES,
        brief: "Which starts the container (docker where its daemon answers, else podman)",
        optional: true,
      },
      label: text("What the GPUs are for", "TEXT"),
      unchecked: {
        kind: "boolean",
        brief: "Do not ask the driver: every GPU without a lease counts as idle",
        withNegated: false,
        optional: true,
      },
    },
    aliases: { g: "gpus" },
  },
  docs: {
    customUsage: [
      "[--gpus WHAT] [--wait[=TIME]] [--engine docker|podman] [--label TEXT] [--unchecked] -- [OPTION]... IMAGE [COMMAND]...",
    ],
    brief: "Start a container with idle GPUs that nobody else is given",
    fullDescription:
      "Takes the best set of idle GPUs for the container, waits for them with --wait, and becomes docker run or podman run: everything behind -- is the engine's own, and so are signals, terminal and exit code. The GPUs are the container's until it ends; when it is started again they are wished for anew. Ends with 75 where not enough are free, with 1 or 2 when berth cannot start it, with 125 when the engine cannot.",
  },
});
