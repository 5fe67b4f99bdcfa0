import { ERROR_CODES, type ErrorCode } from "../../base/index.ts";
import page from "../../../docs/errors.md" with { type: "text" };
import { findIn, type Paste, type Spot } from "./paste.ts";

/** One of berth's own errors in a text. */
export interface OwnError {
  readonly code: ErrorCode;
  readonly start: number;
  readonly end: number;
  /** What the code always means. */
  readonly title: string;
  /** Behind the code, up to the remedy; undefined: the text has the code alone. */
  readonly message: string | undefined;
  readonly remedy: string | undefined;
  /** What docs/errors.md says of it. */
  readonly usual: string;
}

/** The first of berth's codes in a text that this version knows. The words are those of docs/errors.md, which is built in. */
export function findOwnError(paste: Paste): OwnError | undefined {
  const spot = findIn(paste, /BERTH-[A-Z]\d{3}/);
  const code = spot === undefined ? undefined : codeAt(paste, spot);
  if (spot === undefined || code === undefined) return undefined;
  const place = { start: spot.start, end: spot.end };
  return { code, ...place, title: ERROR_CODES[code], ...readWords(paste, spot.end), usual: usualCause(code) };
}

/** A terminal may have broken it in the middle. */
function codeAt({ text }: Paste, { start, end }: Spot): ErrorCode | undefined {
  const written = text.slice(start, end).replaceAll(/\s/g, "").toUpperCase();
  return Object.keys(ERROR_CODES).find((code): code is ErrorCode => code === written);
}

const MAX_MESSAGE = 4000;

/** berth prints `CODE: message; remedy: …` on one line; a terminal, and each layer above, may have broken it. */
function readWords({ text }: Paste, from: number): Pick<OwnError, "message" | "remedy"> {
  const rest = text.slice(from, from + MAX_MESSAGE);
  const words = rest.startsWith(": ") ? rest.slice(2) : "";
  const [, end = "", remedy = ""] = /(;\s{1,8}remedy:\s{0,8})([^]{0,4000})/.exec(words) ?? [];
  const message = end === "" ? (words.split("\n")[0] ?? "") : words.slice(0, words.indexOf(end));
  return { message: flatten(message) || undefined, remedy: flatten(endOfRemedy(remedy)) || undefined };
}

/** To the line's end, and to what containerd and dockerd put behind an error. */
function endOfRemedy(text: string): string {
  return (text.split(/\n(?=\S{0,40}[:$#] |\n|$)/)[0] ?? "").replace(/: unknown\.?\s{0,8}$/, "");
}

function flatten(text: string): string {
  return text.replaceAll(/\s{1,64}/g, " ").trim();
}

/** The last column of a code's row. */
function usualCause(code: ErrorCode): string {
  const row = page.split("\n").find((line) => line.startsWith(`| \`${code}\``)) ?? "";
  return (row.split("|")[3] ?? "").replaceAll("`", "").trim();
}
