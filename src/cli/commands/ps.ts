import { buildCommand } from "@stricli/core";
import { list } from "./parameters.ts";

const flag = (brief: string) => ({ kind: "boolean", brief, withNegated: false, optional: true }) as const;

export const ps = buildCommand({
  loader: async () => (await import("../ps.ts")).printProcesses,
  parameters: {
    flags: {
      json: flag("Print it as JSON"),
      gpu: list("Only those of these GPUs: index, UUID or PCI address", "GPU,…"),
      user: list("Only those of these users: name or number", "USER,…"),
      container: list("Only those of these containers: name or id", "NAME,…"),
      project: list("Only those of these Compose projects or Kubernetes namespaces", "NAME,…"),
      mine: flag("Only one's own; under sudo those of the user behind it"),
      orphans: flag("Only what belongs to nobody any more: memory or processes without a container or process"),
    },
  },
  docs: {
    brief: "List the processes and containers that use the GPUs",
    fullDescription:
      "One line for each process on a GPU: GPU, process, type (C compute, G graphics), user, container, image, project, memory on the GPU, share of the SMs, of one processor since its start, memory of the machine, how long it runs, command. A lease that nothing uses, and memory that no process which can be seen holds, are lines, too. In a narrow terminal columns are left out. With --json: schema, time, host, driver, processes, containers, leases, unclaimed, errors, as docs/ps.schema.json describes them. Ends with 1 when no GPU says anything.",
  },
});
