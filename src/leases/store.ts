import type { Database } from "bun:sqlite";
import { BerthError } from "../base/index.ts";
import { choose, type Choice } from "./choose.ts";
import { claimsOf, owedTo } from "./claims.ts";
import type { Device, Pool } from "./device.ts";
import type { Lease, LeasedDevice, LeaseEvent, Mark, Ticket } from "./lease.ts";
import { openDatabase, storePath } from "./open-database.ts";
import { lifeOf, type Owner } from "./owner.ts";
import { reap, startDraining, type Look } from "./reap.ts";
import {
  addEvent,
  deleteMark,
  deleteTicket,
  insertLease,
  insertTicket,
  lastEvent,
  putMark,
  readEvents,
  readLeases,
  readMarks,
  readTickets,
  setLeaseOwner,
  setLeaseState,
} from "./rows.ts";
import { storeFault } from "./store-fault.ts";
import { formatWish, type Wish } from "./wish.ts";

/** Who wishes for what. */
export interface Asking {
  readonly wish: Wish;
  readonly owner: Owner;
  readonly uid: number;
  readonly label: string;
  /** Of one who has waited; it is given back with the lease. */
  readonly ticket: number | undefined;
  /** How many devices a user may have at once. */
  readonly userLimit: number | undefined;
}

/** `lease` is undefined where not enough is free. `waiting`: how many came earlier and still wait. */
export interface Taken {
  readonly lease: Lease | undefined;
  readonly choice: Choice;
  readonly waiting: number;
}

/** All that the store says, after those who are gone were reaped. */
export interface Ledger {
  readonly leases: readonly Lease[];
  readonly tickets: readonly Ticket[];
  readonly marks: readonly Mark[];
}

/**
 * The leases of one machine, in one file of SQLite that every process opens for itself. Each method is one transaction that takes the only write lock first, reaps whoever is gone, and is there whole
 * or not at all. Close it. Every method throws BERTH-A005 and A006.
 */
export class LeaseStore implements Disposable {
  readonly #database: Database;
  readonly #path: string;

  private constructor(database: Database, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /** Throws BERTH-A005, A006, A007 and A011. */
  static open(folder: string): LeaseStore {
    return new LeaseStore(openDatabase(folder), storePath(folder));
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** Takes the best set of what is free and owed to nobody who came earlier. Throws BERTH-A009 for an owner that is gone, A010 above a user's limit. */
  take(asking: Asking, pool: Pool, look: Look): Taken {
    return this.#write(look, () => {
      if (lifeOf(asking.owner, look.here) !== "alive") throw noOwner(asking.owner.pid);
      const { choice, waiting, leases } = this.#choose(asking.wish, asking.ticket, pool, look);
      if (choice.devices === undefined) return { lease: undefined, choice, waiting };
      checkLimit(asking, choice.devices.length, leases);
      const lease = this.#insert(asking, choice.devices, look);
      if (asking.ticket !== undefined) deleteTicket(this.#database, asking.ticket);
      return { lease, choice, waiting };
    });
  }

  /** What `take` would choose now. */
  explain(wish: Wish, pool: Pool, look: Look): Omit<Taken, "lease"> {
    return this.#write(look, () => this.#choose(wish, undefined, pool, look));
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
      setLeaseOwner(this.#database, lease, owner);
      setLeaseState(this.#database, lease, "BOUND", look.uptime);
      addEvent(this.#database, { at: look.now, kind: "bound", lease: id, device: "", text: `process ${owner.pid}` });
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
  events(count: number): readonly LeaseEvent[] {
    return this.#guard(() => readEvents(this.#database, count));
  }

  #ledger(): Ledger {
    return {
      leases: readLeases(this.#database),
      tickets: readTickets(this.#database),
      marks: readMarks(this.#database),
    };
  }

  #choose(wish: Wish, ticket: number | undefined, pool: Pool, { usage, isUnchecked }: Look) {
    const { leases, tickets, marks } = this.#ledger();
    const earlier = tickets.filter(({ sequence }) => ticket === undefined || sequence < ticket);
    const market = { pool, claims: claimsOf(leases, marks), usage, isUnchecked };
    const claims = [...market.claims, ...owedTo(earlier, market)];
    return { choice: choose(wish, { ...market, claims }), waiting: earlier.length, leases };
  }

  #insert({ wish, owner, uid, label }: Asking, devices: readonly Device[], { now, uptime }: Look): Lease {
    const lease = {
      id: crypto.randomUUID().replaceAll("-", ""),
      state: "RESERVED" as const,
      owner,
      uid,
      label,
      wish: formatWish(wish),
      at: now,
      since: uptime,
      devices: devices.map(toLeased),
    };
    const generation = insertLease(this.#database, lease);
    const device = devices.map(({ key }) => key).join(",");
    addEvent(this.#database, {
      at: now,
      kind: "taken",
      lease: lease.id,
      device,
      text: `process ${owner.pid}, user ${uid}, ${lease.wish}`,
    });
    return { ...lease, generation };
  }

  #write<T>(look: Look, work: () => T): T {
    return this.#transact(() => {
      reap(this.#database, look);
      return work();
    });
  }

  /** Takes the write lock at its beginning: what it reads stays true until it ends. */
  #transact<T>(work: () => T): T {
    return this.#guard(() => {
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
    });
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeFault(error, this.#path);
    }
  }
}

function toLeased({ key, gpuKey, name, visibleName }: Device): LeasedDevice {
  return { key, gpuKey, name, visibleName: visibleName ?? "" };
}

function findLease(leases: readonly Lease[], id: string): Lease {
  const [found, ...others] = id.length < 4 ? [] : leases.filter((lease) => lease.id.startsWith(id.toLowerCase()));
  if (found === undefined) throw noLease(id, "there is none whose id begins so, or it has ended long ago");
  if (others.length > 0) throw noLease(id, `it is the beginning of ${others.length + 1} ids`);
  return found;
}

function checkLimit({ uid, userLimit }: Asking, count: number, leases: readonly Lease[]): void {
  const has = leases
    .filter((lease) => lease.uid === uid && lease.state !== "DRAINING")
    .flatMap(({ devices }) => devices).length;
  if (userLimit === undefined || has + count <= userLimit) return;
  throw new BerthError({
    code: "BERTH-A010",
    message: `Cannot give ${count} more to user ${uid}: that one has ${has}, and ${userLimit} are allowed`,
    remedy: "end a lease of that user: berth lease ls",
  });
}

function noOwner(pid: number): BerthError {
  const message = `Cannot lease a GPU to process ${pid}: there is no such process`;
  return new BerthError({
    code: "BERTH-A009",
    message,
    remedy: "name one that lives as long as the GPUs are needed: --owner-pid PID",
  });
}

function noLease(id: string, why: string): BerthError {
  return new BerthError({
    code: "BERTH-A008",
    message: `Cannot find the lease "${id}": ${why}`,
    remedy: "see those there are: berth lease ls",
  });
}
