import { expect, test } from "bun:test";
import { BerthError, undoable, undoAfter } from "./index.ts";

test("undoable gives back what undoes every step, last first, and once", () => {
  const undone: number[] = [];
  const undo = undoable((steps) => steps.push(...[1, 2].map((step) => () => undone.push(step))));
  expect(undone).toEqual([]);
  undo();
  undo();
  expect(undone).toEqual([2, 1]);
});

test("undoable undoes what was done when a step fails, and throws the error of that step", () => {
  const undone: number[] = [];
  const failure = new RangeError("no");
  const work = (): unknown =>
    undoable((steps) => {
      steps.push(() => undone.push(1));
      throw failure;
    });
  expect(work).toThrow(failure);
  expect(undone).toEqual([1]);
});

test("undoable takes the other steps back when one cannot be, and says both", () => {
  const undone: number[] = [];
  const fail = (message: string) => (): never => {
    throw new BerthError({ code: "BERTH-K002", message, remedy: "none" });
  };
  const work = (): unknown =>
    undoable((steps) => {
      steps.push(() => undone.push(1), fail("cannot undo"));
      fail("cannot do")();
    });
  expect(work).toThrow("cannot do (and not everything could be put back: cannot undo)");
  expect(undone).toEqual([1]);
});

test("undoAfter throws the error itself when everything was undone, last first", () => {
  const undone: number[] = [];
  const failure = new RangeError("no");
  const run = (): never => undoAfter(failure, [() => undone.push(1), () => undone.push(2)]);
  expect(run).toThrow(failure);
  expect(undone).toEqual([2, 1]);
});
