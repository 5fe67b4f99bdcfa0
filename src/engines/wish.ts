import type { KeyPath, TextValue } from "../text/index.ts";

/** A low-level runtime that an engine is to know. */
export interface RuntimeWish {
  /** "nvidia" */
  readonly name: string;
  /** Of its program. */
  readonly path: string;
  /** For containers that name none. */
  readonly isDefault: boolean;
}

/** What Docker's Swarm is to offer. */
export interface SwarmWish {
  /** What services ask for: "NVIDIA-GPU". */
  readonly kind: string;
  /** UUIDs of GPUs and MIG devices. */
  readonly devices: readonly string[];
  /** The runtime's `config.toml`, which has to name the variable that tasks get; a path as in `EngineFacts`. */
  readonly runtimeConfig: string;
}

/** What an engine is to have. */
export interface EngineWish {
  /** Undefined: CDI needs none. */
  readonly runtime: RuntimeWish | undefined;
  /** Whether it is to look into CDI files. */
  readonly cdi: boolean;
  /** Docker's alone. */
  readonly swarm?: SwarmWish | undefined;
}

/** What is to be read before a change. Throws what the file call throws, but for a file that is not there. */
export interface ConfigReader {
  readonly read: (path: string) => string | undefined;
  /** The paths that fit a pattern with `*` in its last part, sorted. */
  readonly list: (pattern: string) => readonly string[];
}

/** What is known of the engine. */
export interface EngineFacts {
  /** "26.1.5"; undefined: not known, and then what every release takes is written. */
  readonly release?: string | undefined;
  /** Its main file, if not the usual one. */
  readonly config?: string | undefined;
  /** A file of its own for what is wished. Undefined: the usual one of berth; empty: the main file. */
  readonly dropIn?: string | undefined;
  /** What the engine's own program prints as its whole configuration: it counts instead of what the files say. */
  readonly dump?: string | undefined;
}

/** One change of one configuration file. */
export interface FileEdit {
  /** Below the host's root, absolute. */
  readonly path: string;
  /**
   * Pure; undefined: there is no file. Given what it made, it gives the same text and has added nothing. Throws what
   * the text's own writer throws.
   */
  readonly change: (text: string | undefined) => Changed;
  /** The engine does not read this file, so it is not asked whether it would. */
  readonly isForeign?: boolean;
}

export interface Changed {
  readonly text: string;
  readonly added: Added;
}

/**
 * What a change did, as plain JSON: `undoEdit` takes out that and nothing else. Holds values that stood there before,
 * so it is as secret as the file.
 */
export interface Added {
  readonly format: "json" | "toml";
  /** Whether there was no file. */
  readonly isNewFile: boolean;
  /** SHA-256 of the text that was made: while the file is still that text, what was there before comes back byte for byte. */
  readonly made: string;
  readonly steps: readonly AddedStep[];
  readonly spans: readonly AddedSpan[];
}

export interface AddedStep {
  readonly path: KeyPath;
  readonly value: TextValue;
  /** Whether `value` is one more item of the list at `path`. */
  readonly isItem: boolean;
  /** Undefined: there was nothing, nor a list. */
  readonly before?: TextValue;
  /** How many tables right above the value were made for it. */
  readonly newTables: number;
  /** A key below `path`: while its value is ours, the whole node is, whatever else was changed in it. */
  readonly mark?: KeyPath;
}

/** At a place of the text (UTF-16), so many characters came instead of others. */
export interface AddedSpan {
  readonly at: number;
  readonly length: number;
  readonly removed: string;
}

/** What has to be done so that an engine has what is wished. */
export interface EnginePlan {
  /** In this order; to be undone in the opposite one. */
  readonly edits: readonly FileEdit[];
  /** Sentences for the user. */
  readonly notes: readonly string[];
  /** What the engine needs before it counts; none: nothing would change, or it reads its files anew at each start of a container. */
  readonly activation: "reload" | "restart" | "none";
}
