import type { Database } from "bun:sqlite";
import { BerthError } from "../base/index.ts";
import type { Asking, NamedAsking, Taken, Used } from "./asking.ts";
import type { Pool } from "./device.ts";
import { addEvent, deleteMark, lastEvent, putMark, readMarks } from "./event-rows.ts";
import { describeAsker } from "./grant-lease.ts";
import { readEvents, type EventFilter } from "./history.ts";
import { readHistory } from "./history-rows.ts";
import type { Holding, Lease, LeaseEvent, Mark, Ticket } from "./lease.ts";
import { hurry } from "./hurry.ts";
import { openDatabase } from "./open-database.ts";
import type { Owner } from "./owner.ts";
import { bindLease, reap, startDraining, type Look } from "./reap.ts";
import { deleteTicket, insertTicket, readLeases, readTickets } from "./rows.ts";
import { storeFault } from "./store-fault.ts";
import { storePath } from "./store-path.ts";
import { chooseDevices, takeDevices } from "./take.ts";
import { useDevices } from "./use-named.ts";
import { formatWish, type Wish } from "../request/index.ts";

/** How much of an id means a lease. */
const MIN_ID = 4;

/** All that the store says, after those who are gone were reaped. */
export interface Ledger {
  readonly leases: readonly Lease[];
  readonly tickets: readonly Ticket[];
  readonly marks: readonly Mark[];
}

/**
 * The leases of one machine, in one file of SQLite that every process opens for itself. Each method is one transaction that takes the only write lock first, reaps whoever is gone, and is there whole
 * or not at all. Close it. Every method throws BERTH-A005, A006 and A014.
 */
export class LeaseStore implements Disposable {
  readonly #database: Database;
  readonly #path: string;

