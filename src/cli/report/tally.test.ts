import { expect, test } from "bun:test";
import { STARTED_ANEW, type Holding } from "../../leases/index.ts";
import { deniedSubject, subjectsOf, type Aspect } from "./subjects.ts";
import { tally } from "./tally.ts";

const HOUR = 3_600_000;
const PERIOD = { since: 10 * HOUR, until: 20 * HOUR, now: 20 * HOUR };
const USERS = new Map([[1000, "alice"]]);

/** A lease of one GPU from hour 12 to hour 13, with changes. */
function holding(changes: Partial<Holding> & { readonly gpus?: readonly string[] } = {}): Holding {
  const { gpus = ["0"], ...rest } = changes;
  return {
    id: "a".repeat(32),
    generation: 1,
    mode: "own",
    uid: 1000,
    container: undefined,
    label: "",
    wish: "any:1",
    at: 12 * HOUR,
    seen: 13 * HOUR,
    devices: gpus.map((name) => ({ key: `key${name}`, gpuKey: `key${name}`, name, visibleName: name })),
    endedAt: 13 * HOUR,
    how: "released",
    ...rest,
  };
}

function inContainer(image: string, project: string, name = "web"): Pick<Holding, "container"> {
  return { container: { id: "f".repeat(64), state: "", engine: "docker", name, image, project, user: "" } };
}

function report(by: Aspect, ...holdings: readonly Holding[]) {
  const { rows, total } = tally(
    holdings,
    [],
    PERIOD,
    subjectsOf(by, USERS, (key) => key),
  );
  const short = ({ name, gpuMs, leases, mostGpus, longestMs }: (typeof rows)[number]) => [
    name,
    gpuMs / HOUR,
    leases,
    mostGpus,
    longestMs / HOUR,
  ];
  return { rows: rows.map(short), total: short(total) };
}

test("tally adds up GPU-hours, leases, how many GPUs at once, and the longest, most GPU-hours first", () => {
  const three = holding({ uid: 7, gpus: ["1", "2", "3"], endedAt: 14 * HOUR });
  expect(report("user", holding(), holding({ at: 12.5 * HOUR }), three)).toEqual({
    rows: [
      ["7", 6, 1, 3, 2],
      ["alice", 1.5, 2, 2, 1],
    ],
    total: ["total", 7.5, 3, 5, 2],
  });
});

test("tally counts of a lease what lies in the period", () => {
  const from = (at: number, endedAt: number | undefined) =>
    report("user", holding({ at: at * HOUR, endedAt })).total[1];
  expect(from(2, 12 * HOUR)).toBe(2);
  expect(from(18, 30 * HOUR)).toBe(2);
  expect(from(2, 30 * HOUR)).toBe(10);
  expect(from(19, undefined)).toBe(1);
  expect(report("user", holding({ at: 2 * HOUR, endedAt: 9 * HOUR })).rows).toEqual([]);
});

test("tally counts a lease that a restart of the machine ended until it was last seen to live", () => {
  const ended = { endedAt: 19 * HOUR, seen: 12.5 * HOUR };
  expect(report("user", holding({ ...ended, how: STARTED_ANEW })).total[1]).toBe(0.5);
  expect(report("user", holding({ ...ended, how: "process 12 is gone" })).total[1]).toBe(7);
});

test("tally has a lease last no time where the clock was set back meanwhile, and still counts it", () => {
  expect(report("user", holding({ at: 15 * HOUR, endedAt: 11 * HOUR })).total).toEqual(["total", 0, 1, 0, 0]);
  expect(report("user", holding({ at: 25 * HOUR, endedAt: undefined })).rows).toEqual([["alice", 0, 1, 0, 0]]);
});

test("tally counts a lease of several GPUs once in all, and in the line of each", () => {
  expect(report("gpu", holding({ gpus: ["0", "1"] }), holding({ at: 13 * HOUR, endedAt: 15 * HOUR }))).toEqual({
    rows: [
      ["key0", 3, 2, 1, 2],
      ["key1", 1, 1, 1, 1],
    ],
    total: ["total", 4, 2, 2, 2],
  });
});

test("tally tells by project, image and container, and puts what is not known together", () => {
  const leases = [holding(inContainer("nginx:1.27", "shop")), holding(inContainer("nginx:1.27", "", "")), holding()];
  expect(report("image", ...leases).rows).toEqual([
    ["nginx:1.27", 2, 2, 2, 1],
    ["", 1, 1, 1, 1],
  ]);
  expect(report("project", ...leases).rows.map(([name]) => name)).toEqual(["", "shop"]);
  expect(report("container", ...leases).rows.map(([name]) => name)).toEqual(["", "ffffffffffff", "web"]);
});

test("tally gives a line to somebody who was only denied", () => {
  const event = (text: string) => ({ at: 12 * HOUR, kind: "denied", lease: "", device: "", text }) as const;
  const texts = ["process 4, user 1000: none is free", "container web, process 4, user 0: none is free", "odd"];
  const count = (by: Aspect) =>
    tally(
      [],
      texts.map((text) => deniedSubject(event(text), by, USERS)),
      PERIOD,
      subjectsOf(by, USERS, (key) => key),
    );
  expect(count("user").rows.map(({ name, denied }) => [name, denied])).toEqual([
    ["", 1],
    ["0", 1],
    ["alice", 1],
  ]);
  expect(count("container").rows.map(({ name, denied }) => [name, denied])).toEqual([
    ["", 2],
    ["web", 1],
  ]);
  expect(count("image").total.denied).toBe(3);
});
