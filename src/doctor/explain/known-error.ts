import type { Machine } from "./machine.ts";

/** What this machine says of an error. */
export interface Here {
  /** The cause on this machine in one sentence, or why it cannot be seen from here. */
  readonly cause: string;
  /** What mends it here; undefined: what mends it everywhere. */
  readonly remedy?: string | undefined;
  /** False: it could not be found out. */
  readonly isSeen: boolean;
}

/**
 * An error of another program. In a pattern a blank stands for any white space and for none; its repetitions have
 * limits, and no two of them can take the same characters, so that no text makes a search slow.
 */
export interface KnownError {
  /** "docker-no-gpu-driver"; never used for something else later. */
  readonly id: string;
  /** The problem's number in docs/explain.md. */
  readonly row: number;
  /** Each alone is enough. */
  readonly patterns: readonly RegExp[];
  /** What one of has to be there, too. */
  readonly besides?: readonly RegExp[];
  /** Where one of these is found it is another error. */
  readonly unless?: readonly RegExp[];
  /** It says only that something went wrong further in: any other counts more. */
  readonly isGeneral?: true;
  /** What it is, as half a sentence. */
  readonly title: string;
  /** Whose words these are. */
  readonly speaker: string;
  /** Why it comes, on any machine. */
  readonly cause: string;
  /** One command, or one thing to change. */
  readonly remedy: string;
  /** Looks at this machine; undefined: it has nothing to say of it. */
  readonly here?: (machine: Machine, words: readonly string[]) => Here | undefined | Promise<Here | undefined>;
  /** Where more is said. */
  readonly page: string;
}

/** How a container is started by berth where NVIDIA's hook fails. */
export const BY_RUNTIME = "berth setup, then --runtime=nvidia -e NVIDIA_VISIBLE_DEVICES=all in place of --gpus all";

/** Something that this machine says. */
export function seen(cause: string, remedy?: string): Here {
  return { cause, remedy, isSeen: true };
}

/** Something that cannot be found out, with the reason. */
export function unseen(what: string, why: string): Here {
  return { cause: `${what} cannot be seen from here: ${why}`, isSeen: false };
}