  private constructor(database: Database, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /** Throws BERTH-A005, A006, A007, A011 and A014. */
  static open(folder: string): LeaseStore {
    return new LeaseStore(openDatabase(folder), storePath(folder));
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /**
   * Takes the lease that the wish names, where it is still to be had; else the best set of what is free and owed to nobody who came earlier, that of the container's last life if it can be. Throws BERTH-A009 for an owner
   * that is gone, A010 above a user's limit, A012 where a stranger came between choice and start.
   */
  take(asking: Asking, pool: Pool, look: Look): Taken {
    return this.#write(look, () => takeDevices(this.#database, asking, pool, look));
  }

  /** What `take` would choose now. */
  explain(wish: Wish, pool: Pool, look: Look): Pick<Taken, "choice" | "waiting"> {
    return this.#write(look, () => chooseDevices(this.#database, { wish, ticket: undefined }, pool, look));
  }

  /** Writes down that named GPUs are used, shared or exclusively. Throws BERTH-A009 for an owner that is gone, A013 where the policy keeps one of them from it. */
  useNamed(asking: NamedAsking, pool: Pool, look: Look): Used {
    return this.#write(look, () => useDevices(this.#database, asking, pool, look));
  }

  /** Writes down that somebody was refused, and why. */
  deny(asking: Pick<Asking, "owner" | "uid" | "container">, why: string, look: Look): void {
    const text = `${describeAsker(asking)}: ${why}`;
    this.#transact(() => addEvent(this.#database, { at: look.now, kind: "denied", lease: "", device: "", text }));
  }

  /** A place in the row of those who wait. `owner` is the process that waits. */
  queue({ wish, uid }: Pick<Asking, "wish" | "uid">, owner: Owner, look: Look): number {
    return this.#write(look, () => insertTicket(this.#database, { owner, uid, wish: formatWish(wish) }, look.now));
  }

  leaveQueue(ticket: number, look: Look): void {
    this.#write(look, () => deleteTicket(this.#database, ticket));
  }

  /** Whether anybody has changed the store since it was last asked for: a number that changes with each change of another process. */
  changeCount(): number {
    return this.#guard(
      () => this.#database.query<{ data_version: number }, []>("PRAGMA data_version").get()?.data_version ?? 0,
    );
  }

  /** The lease is its container's from now on. Throws BERTH-A008 where it is gone or has another generation. */
  bind(id: string, generation: number, owner: Owner, look: Look): void {
    this.#write(look, () => {
      const lease = readLeases(this.#database).find((each) => each.id === id && each.generation === generation);
      if (lease === undefined || lease.state === "DRAINING") throw noLease(id, "it has ended");
      bindLease(this.#database, lease, owner, look);
    });
  }

  /** Ends a lease, once or again; with a generation only that one. Throws BERTH-A008 where no lease has that id. Its beginning will do where it is the only one. */
  release(id: string, generation: number | undefined, look: Look): Lease {
    return this.#write(look, () => {
      const lease = findLease(readLeases(this.#database), id);
      const isOther = generation !== undefined && generation !== lease.generation;
      if (!isOther && lease.state !== "DRAINING")
        startDraining(this.#database, lease, look, { kind: "released", text: "" });
      return lease;
    });
  }

  /** Takes a device out of what is given away; whoever has it keeps it. */
  mark(mark: Mark, look: Look): void {
    this.#write(look, () => {
      putMark(this.#database, mark);
      addEvent(this.#database, { at: look.now, kind: mark.state, lease: "", device: mark.key, text: mark.reason });
    });
  }

  /** Whether it was out. */
  unmark(key: string, look: Look): boolean {
    return this.#write(look, () => {
      const was = deleteMark(this.#database, key);
      if (was) addEvent(this.#database, { at: look.now, kind: "admitted", lease: "", device: key, text: "" });
      return was;
    });
  }

  read(look: Look): Ledger {
    return this.#write(look, () => this.#ledger());
  }

  /** Reaps, frees and quarantines what is to be, and tells what that was. */
  sweep(look: Look): readonly LeaseEvent[] {
    return this.#transact(() => {
      const before = lastEvent(this.#database);
      reap(this.#database, look);
      return readEvents(this.#database, lastEvent(this.#database) - before);
    });
  }

  /** The newest last. */
  events(count: number, filter: EventFilter = {}): readonly LeaseEvent[] {
    return this.#guard(() => readEvents(this.#database, count, filter));
  }

  /** The leases that ended at `since` (milliseconds since 1970) and later, the oldest first, then those that live. */
  holdings(since: number, look: Look): readonly Holding[] {
    const living = this.read(look).leases.filter(({ state }) => state !== "DRAINING");
    // Long to read, and without the lock that others wait for; what ends meanwhile is in both.
    const ended = this.#guard(() => readHistory(this.#database, since));
    const isEnded = new Set(ended.map(({ id }) => id));
    return [...ended, ...living.filter(({ id }) => !isEnded.has(id)).map(toHolding)];
  }

  #ledger(): Ledger {
    return {
      leases: readLeases(this.#database),
      tickets: readTickets(this.#database),
      marks: readMarks(this.#database),
    };
  }

  #write<T>(look: Look, work: () => T): T {
    return this.#transact(() => {
      reap(this.#database, look);
      return work();
    });
  }

  /** Takes the write lock at its beginning: what it reads stays true until it ends. */
  #transact<T>(work: () => T): T {
    return this.#guard(() =>
      hurry(() => {
        this.#database.run("BEGIN IMMEDIATE");
        try {
          const result = work();
          this.#database.run("COMMIT");
          return result;
        } catch (error) {
          // A full disk has rolled it back already.
          if (this.#database.inTransaction) this.#database.run("ROLLBACK");
          throw error;
        }
      }),
    );
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeFault(error, this.#path);
    }
  }
}

function toHolding({ id, generation, mode, uid, container, label, wish, at, seen, devices }: Lease): Holding {
  const ended = { endedAt: undefined, how: "" };
  return { id, generation, mode, uid, container, label, wish, at, seen, devices, ...ended };
}

function findLease(leases: readonly Lease[], id: string): Lease {
  if (id.length < MIN_ID) throw noLease(id, `its first ${MIN_ID} letters are needed at least`);
  const [found, ...others] = leases.filter((lease) => lease.id.startsWith(id.toLowerCase()));
  if (found === undefined) throw noLease(id, "there is none whose id begins so, or it has ended long ago");
  if (others.length > 0) throw noLease(id, `it is the beginning of ${others.length + 1} ids`);
  return found;
}

function noLease(id: string, why: string): BerthError {
  return new BerthError({
    code: "BERTH-A008",
    message: `Cannot find the lease "${id}": ${why}`,
    remedy: "see those there are: berth lease ls",
  });
}
