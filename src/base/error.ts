import type { ErrorCode } from "./codes.ts";

/** A failure as plain data: a stable code, what could not be done and why, and what mends it. */
export interface Problem {
  readonly code: ErrorCode;
  /** One sentence: what could not be done, then why, with the file, device or version quoted. */
  readonly message: string;
  /** One command or one thing to change. */
  readonly remedy: string;
}

/** A failure that a user can mend. Everything else (TypeError, RangeError) is a mistake of the programmer. */
export class BerthError extends Error implements Problem {
  readonly code: ErrorCode;
  readonly remedy: string;

  constructor(problem: Problem, options?: { readonly cause?: unknown }) {
    super(problem.message, options);
    this.name = "BerthError";
    this.code = problem.code;
    this.remedy = problem.remedy;
  }

  /** Any thrown value as a BerthError; one that already is comes back unchanged. */
  static from(thrown: unknown): BerthError {
    if (thrown instanceof BerthError) return thrown;
    const message = messageOf(thrown);
    const remedy = "run it again with --debug and report the output as a defect";
    return new BerthError({ code: "BERTH-X001", message: `Cannot go on: ${message}`, remedy }, { cause: thrown });
  }
}

/** What is said of anything that was thrown, by itself. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The one line that a user sees: `berth: BERTH-D001: message; remedy: …`. Control characters are escaped. */
export function formatProblem(program: string, problem: Problem): string {
  return escapeControls(`${program}: ${problem.code}: ${problem.message}; remedy: ${problem.remedy}`);
}

/** Text from a container or a file with its control characters spelled out, so that it stays on one line. */
export function escapeControls(text: string): string {
  // oxlint-disable-next-line no-control-regex -- finding control characters is the point
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (c) => {
    return `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
}

/** The errno name of a failed file call ("ENOENT"), or undefined for any other value. */
export function errnoCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
