import { BerthError, errnoCode } from "../base/index.ts";

/** Carries steps out to their end. Throws BERTH-I003 for a file call that fails; `task` is "Cannot install berth into …". */
export function runSteps<T>(steps: Generator<string, T>, task: string): T {
  let doing = "look";
  try {
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return step.value;
      doing = step.value;
    }
  } catch (error) {
    const code = errnoCode(error);
    if (error instanceof BerthError || !(error instanceof Error) || code === undefined) throw error;
    const isDenied = code === "EACCES" || code === "EPERM";
    const remedy = isDenied
      ? "run it as root, or name a folder of your own: --prefix ~/.local"
      : "mend that and run it again";
    const message = `${task}: ${error.message} (to ${doing})`;
    throw new BerthError({ code: "BERTH-I003", message, remedy }, { cause: error });
  }
}
