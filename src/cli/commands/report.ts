import { buildCommand } from "@stricli/core";
import { text } from "./parameters.ts";

export const report = buildCommand({
  loader: async () => (await import("../report.ts")).printReport,
  parameters: {
    flags: {
      by: {
        kind: "enum",
        values: ["user", "project", "image", "gpu", "container"],
        brief: "What a line is for",
        default: "user",
      },
      since: text("From when on: 2026-11-01, 2026-11-01T12:00, or how long ago (30d)", "TIME"),
      until: text("Until when (now)", "TIME"),
      json: { kind: "boolean", brief: "Print it as JSON", withNegated: false, optional: true },
    },
  },
  docs: {
    brief: "Who had how many GPUs, and for how long",
    fullDescription:
      "One line for each user, project of Compose, image, GPU or container that had leases in that time, most GPU-hours first: leases, GPU-hours, their share of all that the machine has in that time, how many GPUs at once at most, the longest lease, and how many wishes were denied. A lease that lives counts up to now. With --json: schema, since, until, by, gpus, availableGpuHours, rows, total, as docs/report.schema.json describes them.",
  },
});
