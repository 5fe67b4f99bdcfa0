import { Database } from "bun:sqlite";
import { accessSync, closeSync, constants, existsSync, openSync, statfsSync } from "node:fs";
import { errnoCode, makePrivateFolder } from "../base/index.ts";
import { effectiveUid } from "../linux/index.ts";
import { networkFileSystem } from "./network-file-system.ts";
import { ensureSchema, SCHEMA_VERSION } from "./schema.ts";
import { damaged, newer, onNetwork, storeFault } from "./store-fault.ts";
import { storePath } from "./store-path.ts";

/** SQLite serves those who wait in no order, so that among a hundred one can have bad luck for long. */
const BUSY_MS = 30_000;
const PAUSE_MS = 10;
/** What is given away depends on these; the records of what was can be large, and are looked at where they are read. */
const DECISIVE = ["lease", "grip", "device", "ticket"];

/**
 * Opens the store in `folder`, both made where they are not there. With a log beside it (WAL) and no sync for each change: who is killed at any point leaves it whole, a power cut, too. That may
 * take the last changes with it, but of a boot that is over no lease counts; and a sync can take longer than all else that is done here. Throws BERTH-A005, A006, A007, A011 and A014.
 */
export function openDatabase(folder: string): Database {
  const path = storePath(folder);
  try {
    makePrivateFolder(folder, effectiveUid());
    accessSync(folder, constants.W_OK);
    const kind = networkFileSystem(statfsSync(folder).type);
    if (kind !== undefined) throw onNetwork(path, kind);
    // SQLite would make it with the umask's mode. Never opened again here: closing it would free SQLite's own locks.
    if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
    return prepare(new Database(path, { readwrite: true, create: false, strict: true }), path);
  } catch (error) {
    throw storeFault(error, path);
  }
}

function prepare(database: Database, path: string): Database {
  try {
    database.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
    enterWal(database);
    database.run("PRAGMA synchronous = NORMAL");
    database.run("PRAGMA foreign_keys = ON");
    const version = ensureSchema(database);
    if (version > SCHEMA_VERSION) throw newer(path, version);
    for (const table of DECISIVE) {
      const fault = database.query<{ quick_check: string }, []>(`PRAGMA quick_check(${table})`).get()?.quick_check;
      if (fault !== "ok") throw damaged(path, fault ?? "it cannot be checked");
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Of many who open a new store one makes it so; SQLite does not wait for that one by itself. */
function enterWal(database: Database): void {
  // SQLite itself waits each time where somebody holds all of it.
  const deadline = performance.now() + BUSY_MS;
  for (;;) {
    try {
      database.run("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (errnoCode(error) !== "SQLITE_BUSY" || performance.now() >= deadline) throw error;
      Bun.sleepSync(PAUSE_MS);
    }
  }
}
