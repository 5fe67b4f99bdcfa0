import { BerthError } from "./error.ts";

/** Takes one step back. */
export type Undo = () => void;

/**
 * Calls `work` with a list that it adds the undoing of each step to, and gives back what undoes all of them, last first, once. When `work` throws, they are undone and the error
 * is thrown on, which says so when something of that failed as well.
 */
export function undoable(work: (undos: Undo[]) => void): Undo {
  const undos: Undo[] = [];
  try {
    work(undos);
  } catch (error) {
    undoAfter(error, undos);
  }
  return () => {
    const [first] = undoAll(undos);
    if (first !== undefined) throw BerthError.from(first);
  };
}

/** Undoes what was done before an error, last first, and throws that error; what could not be put back is said behind it. */
export function undoAfter(error: unknown, undos: Undo[]): never {
  const failures = undoAll(undos);
  if (failures.length === 0) throw error;
  const { message, code, remedy } = BerthError.from(error);
  const why = failures.map((failure) => BerthError.from(failure).message).join("; ");
  const both = `${message} (and not everything could be put back: ${why})`;
  throw new BerthError({ code, message: both, remedy }, { cause: new AggregateError([error, ...failures]) });
}

/** Takes all steps back, also after one that fails, and gives back what failed. */
function undoAll(undos: Undo[]): readonly unknown[] {
  const failures: unknown[] = [];
  for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
    try {
      undo();
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}
