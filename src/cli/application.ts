import { type Application, buildApplication, buildCommand, buildRouteMap, text_en } from "@stricli/core";
import { CDI_MODES, NAME_STRATEGIES } from "../apply/index.ts";
import { VERSION } from "../base/index.ts";
import { HOOK_NAMES } from "../config/index.ts";
import { CONTAINER_ENGINES } from "../engines/index.ts";
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

const text = (brief: string, placeholder: string) =>
  ({ kind: "parsed", parse: String, brief, placeholder, optional: true }) as const;
const list = (brief: string, placeholder: string) => ({ ...text(brief, placeholder), variadic: "," }) as const;

const flags = buildCommand({
  loader: async () => (await import("./flags.ts")).printFlags,
  parameters: {
    flags: {
      gpus: {
        kind: "parsed",
        parse: String,
        variadic: ",",
        brief: "Which GPUs, as NVIDIA_VISIBLE_DEVICES: all, none, 0,1, GPU-…, MIG-…",
        placeholder: "IDS",
      },
      capabilities: list("Parts of the driver, as NVIDIA_DRIVER_CAPABILITIES (compute,utility)", "NAMES"),
      podman: { kind: "boolean", brief: "For podman run", withNegated: false, optional: true },
      libraryFolder: text("The image's folder for the libraries (/usr/local/nvidia/lib64)", "DIR"),
      oneLine: { kind: "boolean", brief: "All on one line, for pasting", withNegated: false, optional: true },
      json: { kind: "boolean", brief: "Print the words as a JSON array", withNegated: false, optional: true },
    },
    aliases: { g: "gpus" },
  },
  docs: {
    brief: "Print the options by which docker run gives a container GPUs, with no toolkit installed",
    fullDescription:
      "For docker run $(berth flags -g 0) IMAGE. An option a line: --device for each node, --mount for each file under each of its names, --env, --group-add. Nothing is quoted, and what a shell would split or expand is refused. The libraries are in a folder that LD_LIBRARY_PATH names; with --library-folder /usr/lib/x86_64-linux-gnu (Debian, Ubuntu), /usr/lib64 (Fedora, RHEL, SUSE) or /usr/lib (Arch) they are where the image's loader looks by itself, and the variable is left alone. What cannot be had this way is a warning.",
  },
});

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

