import type { Database } from "bun:sqlite";
import type { Holding, LeaseEvent } from "./lease.ts";

/** How many rows of what was are kept, and for how long. */
const MAX_ROWS = 100_000;
const MAX_AGE_MS = 400 * 86_400_000;
/** At most so many old rows go with each new one, so that no start waits for a large delete. */
const STEP = 20;

/** The columns that say when a row of the records came. */
const TIME_OF = { event: "at", history: "endedAt" } as const;

/** How a lease of an earlier boot has ended. */
export const STARTED_ANEW = "the machine was started anew";

/** Which events are wanted; undefined: any. Times are milliseconds since 1970. */
export interface EventFilter {
  readonly since?: number;
  readonly kind?: LeaseEvent["kind"];
}

/** Deletes some of what is too old or too much, the oldest first. Called with each new row, whose number is `newest`. */
export function forgetOld(database: Database, table: keyof typeof TIME_OF, newest: number, now: number): void {
  const oldest = `SELECT sequence FROM ${table} ORDER BY sequence LIMIT ?`;
  database.run(
    `DELETE FROM ${table} WHERE sequence IN (${oldest}) AND (sequence <= ? OR (${TIME_OF[table]} < ? AND sequence < ?))`,
    [STEP, newest - MAX_ROWS, now - MAX_AGE_MS, newest],
  );
}

/** The newest so many, the newest last. */
export function readEvents(
  database: Database,
  count: number,
  { since, kind }: EventFilter = {},
): readonly LeaseEvent[] {
  return database
    .query<LeaseEvent, [number, string, string, number]>(
      "SELECT at, kind, lease, device, text FROM event WHERE at >= ? AND (? = '' OR kind = ?) ORDER BY sequence DESC LIMIT ?",
    )
    .all(since ?? Number.MIN_SAFE_INTEGER, kind ?? "", kind ?? "", count)
    .toReversed();
}

/**
 * Until when a lease counts: one that lives, until now; one that a restart of the machine ended, until it was last seen to live, as nobody knows how long it did. Any other one counts until its end was noticed:
 * nobody else could have its GPUs before.
 */
export function endOf({ endedAt, seen, how }: Holding, now: number): number {
  if (endedAt === undefined) return now;
  return how === STARTED_ANEW ? seen : endedAt;
}

/** Who was refused, as the text of an event "denied" begins; undefined: it does not say that. */
export function askerIn({ text }: LeaseEvent): { readonly uid: number; readonly container: string } | undefined {
  const [, container = "", uid] = /^(?:container (.+?), )?process \d+, user (\d+): /.exec(text) ?? [];
  return uid === undefined ? undefined : { uid: Number(uid), container };
}
