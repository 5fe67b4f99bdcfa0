import { buildCommand } from "@stricli/core";

export const gpus = buildCommand({
  loader: async () => (await import("../gpus.ts")).printGpus,
  parameters: {
    flags: {
      json: { kind: "boolean", brief: "Print it as JSON", withNegated: false, optional: true },
    },
  },
  docs: {
    brief: "Show what each GPU is doing, and which container, project and user it works for",
    fullDescription:
      "One line a GPU, in the order of PCI addresses: index, model, temperature, utilisation, memory, then container/user with the memory of each, the image and the Compose project. The driver is asked in a process of its own, each GPU for one second at most: one that does not answer is marked SICK with the reason, and the others are shown all the same. Ends with 1 when no GPU says anything. MIG devices are lines of their own; root also sees leases, and the last Xid in the kernel's log. With --json: schema, time, host, driver, gpus, processes, containers, leases, unclaimed, errors, as docs/gpus.schema.json describes them; units stand in the names, and what is not known is null.",
  },
});

/** Started by `berth gpus`; no user's business. */
export const nvmlState = buildCommand({
  loader: async () => (await import("../nvml-state.ts")).tellNvmlState,
  parameters: {
    flags: {
      root: { kind: "parsed", parse: String, brief: "The folder to make the root first", placeholder: "DIR" },
      library: { kind: "parsed", parse: String, brief: "The driver's library under it", placeholder: "FILE" },
      target: {
        kind: "parsed",
        parse: String,
        variadic: true,
        brief: "A GPU by its PCI address",
        placeholder: "ADDRESS",
        optional: true,
      },
      traffic: { kind: "boolean", brief: "What goes over PCIe and NVLink, too", withNegated: false, optional: true },
    },
  },
  docs: { brief: "Ask the GPUs what they are doing" },
});