const attach = buildCommand({
  loader: async () => (await import("./attach.ts")).attachGpus,
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

const detach = buildCommand({
  loader: async () => (await import("./detach.ts")).detachGpus,
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

/** What can be chosen of a CDI file, whoever makes it. */
const choosing = {
  format: { kind: "enum", values: ["json", "yaml"], brief: "Against the file's ending", optional: true },
  mode: {
    kind: "enum",
    values: CDI_MODES,
    brief: "What of the host the file is about (auto: its GPUs)",
    optional: true,
  },
  deviceNameStrategy: {
    kind: "enum",
    values: NAME_STRATEGIES,
    variadic: ",",
    brief: "How devices are named (index,uuid)",
    optional: true,
  },
  vendor: text("The vendor of the kind, in place of the mode's own", "NAME"),
  class: text("The class of the kind, in place of the mode's own", "NAME"),
  driverRoot: text("Where the driver's files are", "DIR"),
  devRoot: text("Where the device nodes are for the engine", "DIR"),
  hookPath: text("The nvidia-cdi-hook that the engine starts", "FILE"),
  disableHook: {
    kind: "enum",
    values: [...HOOK_NAMES, "all"],
    variadic: ",",
    brief: "What the hook does not do",
    optional: true,
  },
  featureFlag: list("Flags of nvidia-ctk cdi generate", "NAME"),
} as const;

const cdi = buildRouteMap({
  routes: {
    generate: buildCommand({
      loader: async () => (await import("./cdi/generate.ts")).generate,
      parameters: {
        flags: {
          output: text("The file to write; without it the file is printed", "FILE"),
          ...choosing,
          deviceId: list("The devices to name (all)", "ID"),
          noAllDevice: { kind: "boolean", brief: "Without the device all", withNegated: false, optional: true },
        },
        aliases: { o: "output" },
      },
      docs: {
        brief: "Make the CDI file of this host, for engines that need no runtime of ours",
        fullDescription:
          "From the driver's files; the driver itself is asked only for UUIDs and MIG numbers that no file says. Libraries, nodes and variables are the engine's work; links, the loader's cache and what else CDI has no words for is done by one hook. Device numbers are left to the engine, which reads them at each start. A host without a GPU is refused; --device-id none makes a file for it.",
      },
    }),
    refresh: buildCommand({
      loader: async () => (await import("./cdi/refresh.ts")).refresh,
      parameters: {
        flags: {
          output: text("The file to keep right (/var/run/cdi/nvidia.yaml)", "FILE"),
          watch: { kind: "boolean", brief: "Stay, and do it at every change", withNegated: false, optional: true },
          ...choosing,
        },
        aliases: { o: "output" },
      },
      docs: {
        brief: "Make the CDI file of this host anew where it is no longer right",
        fullDescription:
          "Writes the file only when its text changes, in one step. On a host without a GPU a file that berth has made is removed, and that is no failure. With --watch it stays until SIGTERM or SIGINT: it looks when a folder with files of the driver or the file itself changes, and every 3 seconds, says one line for each file that it writes, and tries again after an error.",
      },
    }),
    check: buildCommand({
      loader: async () => (await import("./cdi/check.ts")).check,
      parameters: {
        flags: { json: { kind: "boolean", brief: "Print it as JSON", withNegated: false, optional: true } },
      },
      docs: {
        brief: "Say what of this machine's CDI files is dead, and which engines read them",
        fullDescription:
          "Looks into the folders of config.toml and of every engine that is installed. A line for each finding: file:line: error, warning or note: what, why; remedy. Ends with 1 when there is an error: a file that cannot be read, a path that is not there, a name that two files define, a driver that is no longer the loaded one, an engine that looks into the folder and does not read the file's CDI version, a file that no engine reads. With --json: isGood, engines, folders, files and findings; engines[i] has name, program, version, cdi (on, off, unknown), why, newestVersion, isAtLeast, specDirs and doubts; files[i] has path, cdiVersion, kind, devices, isOwn (berth made it), readBy and findings; a finding has severity, code, line, moreLines, message and remedy. What is not known is null.",
      },
    }),
    list: buildCommand({
      loader: async () => (await import("./cdi/list.ts")).listDevices,
      parameters: { flags: { specDir: list("Folders of CDI files, in place of the configuration's", "DIR") } },
      docs: { brief: "List the CDI devices of this machine; ends with 1 when a file is bad" },
    }),
    transform: buildRouteMap({
      routes: {
        root: buildCommand({
          loader: async () => (await import("./cdi/transform-root.ts")).changeRoot,
          parameters: {
            positional: {
              kind: "tuple",
              parameters: [{ brief: "The CDI file; - is stdin", parse: String, placeholder: "FILE" }],
            },
            flags: {
              from: { kind: "parsed", parse: String, brief: "The root that the paths are under", placeholder: "DIR" },
              to: { kind: "parsed", parse: String, brief: "The root that they get", placeholder: "DIR" },
              relativeTo: { kind: "enum", values: ["host", "container"], brief: "Whose paths", default: "host" },
              output: text("The file to write; without it the file is printed", "FILE"),
            },
            aliases: { o: "output" },
          },
          docs: { brief: "Put the paths of a CDI file under another root" },
        }),
      },
      docs: { brief: "Change CDI files" },
    }),
  },
  docs: { brief: "CDI files: make them, keep them right" },
});

const version = buildCommand({
  loader: async () => (await import("./version.ts")).printVersion,
  parameters: {},
  docs: { brief: "Print the version" },
});

const routes = buildRouteMap({
  routes: { attach, cdi, detach, flags, host, inspect, learnNvml, sim, version },
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
