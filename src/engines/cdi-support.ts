import { join } from "node:path";
import { Root } from "../linux/index.ts";
import { newestVersion, type Newest } from "./cdi-versions.ts";
import { engineFiles } from "./config-files.ts";
import { CONTAINERD } from "./containerd.ts";
import { CRIO } from "./crio.ts";
import { DOCKER } from "./docker.ts";
import type { CdiSwitch, Engine, EngineName } from "./engine.ts";
import { findProgram, readRelease } from "./find-program.ts";
import { PODMAN } from "./podman.ts";

const ENGINES: readonly Engine[] = [DOCKER, CONTAINERD, PODMAN, CRIO];

/** An engine that is installed, and what it knows of CDI. */
export interface EngineCdi {
  readonly name: EngineName;
  /** On this machine. */
  readonly program: string;
  /** "26.1.5"; undefined: not known. */
  readonly version: string | undefined;
  /** Its folders of CDI files, on this machine; a later one wins. */
  readonly specDirs: readonly string[];
  readonly cdi: CdiSwitch;
  readonly newest: Newest | undefined;
  /** A sentence for each of its configuration files that could not be read. */
  readonly doubts: readonly string[];
}

/** The host whose engines are meant. */
export interface EnginePlace {
  readonly root: string;
  /** The configuration folder of the user who asks, below the root; undefined: of root. */
  readonly userFolder?: string | undefined;
  /** The home of that user, on this machine. */
  readonly home?: string | undefined;
}

/** The engines whose programs are on a host. Starts each with `--version`, in an environment of its own and with a deadline. */
export function cdiSupport({ root: path, ...user }: EnginePlace): readonly EngineCdi[] {
  using root = Root.open(path);
  return ENGINES.flatMap((engine) => describe(engine, root, user));
}

function describe({ name, program, read }: Engine, root: Root, user: Omit<EnginePlace, "root">): readonly EngineCdi[] {
  const found = findProgram(root, program);
  if (found === undefined) return [];
  const version = readRelease(found, user.home);
  const doubts: string[] = [];
  const { specDirs, cdi } = read(
    engineFiles(root, user.userFolder, (why) => void doubts.push(why)),
    version,
  );
  const folders = specDirs.map((folder) => join(root.path, root.resolveDeep(folder).path));
  return [{ name, program: found, version, specDirs: folders, cdi, newest: newestVersion(name, version), doubts }];
}
