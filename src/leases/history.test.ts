import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { addEvent } from "./event-rows.ts";
import { describeAsker } from "./grant-lease.ts";
import { askerIn, readEvents } from "./history.ts";
import type { LeaseEvent } from "./lease.ts";
import { ensureSchema } from "./schema.ts";
import { ownerOf } from "./store.test-helper.ts";

const DAY = 86_400_000;

function event(at: number, kind: LeaseEvent["kind"] = "taken"): LeaseEvent {
  return { at, kind, lease: "", device: "", text: "" };
}

function newDatabase(): Database {
  const database = new Database(":memory:", { strict: true });
  ensureSchema(database);
  return database;
}

test("events older than 400 days go, a few with each new one, and the newest stays", () => {
  using database = newDatabase();
  for (let count = 0; count < 50; count += 1) addEvent(database, event(0));
  addEvent(database, event(399 * DAY));
  expect(readEvents(database, 99)).toHaveLength(51);
  addEvent(database, event(401 * DAY));
  expect(readEvents(database, 99)).toHaveLength(32);
  addEvent(database, event(401 * DAY));
  addEvent(database, event(401 * DAY));
  expect(readEvents(database, 99).map(({ at }) => at / DAY)).toEqual([399, 401, 401, 401]);
});

test("100,000 events are kept", () => {
  using database = newDatabase();
  database.run(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100001) INSERT INTO event (at, kind, lease, device, text) SELECT 1, 'taken', '', '', '' FROM n",
  );
  addEvent(database, event(2));
  expect(readEvents(database, 200_000)).toHaveLength(100_000);
});

test("readEvents gives the newest of a kind and a time, the newest last", () => {
  using database = newDatabase();
  for (const at of [1, 2, 3, 4]) addEvent(database, event(at, at % 2 === 0 ? "denied" : "taken"));
  expect(readEvents(database, 2).map(({ at }) => at)).toEqual([3, 4]);
  expect(readEvents(database, 9, { since: 3 }).map(({ at }) => at)).toEqual([3, 4]);
  expect(readEvents(database, 9, { since: 2, kind: "denied" }).map(({ at }) => at)).toEqual([2, 4]);
});

test("askerIn reads whom describeAsker has written down", () => {
  const owner = ownerOf(process.pid);
  const container = { id: "c1", state: "", engine: "", name: "web, 2", image: "", project: "", user: "" };
  const read = (text: string) => askerIn({ ...event(0, "denied"), text });
  expect(read(`${describeAsker({ owner, uid: 12, container })}: none: user 3: `)).toEqual({
    uid: 12,
    container: "web__2",
  });
  expect(read(`${describeAsker({ owner, uid: 0, container: undefined })}: none`)).toEqual({ uid: 0, container: "" });
  expect(read("something else")).toBeUndefined();
});
