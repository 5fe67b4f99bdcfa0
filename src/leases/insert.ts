import type { Database } from "bun:sqlite";

/** One row, by the names of its columns. */
export function insert(database: Database, table: string, row: Readonly<Record<string, string | number>>) {
  const names = Object.keys(row);
  const places = names.map(() => "?").join(", ");
  return database.run(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${places})`, Object.values(row));
}
