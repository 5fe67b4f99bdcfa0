import { type Application, buildApplication, buildCommand, buildRouteMap, text_en } from "@stricli/core";
import { VERSION } from "../base/index.ts";
import type { World } from "./context.ts";

const host = buildCommand({
  loader: async () => (await import("./host.ts")).printHost,
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
const learnNvml = buildCommand({
  loader: async () => (await import("./learn-nvml.ts")).learnNvml,
  parameters: {
    flags: {
      root: { kind: "parsed", parse: String, brief: "The folder to make the root first", placeholder: "DIR" },
      library: { kind: "parsed", parse: String, brief: "The driver's library under it", placeholder: "FILE" },
    },
  },
  docs: { brief: "Ask the driver's library" },
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
  routes: { host, inspect, learnNvml, sim, version },
  docs: {
    brief: "GPUs for containers",
    hideRoute: { learnNvml: true },
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
