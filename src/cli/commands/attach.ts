import { buildCommand } from "@stricli/core";
import { CONTAINER_ENGINES } from "../../engines/index.ts";
import { list, text } from "./parameters.ts";

const WORDS = {
  kind: "array",
  parameter: {
    brief: "The container by name or id, then GPUs: index, UUID, PCI address, 0:1 for a MIG device",
    parse: String,
    placeholder: "CONTAINER GPU",
  },
} as const;

const ENGINE = {
  kind: "enum",
  values: CONTAINER_ENGINES,
  brief: "Whose container it is (every engine is asked)",
  optional: true,
} as const;

const PID = text("A process in the container, for one that no engine has; then no container is named", "PID");

export const attach = buildCommand({
  loader: async () => (await import("../attach.ts")).attachGpus,
  parameters: {
    positional: WORDS,
    flags: {
      engine: ENGINE,
      pid: PID,
      capabilities: list("What of the driver it is to have (compute,utility)", "NAME"),
      restore: {
        kind: "boolean",
        brief: "Give the permissions again that systemctl daemon-reload has taken away",
        withNegated: false,
        optional: true,
      },
    },
  },
  docs: {
    brief: "Give GPUs to a container that runs",
    fullDescription:
      "Nodes, the permission to use them, and of the driver's files what the container lacks; what it has stays as it is. Processes that run already see it; their variables do not change. With --restore alone for all containers.",
  },
});

export const detach = buildCommand({
  loader: async () => (await import("../detach.ts")).detachGpus,
  parameters: {
    positional: WORDS,
    flags: {
      engine: ENGINE,
      pid: PID,
      force: {
        kind: "boolean",
        brief: "Although a process has one open; it keeps what it has open",
        withNegated: false,
        optional: true,
      },
    },
  },
  docs: {
    brief: "Take GPUs from a container that runs",
    fullDescription:
      "However it got them. While a process inside has one open nothing is done, and the process is named. With the last GPU that berth attach gave, the files that came with it go, too.",
  },
});
