import { isAbsolute, resolve } from "node:path";
import { BerthError } from "../base/index.ts";
import type { EngineName, EngineWish } from "../engines/index.ts";
import { isGiven, isOn, textOf } from "./command-line.ts";
import type { CtkCall } from "./ctk-command.ts";

const ENGINES = { docker: "docker", containerd: "containerd", crio: "cri-o" } as const;
type Word = keyof typeof ENGINES;

const MAIN: Readonly<Record<Word, string>> = {
  docker: "/etc/docker/daemon.json",
  containerd: "/etc/containerd/config.toml",
  crio: "/etc/crio/crio.conf",
};
const DROP_IN: Readonly<Record<Word, string>> = {
  docker: "",
  containerd: "/etc/containerd/conf.d/99-nvidia.toml",
  crio: "/etc/crio/crio.conf.d/99-nvidia.toml",
};
const RUNTIME = "nvidia-container-runtime";

/** What `nvidia-ctk runtime configure` is to do with an engine. */
export interface ConfigureOptions {
  /** As the user writes it: "crio". */
  readonly word: Word;
  readonly engine: EngineName;
  readonly main: string;
  /** Empty: the main file. */
  readonly dropIn: string;
  /** Whose output is copied instead of what the files say. */
  readonly isFromCommand: boolean;
  readonly wish: EngineWish;
}

/** Reads and checks the flags as nvidia-ctk 1.20 does (peer-behaviour 1.5); what has no effect is a warning. Throws U001. */
export function readConfigureOptions({ values, warn }: CtkCall): ConfigureOptions {
  const word = readEngine(textOf(values, "runtime"));
  const isDocker = word === "docker";
  const source = textOf(values, "config-source");
  if (source !== "file" && source !== "command")
    throw refuse(`unrecognized config source '${source}'`, "use file or command");
  if (isDocker && source === "command") warn("docker has no command that prints its configuration: the file is read");
  if (isDocker && textOf(values, "executable-path") !== "") warn("--executable-path has no effect with docker");
  if (word === "crio" && isOn(values, "cdi.enabled")) warn("CDI is always on in cri-o: --cdi.enabled has no effect");
  const main = textOf(values, "config");
  return {
    word,
    engine: ENGINES[word],
    main: main === "" ? MAIN[word] : resolve(main),
    dropIn: readDropIn(word, isGiven(values, "drop-in-config"), textOf(values, "drop-in-config")),
    isFromCommand: !isDocker && source === "command",
    wish: {
      runtime: {
        name: textOf(values, "nvidia-runtime-name"),
        path: readRuntimePath(isDocker, textOf(values, "nvidia-runtime-path")),
        isDefault: isOn(values, "nvidia-set-as-default"),
      },
      cdi: isOn(values, "cdi.enabled") && word !== "crio",
    },
  };
}

function readEngine(text: string): Word {
  if (text === "docker" || text === "containerd" || text === "crio") return text;
  throw refuse(`unrecognized runtime '${text}'`, "use docker, containerd or crio; podman reads CDI files by itself");
}

function readDropIn(word: Word, isNamed: boolean, text: string): string {
  if (!isNamed || text === "RUNTIME_SPECIFIC_DEFAULT") return DROP_IN[word];
  if (text === "") return "";
  if (word === "docker") throw refuse(`docker reads one file only, not "${text}" too`, "leave --drop-in-config out");
  if (!isAbsolute(text)) throw refuse(`the drop-in file "${text}" is no absolute path`, "name it from / on");
  return text;
}

/** dockerd looks into its PATH; the others take a path only. */
function readRuntimePath(isDocker: boolean, text: string): string {
  if (isDocker) return text;
  if (text === RUNTIME) return `/usr/bin/${RUNTIME}`;
  if (!isAbsolute(text)) throw refuse(`the runtime "${text}" is no absolute path`, "name it from / on");
  return text;
}

function refuse(message: string, remedy: string): BerthError {
  return new BerthError({ code: "BERTH-U001", message, remedy });
}
