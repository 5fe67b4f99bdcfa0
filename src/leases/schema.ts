import type { Database } from "bun:sqlite";

/** Raised by whoever changes a table: a store of a higher one is that of a newer berth. */
export const SCHEMA_VERSION = 1;

/**
 * `grip` is who has which device: its primary key is what makes a second grant of one device impossible, and its triggers keep a GPU and a part of it from being given at once. Times are
 * milliseconds: `at` since 1970, to be shown; `since` since the boot (CLOCK_BOOTTIME), to be counted, as a clock that is set does not change it.
 */
const TABLES = `
CREATE TABLE device (
  key TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('drained', 'quarantined')),
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE TABLE lease (
  generation INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('RESERVED', 'BOUND', 'DRAINING')),
  boot TEXT NOT NULL,
  pidNamespace TEXT NOT NULL,
  pid INTEGER NOT NULL,
  start TEXT NOT NULL,
  cgroups TEXT NOT NULL,
  uid INTEGER NOT NULL,
  label TEXT NOT NULL,
  wish TEXT NOT NULL,
  at INTEGER NOT NULL,
  since INTEGER NOT NULL
) STRICT;
CREATE TABLE grip (
  key TEXT PRIMARY KEY,
  gpuKey TEXT NOT NULL,
  name TEXT NOT NULL,
  visibleName TEXT NOT NULL,
  lease INTEGER NOT NULL REFERENCES lease (generation) ON DELETE CASCADE
) STRICT;
CREATE INDEX gripOfLease ON grip (lease);
CREATE TRIGGER partOfWhole BEFORE INSERT ON grip
WHEN EXISTS (SELECT 1 FROM grip WHERE key = NEW.gpuKey OR (gpuKey = NEW.key AND key <> NEW.key))
BEGIN SELECT RAISE(ABORT, 'UNIQUE: a part of this GPU, or the whole of it, is leased'); END;
CREATE TABLE ticket (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  boot TEXT NOT NULL,
  pidNamespace TEXT NOT NULL,
  pid INTEGER NOT NULL,
  start TEXT NOT NULL,
  uid INTEGER NOT NULL,
  wish TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE TABLE event (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  lease TEXT NOT NULL,
  device TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE TRIGGER eventsStay BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'an event is never changed'); END;
PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** Makes the tables where there are none, in one step. Returns the version of those that are there. */
export function ensureSchema(database: Database): number {
  const version = readVersion(database);
  if (version !== 0) return version;
  database.run("BEGIN IMMEDIATE");
  try {
    // Another one may have made them meanwhile.
    if (readVersion(database) === 0) database.run(TABLES);
    database.run("COMMIT");
  } catch (error) {
    if (database.inTransaction) database.run("ROLLBACK");
    throw error;
  }
  return readVersion(database);
}

function readVersion(database: Database): number {
  return database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
}
