import { endOf, type Holding } from "../../leases/index.ts";
import { most, type Stay } from "./most.ts";

export interface Period {
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly until: number;
}

/** What a line of the report is about. */
export interface Subject {
  /** Tells it from others; "": nobody knows whose it is. */
  readonly key: string;
  readonly name: string;
}

/** What somebody had in a period. */
export interface Tally extends Subject {
  readonly leases: number;
  /** How many of those live. */
  readonly living: number;
  readonly gpuMs: number;
  readonly longestMs: number;
  /** How many GPUs at once at most. */
  readonly mostGpus: number;
  readonly denied: number;
}

/** The part of a lease that counts for a subject. */
interface Part extends Stay {
  readonly holding: Holding;
  readonly subject: Subject;
}

export interface Counted {
  readonly rows: readonly Tally[];
  readonly total: Tally;
}

/**
 * Adds up leases for each of the subjects that `subjectsOf` names, with how many devices of a lease are that one's. `denied` has the subject of each wish that was refused. Of a lease only what lies within the period
 * counts; a clock that was set back makes it last no time.
 */
export function tally(
  holdings: readonly Holding[],
  denied: readonly Subject[],
  { since, until, now }: Period & { readonly now: number },
  subjectsOf: (holding: Holding) => readonly Subject[],
): Counted {
  const parts = holdings.flatMap((holding) => {
    // One that was taken before the clock was set back seems to be of the future.
    const at = Math.min(holding.at, now);
    const [start, end] = [Math.max(at, since), Math.min(Math.max(endOf(holding, now), at), until)];
    if (start > end) return [];
    return subjectsOf(holding).map((subject) => ({ holding, subject, start, end }));
  });
  const subjects = new Map([...parts.map(({ subject }) => subject), ...denied].map((each) => [each.key, each]));
  const rows = [...subjects.values()].map((subject) =>
    addUp(
      subject,
      parts.filter((part) => part.subject.key === subject.key),
      denied.filter(({ key }) => key === subject.key).length,
    ),
  );
  const total = addUp({ key: "", name: "total" }, parts, denied.length);
  return { rows: rows.toSorted((a, b) => b.gpuMs - a.gpuMs || b.denied - a.denied || compare(a.name, b.name)), total };
}

/** The subjects of a lease's devices are as many as it has; each stands for one of them. */
function addUp(subject: Subject, parts: readonly Part[], denied: number): Tally {
  const holdings = [...new Set(parts.map(({ holding }) => holding))];
  const spans = parts.map(({ start, end }) => end - start);
  return {
    ...subject,
    leases: holdings.length,
    living: holdings.filter(({ endedAt }) => endedAt === undefined).length,
    gpuMs: spans.reduce((sum, span) => sum + span, 0),
    longestMs: spans.reduce((longest, span) => Math.max(longest, span), 0),
    mostGpus: most(parts),
    denied,
  };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
