import { statSync } from "node:fs";
import {
  BerthError,
  compareVersions,
  errnoCode,
  isJsonObject,
  messageOf,
  ownField,
  parseJson,
  type JsonObject,
} from "../../base/index.ts";
import { readRegistry, type Registry } from "../../cdi/index.ts";
import {
  ANSWER_MS,
  askDocker,
  cdiSupport,
  type EngineCdi,
  type EngineName,
  type RunningDocker,
} from "../../engines/index.ts";
import {
  describeHost,
  listPciGpus,
  listVersionedLibraries,
  type DescribeOptions,
  type Host,
  type PciGpu,
  type VersionedLibrary,
} from "../../host/index.ts";
import { effectiveUid, Root, type FileStat } from "../../linux/index.ts";
import { userFolderOf } from "../user-folder.ts";
import { findDaemon, type Daemon } from "./daemon.ts";

/** Something that was looked for on this machine; what could not be found out is never guessed. */
export type Fact<T> = { readonly isKnown: true; readonly value: T } | { readonly isKnown: false; readonly why: string };

/** What an explanation may ask this machine. Each is looked up when it is asked for, once, from files below the root. */
export interface Machine {
  readonly root: string;
  readonly uid: number;
  readonly host: () => Fact<Host>;
  /** NVIDIA's cards by the PCI bus. */
  readonly cards: () => Fact<readonly PciGpu[]>;
  /** The versions of the driver's libraries on disk, whatever is loaded: "570.133.20". */
  readonly libraryVersions: () => Fact<readonly string[]>;
  /** Undefined: it is not installed. */
  readonly engine: (name: EngineName) => Fact<EngineCdi | undefined>;
  /** What the dockerd says to which the client speaks. */
  readonly docker: () => Promise<Fact<RunningDocker>>;
  /** Of the file where this machine's Docker is configured, unless another is named. */
  readonly dockerSettings: (path?: string) => Fact<DockerSettings>;
  /** The first process of a program's name, or the one of a number. Undefined: none runs. */
  readonly daemon: (program: string | number) => Fact<Daemon | undefined>;
  /** A program in one of these folders, or the usual ones, on this machine. */
  readonly program: (name: string, folders?: readonly string[]) => Fact<ProgramFile | undefined>;
  /** The CDI files of these folders, which are paths of this machine. */
  readonly cdiFiles: (folders: readonly string[]) => Fact<Registry>;
  readonly stat: (path: string) => Fact<FileStat | undefined>;
  /** The content of a small file, without the last line's end. */
  readonly read: (path: string) => Fact<string | undefined>;
}

/** daemon.json, of the place where this machine's Docker reads it. */
export interface DockerSettings {
  readonly path: string;
  /** Undefined: there is no such file. */
  readonly top: JsonObject | undefined;
  readonly runtimes: readonly string[];
  readonly changedAt: Date | undefined;
}

export interface ProgramFile {
  readonly path: string;
  /** When it came here. */
  readonly changedAt: Date;
}

export interface MachineOptions extends Pick<DescribeOptions, "driverRoot" | "platform" | "csvFolder"> {
  /** A variable of whoever asks, by which Docker's client finds its daemon and podman its configuration; without it no daemon is asked. */
  readonly env?: (name: string) => string | undefined;
}

const MAX_FILE = 1024 * 1024;
const FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const DOCKER_SETTINGS = "/etc/docker/daemon.json";
const SNAP_SETTINGS = "/var/snap/docker/current/config/daemon.json";

/** The machine whose files are below `root`. */
export function openMachine(root: string, { env, ...options }: MachineOptions = {}): Machine {
  const inRoot = <T>(look: (files: Root) => T): Fact<T> => {
    return fact(() => {
      using files = Root.open(root);
      return look(files);
    });
  };
  const engines = once(() =>
    fact(() => cdiSupport({ root, userFolder: env && userFolderOf(env), home: env?.("HOME") })),
  );
  const at = (path: string): string => (root === "/" ? path : `${root}${path}`);
  return {
    root,
    uid: effectiveUid(),
    host: once(() => fact(() => describeHost(root, options))),
    cards: once(() => fact(() => listPciGpus(root))),
    libraryVersions: once(() => fact(() => versionsOf(listVersionedLibraries(root, options)))),
    engine: (name) => {
      const all = engines();
      return all.isKnown ? { isKnown: true, value: all.value.find((each) => each.name === name) } : all;
    },
    docker: once(() => askDaemon(root, env)),
    dockerSettings: (path) => inRoot((files) => readSettings(files, at, path)),
    daemon: (program) => inRoot((files) => findDaemon(files, program)),
    program: (name, folders = FOLDERS) =>
      inRoot((files) =>
        findProgramFile(
          files,
          folders.map((folder) => `${folder}/${name}`),
          at,
        ),
      ),
    cdiFiles: (folders) => fact(() => readRegistry(folders)),
    stat: (path) => inRoot((files) => files.stat(path)),
    read: (path) => inRoot((files) => readSmall(files, path)),
  };
}

function versionsOf(libraries: readonly VersionedLibrary[]): readonly string[] {
  return [...new Set(libraries.map(({ version }) => version))].toSorted(compareVersions);
}

async function askDaemon(root: string, env: MachineOptions["env"]): Promise<Fact<RunningDocker>> {
  if (env === undefined) return { isKnown: false, why: "nobody was asked" };
  const asked = await askDocker({ root, env, timeoutMs: ANSWER_MS });
  return asked.isGood ? { isKnown: true, value: asked.engine } : { isKnown: false, why: asked.why };
}

/** What a failed look-up says is a fact, too; a mistake of the programmer is not. */
function fact<T>(look: () => T): Fact<T> {
  try {
    return { isKnown: true, value: look() };
  } catch (error) {
    if (!(error instanceof BerthError) && errnoCode(error) === undefined) throw error;
    return { isKnown: false, why: messageOf(error) };
  }
}

function once<T>(look: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => (known ??= { value: look() }).value;
}

function readSmall(files: Root, path: string): string | undefined {
  const bytes = files.readFile(path, MAX_FILE);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes).trimEnd();
}

/** Of a snap where that is the only Docker. */
function readSettings(files: Root, at: (path: string) => string, named?: string): DockerSettings {
  const isSnap = files.stat("/var/snap/docker")?.kind === "folder" && files.stat("/usr/bin/dockerd") === undefined;
  const path = named ?? (isSnap ? SNAP_SETTINGS : DOCKER_SETTINGS);
  const bytes = files.readFile(path, MAX_FILE);
  if (bytes === undefined) return { path: at(path), top: undefined, runtimes: [], changedAt: undefined };
  const top = parseJson(bytes, at(path));
  const runtimes = isJsonObject(top) ? ownField(top, "runtimes") : undefined;
  return {
    path: at(path),
    top: isJsonObject(top) ? top : {},
    runtimes: isJsonObject(runtimes) ? Object.keys(runtimes) : [],
    changedAt: changedAt(at(path)),
  };
}

function changedAt(path: string): Date | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ctime;
}

function findProgramFile(files: Root, paths: readonly string[], at: (path: string) => string): ProgramFile | undefined {
  const path = paths.map((each) => files.resolve(each)).find((found) => found !== undefined);
  return path === undefined ? undefined : { path: at(path), changedAt: changedAt(at(path)) ?? new Date(0) };
}
