import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  CDI_FORMATS,
  CDI_MODES,
  generateCdi,
  NAME_STRATEGIES,
  planOutput,
  saveCdi,
  type CdiOptions,
  type GenerateInput,
} from "../apply/index.ts";
import { BerthError, nearest, printOut } from "../base/index.ts";
import type { CdiFormat } from "../cdi/index.ts";
import { HOOK_NAMES, loadConfig, type HookName } from "../config/index.ts";
import { isGiven, isOn, listOf, textOf, type Flag, type FlagValues } from "./command-line.ts";
import type { CtkCall, CtkCommand, CtkWorld } from "./ctk-command.ts";
import { insideOf } from "./driver-root.ts";

const ENV = "NVIDIA_CTK_CDI_GENERATE_";
const CSV_FOLDER = "/etc/nvidia-container-runtime/host-files-for-container.d";
const CSV_FILES = ["devices.csv", "drivers.csv", "l4t.csv"].map((name) => `${CSV_FOLDER}/${name}`);
const MODE: Flag = {
  kind: "text",
  name: "mode",
  aliases: ["discovery-mode"],
  env: [`${ENV}MODE`],
  default: "auto",
  usage: `what the file is about: ${CDI_MODES.join(", ")}`,
};

/** Every flag of nvidia-ctk 1.20 with its aliases and variables (peer-behaviour 1.6). */
const FLAGS: readonly Flag[] = [
  MODE,
  text("output", ["NVIDIA_CTK_CDI_OUTPUT_FILE_PATH"], "the file to write; without it the file is printed"),
  text("format", [`${ENV}OUTPUT_FORMAT`], `${CDI_FORMATS.join(" or ")}; without it the file's ending says it`),
  {
    ...list("device-name-strategy", [`${ENV}DEVICE_NAME_STRATEGIES`], "how devices are named: index, uuid, type-index"),
    default: ["index", "uuid"],
  },
  text("driver-root", ["NVIDIA_CTK_DRIVER_ROOT"], "where the driver's files are"),
  text("dev-root", ["NVIDIA_CTK_DEV_ROOT"], "where the device nodes are; without it where the driver is"),
  list("library-search-path", [`${ENV}LIBRARY_SEARCH_PATHS`], "folders to look for libraries in before the usual ones"),
  list(
    "config-search-path",
    [`${ENV}CONFIG_SEARCH_PATHS`],
    "folders to look for configuration files in before the usual ones",
  ),
  text("nvidia-cdi-hook-path", ["NVIDIA_CTK_CDI_HOOK_PATH"], "the hook's program", ["nvidia-ctk-path"]),
  text("ldconfig-path", [`${ENV}LDCONFIG_PATH`], "not used: no ldconfig is run"),
  text("vendor", [`${ENV}VENDOR`], "the vendor of the kind (nvidia.com)", ["cdi-vendor"]),
  text("class", [`${ENV}CLASS`], "the class of the kind (gpu, or the mode's own)", ["cdi-class"]),
  { ...list("csv.file", [`${ENV}CSV_FILES`], "the lists of a Tegra"), default: CSV_FILES },
  list("csv.ignore-pattern", [`${ENV}CSV_IGNORE_PATTERNS`], "links of those lists to leave out"),
  text(
    "csv.compat-container-root",
    [`${ENV}CSV_CONTAINER_COMPAT_ROOT`],
    "where images for Tegra have newer CUDA libraries",
  ),
  list("disable-hook", [`${ENV}DISABLED_HOOKS`], "what the hook does not do, or all", ["disable-hooks"]),
  list("enable-hook", [`${ENV}ENABLED_HOOKS`], "what it does all the same", ["enable-hooks"]),
  list("feature-flag", [`${ENV}FEATURE_FLAGS`], "further switches", ["feature-flags"]),
  { kind: "boolean", name: "no-all-device", env: [`${ENV}NO_ALL_DEVICE`], usage: "without the device all" },
  {
    ...list("device-id", [`${ENV}DEVICE_IDS`], "the devices to name, or none", ["device-ids", "device", "devices"]),
    default: ["all"],
  },
];

function text(name: string, env: readonly string[], usage: string, aliases: readonly string[] = []): Flag {
  return { kind: "text", name, env, usage, aliases };
}

function list(name: string, env: readonly string[], usage: string, aliases: readonly string[] = []) {
  return { kind: "list", name, env, usage, aliases } as const;
}

