import type { ErrorCode } from "../../base/index.ts";

/** What a check has to say about a CDI file. An error makes the check fail. */
export interface CdiFinding {
  readonly severity: "error" | "warning" | "note";
  readonly code?: ErrorCode;
  /** Counted from 1; undefined: it is about the whole file. */
  readonly line?: number | undefined;
  /** Further lines of which the same is true. */
  readonly moreLines?: readonly number[];
  /** Whether it is about a path that no container can use: of those there can be many. */
  readonly isDeadPath?: boolean;
  readonly message: string;
  /** One command, or one thing to change. */
  readonly remedy?: string;
}
