import type { Database } from "bun:sqlite";
import { forgetOld } from "./history.ts";
import { insert } from "./insert.ts";
import type { LeaseEvent, Mark } from "./lease.ts";

/** Names in it come from outside. */
const MAX_TEXT = 1000;

export function addEvent(database: Database, event: LeaseEvent): void {
  const { lastInsertRowid } = insert(database, "event", { ...event, text: event.text.slice(0, MAX_TEXT) });
  forgetOld(database, "event", Number(lastInsertRowid), event.at);
}

/** The number of the newest event; 0: there is none. */
export function lastEvent(database: Database): number {
  return database.query<{ last: number | null }, []>("SELECT max(sequence) AS last FROM event").get()?.last ?? 0;
}

export function readMarks(database: Database): readonly Mark[] {
  return database.query<Mark, []>("SELECT key, state, reason, at FROM device ORDER BY key").all();
}

export function putMark(database: Database, { key, state, reason, at }: Mark): void {
  database.run("INSERT OR REPLACE INTO device (key, state, reason, at) VALUES (?, ?, ?, ?)", [key, state, reason, at]);
}

/** Whether there was one. */
export function deleteMark(database: Database, key: string): boolean {
  return database.run("DELETE FROM device WHERE key = ?", [key]).changes > 0;
}
