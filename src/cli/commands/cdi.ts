import { buildCommand, buildRouteMap } from "@stricli/core";
import { CDI_MODES, NAME_STRATEGIES } from "../../apply/index.ts";
import { HOOK_NAMES } from "../../config/index.ts";
import { list, text } from "./parameters.ts";

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

export const cdi = buildRouteMap({
  routes: {
    generate: buildCommand({
      loader: async () => (await import("../cdi/generate.ts")).generate,
      parameters: {
        flags: {
          output: text("The file to write; without it the file is printed", "FILE"),
          ...choosing,
          deviceId: list("The devices to name (all)", "ID"),
          any: {
            kind: "boolean",
            brief: "With devices that leave open which GPU: any:2",
            withNegated: false,
            optional: true,
          },
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
      loader: async () => (await import("../cdi/refresh.ts")).refresh,
      parameters: {
        flags: {
          output: text("The file to keep right (/var/run/cdi/nvidia.yaml)", "FILE"),
          any: {
            kind: "boolean",
            brief: "With devices that leave open which GPU, as any:2 (--no-any: without)",
            optional: true,
          },
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
      loader: async () => (await import("../cdi/check.ts")).check,
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
      loader: async () => (await import("../cdi/list.ts")).listDevices,
      parameters: { flags: { specDir: list("Folders of CDI files, in place of the configuration's", "DIR") } },
      docs: { brief: "List the CDI devices of this machine; ends with 1 when a file is bad" },
    }),
    transform: buildRouteMap({
      routes: {
        root: buildCommand({
          loader: async () => (await import("../cdi/transform-root.ts")).changeRoot,
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
