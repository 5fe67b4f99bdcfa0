import type { CommandContext } from "@stricli/core";
import type { LaunchRecord } from "../linux/index.ts";

/** What a command may use of the world. */
export interface World extends CommandContext {
  /** The root of a host that `--root` or BERTH_ROOT names; undefined: neither does. Absolute. */
  readonly namedRoot: string | undefined;
  /** A recorded or real environment variable. */
  readonly env: (name: string) => string | undefined;
  /** The running berth executable, for what is installed by a command. Absolute. */
  readonly executable: string;
  /** The configuration file of the launcher that started this, if it names one. */
  readonly configSlot: string | undefined;
  /** The words behind `--` of a command that hands them on; undefined: there is no `--`. */
  readonly passed?: readonly string[] | undefined;
  /** What the launcher was given, for a command that becomes another program; undefined: there was no launcher. */
  readonly launch?: LaunchRecord | undefined;
  /** Data for the user or another program. */
  readonly print: (text: string) => void;
  /** Messages about the work. */
  readonly note: (text: string) => void;
}
