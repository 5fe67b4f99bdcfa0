import { errnoCode, type JsonObject } from "../../base/index.ts";
import { readText } from "../../linux/index.ts";
import { parseConfigText } from "../../text/index.ts";

const MAX_BYTES = 1024 * 1024;

/** An engine's configuration file as values. */
export interface EngineFile {
  /** On this machine. */
  readonly path: string;
  readonly top: JsonObject;
}

/** A runtime that an engine's configuration names. */
export interface NamedRuntime {
  readonly name: string;
  /** The file that names it, on this machine. */
  readonly file: string;
  /** Its program, of several the first that is there; undefined: the engine finds it by itself. */
  readonly program: string | undefined;
}

/** What an engine's files say of its runtimes. */
export interface RuntimeSettings {
  readonly runtimes: readonly NamedRuntime[];
  /** The default runtime. */
  readonly chosen: { readonly name: string; readonly file: string } | undefined;
  /** Runtimes that the engine has without being told. */
  readonly builtIn: RegExp;
}

/** Where the files of a host lie on this machine. */
export interface HostFiles {
  readonly place: (path: string) => string;
  /** The names in a folder, sorted; none where there is no folder. */
  readonly list: (path: string) => readonly string[];
}

/**
 * Reads a file of this machine; undefined: there is none, or it is not for this user to read. Throws T001 with the
 * place for one that the engine cannot read either.
 */
export function readEngineFile(kind: "json" | "toml", path: string): EngineFile | undefined {
  const text = readIfAllowed(path);
  return text === undefined ? undefined : { path, top: parseConfigText(kind, path, text) };
}

/** A file of a host and those that add to it, as `NAME.conf` in a folder beside it, in the order in which they count. Throws T001. */
export function readWithAdded({ place, list }: HostFiles, path: string): readonly EngineFile[] {
  const added = list(`${path}.d`).filter((name) => name.endsWith(".conf"));
  const paths = [path, ...added.map((name) => `${path}.d/${name}`)];
  return paths.flatMap((each) => readEngineFile("toml", place(each)) ?? []);
}

function readIfAllowed(path: string): string | undefined {
  try {
    return readText(path, MAX_BYTES);
  } catch (thrown) {
    if (errnoCode(thrown) === "EACCES" || errnoCode(thrown) === "EPERM") return undefined;
    throw thrown;
  }
}
