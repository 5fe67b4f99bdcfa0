import type { EngineName } from "../engine.ts";
import type { Added } from "../wish.ts";

/** A runtime that a setup has told an engine of. */
export interface SetUpRuntime {
  readonly name: string;
  readonly path: string;
  readonly isDefault: boolean;
}

/** A content that a file has for a moment while it is taken back. */
export interface Passing {
  readonly digest: string;
  /** The content that comes then, kept as `original` is; undefined: no file. */
  readonly leadsTo: string | undefined;
  /** Whether others had changed the file, so that what comes is not what was there once. */
  readonly isCleaned: boolean;
}

/** What a setup did to one file. Written before the file is, so that it can be taken back whatever happens in between. */
export interface FileChange {
  /** Below the host's root, absolute. */
  readonly path: string;
  /** Of the bytes that were there, which are kept under this name; undefined: there was no file. */
  readonly original: string | undefined;
  /** Of each content that berth gives the file: while it has one of these, nobody else has changed it. */
  readonly ours: readonly string[];
  /** Folders that were made for it, outermost first, below the root. */
  readonly folders: readonly string[];
  readonly added: Added;
  readonly passing?: Passing | undefined;
}

/** One setup of one engine. */
export interface Layer {
  readonly engine: EngineName;
  /** RFC 3339. */
  readonly at: string;
  readonly activation: "reload" | "restart" | "none";
  readonly runtime: SetUpRuntime | undefined;
  /** "swarm": it can be taken back without the engine's other setups. */
  readonly part?: "swarm" | undefined;
  readonly files: readonly FileChange[];
}

/** All setups of a host that are not taken back, oldest first: each is taken back on top of those before it. */
export interface SetupRecord {
  readonly layers: readonly Layer[];
  /** A CDI file that was made where there was none; a path of this machine. */
  readonly cdiFile?: string | undefined;
}
