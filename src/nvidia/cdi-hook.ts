import { closeSync, openSync } from "node:fs";
import {
  changeModes,
  createSymlinks,
  enableCudaCompat,
  hideDeviceFiles,
  NO_UPDATE,
  readHookScene,
  readLink,
  readMode,
  readUpdate,
  updateApplicationProfile,
  updateContainer,
  updateLoaderCache,
  type HookScene,
} from "../apply/index.ts";
import { BerthError, escapeControls, formatProblem, messageOf, printErr, printOut } from "../base/index.ts";
import { exitNow, hardenHook, readInput, type LaunchRecord } from "../linux/index.ts";
import { CHOOSING_HOOK } from "../request/index.ts";
import {
  isOn,
  listOf,
  parseCommandLine,
  textOf,
  type Command,
  type Flag,
  type FlagValues,
  type Outcome,
} from "./command-line.ts";
import { formatLogLine, isQuiet, LOG_FLAGS } from "./ctk-log.ts";

const MAX_STATE_BYTES = 1024 * 1024;
const STATE_DEADLINE_MS = 10_000;
/** Of the CUDA packages; NVIDIA's own hook has it as its default. */
const COMPAT_FOLDER = "/usr/local/cuda/compat";
const WIDE = process.arch === "arm64" ? "aarch64" : "x86-64";

const SPEC_FLAG: Flag = {
  kind: "text",
  name: "container-spec",
  usage: "a file with the container's OCI state; otherwise it comes on stdin",
  isHidden: true,
};
const LINK_FLAG: Flag = { kind: "list", name: "link", usage: "a symbolic link, as target::link" };
const VERSION_FLAGS: readonly Flag[] = [
  { kind: "text", name: "host-driver-version", usage: "the version of the host's driver" },
  { kind: "text", name: "host-cuda-version", usage: "the newest CUDA that the host's driver supports" },
];

/** One hook: its flags, and what it does. Gives back what was left out, a sentence each. */
interface Verb extends Command {
  /** Undefined: nothing is to be done, and the container is not even looked at. */
  readonly run: (values: FlagValues) => ((scene: HookScene) => readonly string[]) | undefined;
}

const VERBS: readonly Verb[] = [
  {
    name: "update-container",
    usage: "everything that a CDI file of berth needs, in one process",
    flags: [
      { kind: "list", name: "library", usage: "a library and its names, as file::name::name" },
      { kind: "list", name: "library-32", usage: "the same for 32 bits" },
      LINK_FLAG,
      { kind: "list", name: "ldcache", usage: "a name for the loader alone, as file::name" },
      { kind: "list", name: "ldcache-32", usage: "the same for 32 bits" },
      ...VERSION_FLAGS,
      {
        kind: "text",
        name: "cuda-compat-container-root",
        usage: "the image's folder of newer CUDA libraries; without it they are not used",
      },
      { kind: "list", name: "gpu-brand", usage: "a kind of GPU that this host has" },
      { kind: "boolean", name: "application-profile", usage: "write the driver's application profile" },
      { kind: "text", name: "host-root", usage: "the root of the host whose driver this is", default: "/" },
      {
        kind: "boolean",
        name: "disable-device-node-modification",
        usage: "let the driver's programs make no device nodes",
      },
      SPEC_FLAG,
    ],
    run: (values) => {
      const update = readUpdate(
        {
          list: (name) => listOf(values, name),
          text: (name) => textOf(values, name),
          isOn: (name) => isOn(values, name),
        },
        WIDE,
      );
      return (scene) => updateContainer(update, scene);
    },
  },
  {
    name: "create-symlinks",
    usage: "make symbolic links in the container",
    flags: [LINK_FLAG, SPEC_FLAG],
    run: (values) => {
      const links = listOf(values, "link").map(readLink);
      return links.length === 0 ? undefined : (scene) => createSymlinks(links, scene);
    },
  },
  {
    name: "update-ldcache",
    usage: "make libraries known to the container's loader",
    flags: [
      { kind: "list", name: "folder", usage: "a folder with libraries" },
      { kind: "text", name: "ldconfig-path", usage: "not used: no ldconfig is run", default: "/sbin/ldconfig" },
      { ...SPEC_FLAG, isHidden: false },
    ],
    run: (values) => {
      const folders = listOf(values, "folder");
      return (scene) => updateLoaderCache(folders, scene, WIDE);
    },
  },
  {
    name: "enable-cuda-compat",
    usage: "let the image's newer CUDA libraries go before the driver's, where they work",
    flags: [
      ...VERSION_FLAGS,
      {
        kind: "text",
        name: "cuda-compat-container-root",
        usage: "their folder in the container",
        default: COMPAT_FOLDER,
      },
      SPEC_FLAG,
    ],
    run: (values) => {
      const driverVersion = textOf(values, "host-driver-version") || undefined;
      const cudaVersion = textOf(values, "host-cuda-version") || undefined;
      if (driverVersion === undefined && cudaVersion === undefined) return undefined;
      const compatFolder = textOf(values, "cuda-compat-container-root");
      return (scene) => enableCudaCompat({ ...NO_UPDATE, driverVersion, cudaVersion, compatFolder }, scene);
    },
  },
  {
    name: "disable-device-node-modification",
    usage: "let the driver's programs make no device nodes in the container",
    flags: [SPEC_FLAG],
    run: () => hideDeviceFiles,
  },
  {
    name: "update-application-profile",
    usage: "write the driver's application profile for the container's GPUs",
    flags: [SPEC_FLAG],
    run: () => updateApplicationProfile,
  },
  {
    name: "chmod",
    usage: "set the permissions of folders in the container",
    flags: [
      { kind: "list", name: "path", usage: "a path in the container" },
      { kind: "text", name: "mode", usage: "the permissions, in octal" },
      { ...SPEC_FLAG, isHidden: false },
    ],
    run: (values) => {
      const mode = readMode(textOf(values, "mode"));
      const paths = listOf(values, "path").filter((path) => path !== "");
      return paths.length === 0 ? undefined : (scene) => changeModes(paths, mode, scene);
    },
  },
  {
    name: CHOOSING_HOOK,
    usage: "choose idle GPUs, lease them and give them to the container",
    flags: [{ kind: "text", name: "wish", usage: "what is wished for, as any:2" }],
    run: () => {
      const message = "Cannot choose a GPU: this program is no hook that can";
      throw new BerthError({ code: "BERTH-U001", message, remedy: `start it as ${PROGRAM.name} ${CHOOSING_HOOK}` });
    },
  },
  { name: "noop", usage: "do nothing", isHidden: true, run: () => undefined },
];

