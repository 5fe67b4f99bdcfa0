import { buildCommand, buildRouteMap } from "@stricli/core";

const DIR = { brief: "The folder of the simulated host", parse: String, placeholder: "DIR" } as const;

export const sim = buildRouteMap({
  routes: {
    profiles: buildCommand({
      loader: async () => (await import("../sim/profiles.ts")).printProfiles,
      parameters: {},
      docs: { brief: "List the machines that can be simulated" },
    }),
    up: buildCommand({
      loader: async () => (await import("../sim/up.ts")).bringUp,
      parameters: {
        positional: { kind: "tuple", parameters: [DIR] },
        flags: {
          profile: { kind: "parsed", parse: String, brief: "Which machine", placeholder: "NAME" },
          standIns: {
            kind: "boolean",
            brief: "Plain files in place of device nodes, as without root",
            withNegated: false,
            optional: true,
          },
        },
      },
      docs: { brief: "Make a simulated host in DIR" },
    }),
    upgrade: buildCommand({
      loader: async () => (await import("../sim/upgrade.ts")).upgrade,
      parameters: {
        positional: { kind: "tuple", parameters: [DIR] },
        flags: { driver: { kind: "parsed", parse: String, brief: "The new driver's version", placeholder: "VERSION" } },
      },
      docs: { brief: "Replace the driver of the simulated host in DIR, as an upgrade does" },
    }),
    down: buildCommand({
      loader: async () => (await import("../sim/down.ts")).takeDown,
      parameters: { positional: { kind: "tuple", parameters: [DIR] } },
      docs: { brief: "Remove the simulated host in DIR" },
    }),
  },
  docs: { brief: "A simulated machine with GPUs, for trying and testing" },
});
