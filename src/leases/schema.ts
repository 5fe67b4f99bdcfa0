import type { Database } from "bun:sqlite";

/**
 * `grip` is who has which device. Times are milliseconds: `at`, `seen` and `ended` since 1970, to be shown; `since` since the boot (CLOCK_BOOTTIME), to be counted, as a clock that is set does not
 * change it.
 */
const FIRST = `
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
PRAGMA user_version = 1;
`;

/**
 * A device has one grip that is not shared at most, and none where another is, nor where a part or the whole of its GPU has one: the index and the trigger make a second grant impossible. A shared one may come to
 * any: whether it may is decided before.
 */
const SECOND = `
ALTER TABLE lease ADD COLUMN mode TEXT NOT NULL DEFAULT 'own' CHECK (mode IN ('own', 'exclusive', 'shared'));
ALTER TABLE lease ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lease ADD COLUMN containerId TEXT NOT NULL DEFAULT '';
ALTER TABLE lease ADD COLUMN containerState TEXT NOT NULL DEFAULT '';
ALTER TABLE lease ADD COLUMN engine TEXT NOT NULL DEFAULT '';
ALTER TABLE lease ADD COLUMN containerName TEXT NOT NULL DEFAULT '';
ALTER TABLE lease ADD COLUMN image TEXT NOT NULL DEFAULT '';
ALTER TABLE lease ADD COLUMN project TEXT NOT NULL DEFAULT '';
ALTER TABLE lease ADD COLUMN containerUser TEXT NOT NULL DEFAULT '';
UPDATE lease SET seen = at;
DROP TRIGGER partOfWhole;
DROP INDEX gripOfLease;
ALTER TABLE grip RENAME TO formerGrip;
CREATE TABLE grip (
  key TEXT NOT NULL,
  gpuKey TEXT NOT NULL,
  name TEXT NOT NULL,
  visibleName TEXT NOT NULL,
  isShared INTEGER NOT NULL CHECK (isShared IN (0, 1)),
  lease INTEGER NOT NULL REFERENCES lease (generation) ON DELETE CASCADE,
  UNIQUE (lease, key)
) STRICT;
INSERT INTO grip SELECT key, gpuKey, name, visibleName, 0, lease FROM formerGrip ORDER BY rowid;
DROP TABLE formerGrip;
CREATE UNIQUE INDEX oneOwner ON grip (key) WHERE isShared = 0;
CREATE TRIGGER nobodyElse BEFORE INSERT ON grip
WHEN NEW.isShared = 0
  AND EXISTS (SELECT 1 FROM grip WHERE key IN (NEW.key, NEW.gpuKey) OR (gpuKey = NEW.key AND key <> NEW.key))
BEGIN SELECT RAISE(ABORT, 'UNIQUE: this GPU, a part or the whole of it, is leased'); END;
CREATE TABLE history (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  generation INTEGER NOT NULL,
  id TEXT NOT NULL,
  mode TEXT NOT NULL,
  uid INTEGER NOT NULL,
  containerId TEXT NOT NULL,
  containerState TEXT NOT NULL,
  engine TEXT NOT NULL,
  containerName TEXT NOT NULL,
  image TEXT NOT NULL,
  project TEXT NOT NULL,
  containerUser TEXT NOT NULL,
  label TEXT NOT NULL,
  wish TEXT NOT NULL,
  devices TEXT NOT NULL,
  at INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  endedAt INTEGER NOT NULL,
  how TEXT NOT NULL
) STRICT;
CREATE INDEX historyOfContainer ON history (containerId, containerState, sequence);
CREATE INDEX historyByEnd ON history (endedAt);
PRAGMA user_version = 2;
`;

/** What leads from each version to the next: a new store takes all of them. */
export const SCHEMA_STEPS: readonly string[] = [FIRST, SECOND];

/** Raised by each step: a store of a higher one is that of a newer berth. */
export const SCHEMA_VERSION = SCHEMA_STEPS.length;

/** Makes the tables, or brings those of an older berth over, in one transaction. Returns the version of what is there then. */
export function ensureSchema(database: Database): number {
  const version = readVersion(database);
  if (version >= SCHEMA_VERSION) return version;
  database.run("BEGIN IMMEDIATE");
  try {
    // Another one may have done it meanwhile.
    for (const step of SCHEMA_STEPS.slice(readVersion(database))) database.run(step);
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
