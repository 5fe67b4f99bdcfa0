import { type Application, buildApplication, buildCommand, buildRouteMap, text_en } from "@stricli/core";
import { VERSION } from "../base/index.ts";
import type { World } from "./context.ts";

const host = buildCommand({
  loader: async () => (await import("./host.ts")).printHost,
  parameters: {
    flags: { json: { kind: "boolean", brief: "Print the host as JSON", withNegated: false, optional: true } },
  },
  docs: {
    brief: "Show what this machine has: driver, GPUs, device nodes",
    fullDescription:
      "Reads files only; the driver is never asked. With --json: root, driver, gpus, controlNodes, libraries, files, warnings; gpus[i] has index, minor, uuid, bus, model, node, drmNodes, isMigEnabled and migDevices. What is not known is null.",
  },
});

const inspect = buildCommand({
  loader: async () => (await import("./inspect.ts")).printInspection,
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
      "With --json an object whose kind is nothing (with reason), refused (with problem: code, message, remedy) or planned (with driver, gpus, migDevices, capabilities, steps and warnings; a step has kind, text and reason). Ends with 1 when refused.",
  },
});

const DIR = { brief: "The folder of the simulated host", parse: String, placeholder: "DIR" } as const;

const sim = buildRouteMap({
  routes: {
    profiles: buildCommand({
      loader: async () => (await import("./sim/profiles.ts")).printProfiles,
      parameters: {},
      docs: { brief: "List the machines that can be simulated" },
    }),
    up: buildCommand({
      loader: async () => (await import("./sim/up.ts")).bringUp,
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
      loader: async () => (await import("./sim/upgrade.ts")).upgrade,
      parameters: {
        positional: { kind: "tuple", parameters: [DIR] },
        flags: { driver: { kind: "parsed", parse: String, brief: "The new driver's version", placeholder: "VERSION" } },
      },
      docs: { brief: "Replace the driver of the simulated host in DIR, as an upgrade does" },
    }),
    down: buildCommand({
      loader: async () => (await import("./sim/down.ts")).takeDown,
      parameters: { positional: { kind: "tuple", parameters: [DIR] } },
      docs: { brief: "Remove the simulated host in DIR" },
    }),
  },
  docs: { brief: "A simulated machine with GPUs, for trying and testing" },
});

const version = buildCommand({
  loader: async () => (await import("./version.ts")).printVersion,
  parameters: {},
  docs: { brief: "Print the version" },
});

const routes = buildRouteMap({
  routes: { host, inspect, sim, version },
  docs: {
    brief: "GPUs for containers",
    fullDescription:
      "Before the command: --root DIR describes the host under DIR (also BERTH_ROOT), --debug shows the causes of an error.",
  },
});

/**
 * The commands of `berth`. A path of words is a file: `berth sim up` is sim/up.ts, loaded when it is called. What a command
 * throws goes to `onFailure`; nothing is printed for it.
 */
export function makeApplication(onFailure: (thrown: unknown) => void): Application<World> {
  const report = (thrown: unknown): string => {
    onFailure(thrown);
    return "";
  };
  return buildApplication<World>(routes, {
    name: "berth",
    versionInfo: { currentVersion: VERSION },
    scanner: { caseStyle: "allow-kebab-for-camel" },
    documentation: { disableAnsiColor: true },
    determineExitCode: () => 1,
    localization: {
      text: {
        ...text_en,
        exceptionWhileLoadingCommandFunction: report,
        exceptionWhileLoadingCommandContext: report,
        exceptionWhileRunningCommand: report,
        commandErrorResult: report,
      },
    },
  });
}