const PROGRAM: Command = {
  name: "nvidia-cdi-hook",
  usage: "the hooks of CDI files",
  flags: LOG_FLAGS,
  takesAnyCommand: true,
  subcommands: VERBS,
};

/** The same hooks as a group of `nvidia-ctk`. */
export const HOOK_GROUP: Command = { ...PROGRAM, name: "hook", flags: [] };

/**
 * `nvidia-cdi-hook`: what a CDI file has done in a container before its first program. A hook that is not known is a warning, so that a newer file never stops a
 * container. Gives back the exit code: 1 for everything that has to stop it, wrong usage too. Rules: nvidia-container-toolkit 1.20, cmd/nvidia-cdi-hook.
 */
export async function cdiHookDoor(args: readonly string[], record: LaunchRecord | undefined): Promise<number> {
  hardenHook();
  const outcome = parseCommandLine(PROGRAM, args, () => undefined);
  if (outcome.kind === "run" && outcome.path.at(-1) === CHOOSING_HOOK) {
    const { chooseOrFail } = await import("./runtime-hook.ts");
    return exitNow(await chooseOrFail(textOf(outcome.values, "wish"), record));
  }
  if (outcome.kind === "run") return exitNow(runOrFail(outcome));
  printOut(outcome.out);
  printErr(outcome.err);
  if (outcome.error !== undefined) printErr(formatLogLine("error", outcome.error));
  return outcome.exitCode;
}

function runOrFail(outcome: Extract<Outcome, { kind: "run" }>): number {
  try {
    return runHook(outcome.path.at(-1), outcome);
  } catch (thrown) {
    printErr(`${formatProblem(PROGRAM.name, BerthError.from(thrown))}\n`);
    return 1;
  }
}

/** Runs the hook of that name; throws a BerthError for what has to stop the container; `args` are words that are no flags of it, the name of one that is not known first. */
export function runHook(
  name: string | undefined,
  { values, args }: { readonly values: FlagValues; readonly args: readonly string[] },
): number {
  const verb = VERBS.find((each) => each.name === name);
  const warn = (text: string): void => {
    if (!isQuiet(values)) printErr(formatLogLine("warning", escapeControls(text)));
  };
  if (verb === undefined) {
    warn(args[0] === undefined ? "No CDI hook specified" : `Unsupported CDI hook: ${args[0]}`);
    return 0;
  }
  const work = verb.run(values);
  if (work === undefined) return 0;
  const scene = readHookScene(readState(textOf(values, "container-spec")));
  for (const warning of work(scene)) warn(warning);
  return 0;
}

function readState(path: string): Uint8Array {
  const fd = path === "" || path === "-" ? 0 : openSync(path, "r");
  try {
    return readInput(fd, MAX_STATE_BYTES, STATE_DEADLINE_MS);
  } catch (cause) {
    const message = `Cannot read the container's state: ${messageOf(cause)}`;
    throw new BerthError(
      { code: "BERTH-S001", message, remedy: "give an OCI state on stdin, or name it: --container-spec FILE" },
      { cause },
    );
  } finally {
    if (fd !== 0) closeSync(fd);
  }
}
