import { expect, test } from "bun:test";
import type { Device, Taken, Verdict } from "../../leases/index.ts";
import { parseWish } from "../../request/index.ts";
import { describeWait, waitingLine } from "./waiting-line.ts";

const LEASE = "lease 3fa21b07 of process 12 (web-1), user 0";

function device(name: string): Device {
  return {
    key: name,
    gpuKey: name,
    place: Number(name),
    name,
    visibleName: name,
    uuid: undefined,
    model: "",
    computeCapability: undefined,
    numaNode: undefined,
    migProfile: undefined,
    obstacle: undefined,
  };
}

/** One device for each reason; "": free. */
function short(waiting: number, ...whys: readonly string[]): Taken {
  const verdicts = whys.map((why, index): Verdict => {
    return { device: device(`${index}`), kind: why === "" ? "free" : "taken", why };
  });
  return { lease: undefined, choice: { verdicts, devices: undefined, fitting: 8 }, waiting, warnings: [] };
}

const wish = parseWish("any:2");

function told(columns: number | undefined, ...shorts: readonly Taken[]): readonly string[] {
  const notes: string[] = [];
  const line = waitingLine(wish, (text) => void notes.push(text), columns);
  for (const each of shorts) line.tell(each);
  line.clear();
  return notes;
}

test("describeWait says the place in the row, what is free, and who has one of the others", () => {
  expect(describeWait(wish, short(2, "", LEASE))).toBe(`waiting: 2 before you; 1 of 2 free; GPU 1: ${LEASE}`);
  expect(describeWait(wish, short(0, LEASE, LEASE))).toBe(`waiting: you are next; GPU 0: ${LEASE}`);
});

test("what others have written stays on its line", () => {
  expect(describeWait(wish, short(0, "drained: a\u001b[2J\nb"))).toBe(
    "waiting: you are next; GPU 0: drained: a\\u001b[2J\\u000ab",
  );
});

test("without a terminal there is a line for each change, and none for other numbers of the same use", () => {
  const use = (percent: number) => `in use without a lease: process 7, ${percent}.5 GB of memory, ${percent} % busy`;
  expect(told(undefined, short(1, LEASE), short(1, LEASE), short(0, use(3)), short(0, use(96)))).toEqual([
    `waiting: 1 before you; GPU 0: ${LEASE}\n`,
    `waiting: you are next; GPU 0: ${use(3)}\n`,
  ]);
});

test("at a terminal it is one line that is written anew, never longer than the terminal, and gone in the end", () => {
  expect(told(30, short(1, LEASE), short(0, LEASE))).toEqual([
    "\rwaiting: 1 before you; GPU 0…\u001b[K",
    "\rwaiting: you are next; GPU 0…\u001b[K",
    "\r\u001b[K",
  ]);
});

test("who has not waited has nothing to be cleared", () => {
  expect(told(80)).toEqual([]);
});
