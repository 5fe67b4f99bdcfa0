import { configureRuntime } from "./ctk-runtime-configure.ts";
import type { CtkCommand } from "./ctk-command.ts";
import type { Flag } from "./command-line.ts";

/** Every flag of nvidia-ctk 1.20 with its aliases (peer-behaviour 1.5). */
const FLAGS: readonly Flag[] = [
  { ...text("runtime", "the engine: docker, containerd or crio"), default: "docker" },
  text("config", "its main file, if not the usual one"),
  {
    ...text("drop-in-config", "the file that is written beside it; empty for the main file itself"),
    default: "RUNTIME_SPECIFIC_DEFAULT",
  },
  {
    ...text("config-source", "what is copied: what the file says, or what the engine's command prints"),
    default: "file",
  },
  text("executable-path", "the engine's program for --config-source=command"),
  text("config-mode", "config-file, or oci-hook for the JSON of a hook"),
  text("oci-hook-path", "where that JSON goes; without it stdout"),
  { ...text("nvidia-runtime-name", "what the runtime is called"), default: "nvidia" },
  { ...text("nvidia-runtime-path", "its program", ["runtime-path"]), default: "nvidia-container-runtime" },
  {
    ...text("nvidia-runtime-hook-path", "the program of the hook"),
    default: "/usr/bin/nvidia-container-runtime-hook",
  },
  flag("nvidia-set-as-default", "make it the runtime of containers that name none", ["set-as-default"]),
  flag("cdi.enabled", "let the engine look into CDI files", ["cdi.enable", "enable-cdi"]),
  flag("dry-run", "print what would be written"),
];

function text(name: string, usage: string, aliases: readonly string[] = []) {
  return { kind: "text", name, usage, aliases } as const;
}

function flag(name: string, usage: string, aliases: readonly string[] = []): Flag {
  return { kind: "boolean", name, usage, aliases };
}

/** `nvidia-ctk runtime configure`. */
export const RUNTIME: CtkCommand = {
  name: "runtime",
  usage: "Container engines of this machine",
  subcommands: [{ name: "configure", usage: "Add the runtime to an engine", flags: FLAGS, run: configureRuntime }],
};
