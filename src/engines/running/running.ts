import type { ClientScene } from "../ask-client.ts";

/** Whose running engines are meant, and how long each of them has for an answer. */
export interface RunningScene extends ClientScene {
  /** "/", or the root of another host: then a daemon counts whose configuration file lies under it. */
  readonly root: string;
  /** Where this machine's processes are ("/proc"). */
  readonly proc?: string;
}

/** What a running engine said, or one line on why there is no answer. */
export type Asked<T> = { readonly isGood: true; readonly engine: T } | { readonly isGood: false; readonly why: string };

/** How long an engine is waited for that nobody sets another time for. */
export const ANSWER_MS = 5000;
