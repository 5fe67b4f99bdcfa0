import { buildCommand } from "@stricli/core";

export const inspect = buildCommand({
  loader: async () => (await import("../inspect.ts")).printInspection,
  parameters: {
    flags: {
      bundle: { kind: "parsed", parse: String, brief: "The folder that holds config.json", placeholder: "DIR" },
      json: { kind: "boolean", brief: "Print it as JSON", withNegated: false, optional: true },
    },
    aliases: { b: "bundle" },
  },
  docs: {
    brief: "Show what a bundle's container would get, and why; changes nothing",
    fullDescription:
      "With --json an object whose kind is nothing (with reason), refused (with problem: code, message, remedy), wish (with wish, and chosen: what would be given now), without (with reason) or planned (with driver, gpus, migDevices, capabilities, steps and warnings; a step has kind, text and reason). Ends with 1 when refused.",
  },
});
