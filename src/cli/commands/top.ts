import { buildCommand } from "@stricli/core";
import { text } from "./parameters.ts";

const flag = (brief: string) => ({ kind: "boolean", brief, withNegated: false, optional: true }) as const;

export const top = buildCommand({
  loader: async () => (await import("../top.ts")).showTop,
  parameters: {
    flags: {
      interval: text("How often it looks (1; with --json: again and again)", "SECONDS"),
      once: flag("Print one picture and end"),
      json: flag("Print it as JSON; with --interval one object a line"),
      noColor: flag("No colours (also NO_COLOR)"),
      ascii: flag("Draw with ASCII alone"),
    },
    aliases: { i: "interval" },
  },
  docs: {
    brief: "Watch the GPUs and the processes on them",
    fullDescription:
      "Work, memory, temperature, power, clocks and traffic of each GPU with what was, its lease, and below it the processes with their containers. Keys: q quits, h tells the others: arrows or j and k choose a process, o and a letter (or F6) sorts, / filters, r turns it round, t is a tree by container, T and K send SIGTERM and SIGKILL after a question. A GPU that does not answer within a second is marked SICK, and the others go on. With --json: schema, time, host, driver, gpus, processes, containers, leases, unclaimed, errors, as docs/top.schema.json describes them.",
  },
});
