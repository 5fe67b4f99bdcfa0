import { buildCommand } from "@stricli/core";

export const host = buildCommand({
  loader: async () => (await import("../host.ts")).printHost,
  parameters: {
    flags: {
      json: { kind: "boolean", brief: "Print the host as JSON", withNegated: false, optional: true },
      noLearn: { kind: "boolean", brief: "Do not ask the driver", withNegated: false, optional: true },
    },
  },
  docs: {
    brief: "Show what this machine has: driver, GPUs, device nodes",
    fullDescription:
      "Reads the driver's files, then asks the driver, for 10 seconds at most and in a process of its own, for what only it knows: UUIDs that the files do not say, compute capability, brand, the newest CUDA, and number, UUID and profile of MIG devices. As root it keeps the answers in /var/lib/berth/gpus.json, where a container's start finds them. A driver that does not answer is a warning. With --json: root, driver (version, cuda, libraryFolders), gpus, unit, controlNodes, migControl, imexChannels, features, libraries, missing, files, links, warnings; gpus[i] has index, minor, uuid, bus, model, computeCapability, brand, node, drmNodes, drmLinks, isMigEnabled and migDevices; migDevices[j] has gpuInstance, computeInstance, uuid, index, profile and nodes. What is not known is null.",
  },
});

/** Started by `berth host`; no user's business. */
export const learnNvml = buildCommand({
  loader: async () => (await import("../learn-nvml.ts")).learnNvml,
  parameters: {
    flags: {
      root: { kind: "parsed", parse: String, brief: "The folder to make the root first", placeholder: "DIR" },
      library: { kind: "parsed", parse: String, brief: "The driver's library under it", placeholder: "FILE" },
    },
  },
  docs: { brief: "Ask the driver's library" },
});