/** `nvidia-ctk cdi generate`: the file of `berth cdi generate` behind the flags of the program that it replaces. */
export const CDI_GENERATE: CtkCommand = {
  name: "generate",
  usage: "Make a CDI file of this machine",
  flags: FLAGS,
  run: generate,
};

async function generate({ values, info, warn, world }: CtkCall): Promise<void> {
  const output = planOutput(textOf(values, "output"), readFormat(values));
  const made = await generateCdi({ ...inputOf(values, world), format: output.format });
  for (const warning of [...made.warnings, ...(output.warning === undefined ? [] : [output.warning])]) warn(warning);
  info(`Generated CDI spec with version ${made.spec.cdiVersion}`);
  if (output.path === "") printOut(made.text);
  else saveCdi(output.path, made.text);
}

function inputOf(values: FlagValues, world: CtkWorld): Omit<GenerateInput, "format"> {
  const named = textOf(values, "config");
  const config = loadConfig({ get: world.env }, named === "" ? world.configSlot : named);
  const driverRoot = textOf(values, "driver-root");
  const compatRoot = textOf(values, "csv.compat-container-root");
  return {
    root: config.root,
    config: compatRoot === "" ? config : { ...config, modes: { ...config.modes, csvCompatContainerRoot: compatRoot } },
    scene: {
      ...(driverRoot === "" ? {} : { driverRoot: insideOf(config.root, driverRoot) }),
      ...(isGiven(values, "csv.file") ? { csvFiles: listOf(values, "csv.file") } : {}),
      csvIgnored: listOf(values, "csv.ignore-pattern"),
      libraryFolders: listOf(values, "library-search-path"),
      configFolders: listOf(values, "config-search-path"),
    },
    options: { ...optionsOf(values), devRoot: devRootOf(values) },
    featureFlags: listOf(values, "feature-flag"),
    hookPath: textOf(values, "nvidia-cdi-hook-path"),
    executable: world.executable,
    path: world.env("PATH"),
  };
}

/** A driver in a container of its own has its nodes there, where it made any. */
function devRootOf(values: FlagValues): string | undefined {
  const [named, driverRoot] = [textOf(values, "dev-root"), textOf(values, "driver-root")];
  if (named !== "" || driverRoot === "") return named || undefined;
  return existsSync(join(driverRoot, "dev/nvidiactl")) ? driverRoot : undefined;
}

function optionsOf(values: FlagValues): Omit<CdiOptions, "config" | "hookPath" | "devRoot"> {
  return {
    mode: oneOf(textOf(values, "mode"), CDI_MODES, "mode"),
    vendor: textOf(values, "vendor") || undefined,
    class: textOf(values, "class") || undefined,
    strategies: listOf(values, "device-name-strategy").map((name) =>
      oneOf(name, NAME_STRATEGIES, "device name strategy"),
    ),
    ids: listOf(values, "device-id"),
    hasAllDevice: !isOn(values, "no-all-device"),
    hasAny: false,
    disabledHooks: disabledHooks(listOf(values, "disable-hook"), listOf(values, "enable-hook")),
  };
}

/** What is enabled by name stays, even where all is disabled; names that nobody knows change nothing. */
function disabledHooks(disabled: readonly string[], enabled: readonly string[]): ReadonlySet<HookName> {
  if (enabled.includes("all")) {
    throw new BerthError({
      code: "BERTH-U001",
      message: 'enabling all hooks is not supported ("all")',
      remedy: "name each hook",
    });
  }
  const isOff = (name: HookName): boolean => disabled.includes("all") || disabled.includes(name);
  return new Set(HOOK_NAMES.filter((name) => isOff(name) && !enabled.includes(name)));
}

function readFormat(values: FlagValues): CdiFormat | undefined {
  const format = textOf(values, "format");
  return format === "" ? undefined : oneOf(format, CDI_FORMATS, "format");
}

function oneOf<T extends string>(name: string, known: readonly T[], what: string): T {
  const found = known.find((each) => each === name);
  if (found !== undefined) return found;
  const near = nearest(name, known);
  const message = `invalid ${what}: "${name}"${near === undefined ? "" : ` (did you mean "${near}"?)`}`;
  throw new BerthError({ code: "BERTH-U001", message, remedy: `use one of ${known.join(", ")}` });
}
