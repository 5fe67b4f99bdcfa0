import type { Check, Finding } from "./check.ts";

/** What one check came to. */
export interface Result {
  readonly check: Check;
  readonly finding: Finding;
  /** What `--fix` did about it; `finding` is that of the look afterwards. */
  readonly mending?: Mending;
}

/** What became of the commands of a remedy. */
export type Mending =
  | { readonly kind: "ran"; readonly commands: readonly RanCommand[] }
  /** Nobody allowed it. */
  | { readonly kind: "refused"; readonly why: string };

export interface RanCommand {
  readonly argv: readonly string[];
  /** Undefined: it ended well. */
  readonly failure: string | undefined;
}
