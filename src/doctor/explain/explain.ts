import { KNOWN_ERRORS } from "./known/index.ts";
import type { Here, KnownError } from "./known-error.ts";
import { decisiveWords, peel, quoteFrom, type Layer } from "./layers.ts";
import type { Machine } from "./machine.ts";
import { findOwnError, type OwnError } from "./own-codes.ts";
import { findIn, readPaste, type Paste, type Spot } from "./paste.ts";

/** What an error means. Everything may hold control characters of the pasted text: escape it before printing. */
export type Explanation = KnownExplanation | UnknownExplanation;

export interface KnownExplanation {
  readonly kind: "known";
  /** "docker-no-gpu-driver", or one of berth's codes. */
  readonly id: string;
  /** The problem's number in docs/explain.md; undefined: one of berth's own errors. */
  readonly row: number | undefined;
  readonly title: string;
  /** Whose words were decisive, and who passed them on, outermost first. */
  readonly speaker: string;
  readonly layers: readonly string[];
  /** The decisive words of the text. */
  readonly quote: string;
  readonly cause: string;
  /** Undefined: this machine was not looked at, as it has nothing to say of it. */
  readonly here: Here | undefined;
  readonly remedy: string;
  readonly page: string;
  /** What else is known in the text. */
  readonly others: readonly string[];
}

export interface UnknownExplanation {
  readonly kind: "unknown";
  readonly layers: readonly string[];
  readonly quote: string;
}

/**
 * Explains a pasted error of any size and content; `machine` is asked only for what the error is about. What a
 * container printed is its image's to write: what that says in berth's name is no cause, and no command for anybody.
 */
export async function explain(
  text: string,
  machine: Machine,
  source: "user" | "container" = "user",
): Promise<Explanation> {
  const paste = readPaste(text);
  const layers = peel(paste);
  const own = findOwnError(paste);
  if (own !== undefined)
    return ofOwn(source === "user" ? own : { ...own, message: undefined, remedy: undefined }, paste, layers);
  const [best, ...others] = findKnown(paste);
  if (best === undefined) return { kind: "unknown", layers: namesOf(layers), quote: decisiveWords(paste, layers) };
  const { known, spot } = best;
  const here = await known.here?.(machine, spot.words);
  return {
    kind: "known",
    id: known.id,
    row: known.row,
    title: known.title,
    speaker: known.speaker,
    layers: namesOf(layers.filter(({ start }) => start <= spot.end)),
    quote: quoteFrom(paste, spot.start, spot.end),
    cause: known.cause,
    here,
    remedy: here?.remedy ?? known.remedy,
    page: known.page,
    others: others.filter(({ known: other }) => other.isGeneral !== true).map(({ known: other }) => other.id),
  };
}

interface FoundError {
  readonly known: KnownError;
  readonly spot: Spot;
}

/**
 * The errors that a text holds, the one that says most first: what only says that something failed further in comes
 * last, and of two that are as good the innermost counts.
 */
function findKnown(paste: Paste): readonly FoundError[] {
  const found = KNOWN_ERRORS.flatMap((known) => {
    const spot = firstOf(paste, known.patterns);
    const isMeant =
      spot !== undefined &&
      (known.besides === undefined || firstOf(paste, known.besides) !== undefined) &&
      firstOf(paste, known.unless ?? []) === undefined;
    return isMeant ? [{ known, spot }] : [];
  });
  const weight = ({ known }: FoundError): number => (known.isGeneral === true ? 1 : 0);
  return found.toSorted((a, b) => weight(a) - weight(b) || b.spot.start - a.spot.start);
}

function firstOf(paste: Paste, patterns: readonly RegExp[]): Spot | undefined {
  for (const pattern of patterns) {
    const spot = findIn(paste, pattern);
    if (spot !== undefined) return spot;
  }
  return undefined;
}

/** An error of berth's own says cause and remedy itself: it was found out where it happened. */
function ofOwn(own: OwnError, paste: Paste, layers: readonly Layer[]): KnownExplanation {
  return {
    kind: "known",
    id: own.code,
    row: undefined,
    title: own.title,
    speaker: "berth",
    layers: namesOf(layers.filter(({ start }) => start <= own.end)),
    quote: quoteFrom(paste, own.start, own.end),
    cause: own.message ?? "the text has the code and not the message, which says what was found",
    here: undefined,
    remedy: own.remedy ?? own.usual,
    page: "docs/errors.md",
    others: [],
  };
}

function namesOf(layers: readonly Layer[]): readonly string[] {
  return layers.map(({ name }) => name);
}
