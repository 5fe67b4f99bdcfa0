import type { Command, FlagValues } from "./command-line.ts";

/** A command of nvidia-ctk with what it does. */
export interface CtkCommand extends Command {
  readonly subcommands?: readonly CtkCommand[];
  /** Gives the exit code, undefined for 0. A group's counts for all below it. */
  readonly run?: (call: CtkCall) => CtkResult | Promise<CtkResult>;
}

type CtkResult = number | undefined | void;

/** One call of a command. */
export interface CtkCall {
  /** ["cdi", "list"] */
  readonly path: readonly string[];
  readonly values: FlagValues;
  readonly args: readonly string[];
  readonly world: CtkWorld;
  /** Lines on stderr. */
  readonly info: (text: string) => void;
  readonly warn: (text: string) => void;
}

/** What a command may use beside its words. */
export interface CtkWorld {
  /** A recorded or real environment variable. */
  readonly env: (name: string) => string | undefined;
  /** berth itself. Absolute. */
  readonly executable: string;
  /** The configuration file of the launcher that started this, if it names one. */
  readonly configSlot: string | undefined;
}
