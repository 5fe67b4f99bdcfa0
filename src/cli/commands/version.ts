import { buildCommand } from "@stricli/core";

export const version = buildCommand({
  loader: async () => (await import("../version.ts")).printVersion,
  parameters: {},
  docs: { brief: "Print the version" },
});
