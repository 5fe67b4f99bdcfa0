import { BerthError, errnoCode, nearest } from "../base/index.ts";
import { fail, skip, type Check, type Finding } from "./check.ts";
import { mend, type MendOptions } from "./mend.ts";
import type { Result } from "./result.ts";
import { openScene, type Scene, type SceneInput } from "./scene.ts";

export interface ExamineOptions {
  readonly checks: readonly Check[];
  /** Called when a check is through. */
  readonly onResult?: (result: Result) => void;
  /** Undefined: nothing is changed. */
  readonly mending?: MendOptions;
}

/** Runs checks in order. One whose needs have failed, or were not looked at for such a reason, is not looked at; one that throws has failed. */
export async function examine(input: SceneInput, options: ExamineOptions): Promise<readonly Result[]> {
  const results: Result[] = [];
  const blocked = new Map<string, string>();
  let scene = openScene(input);
  for (const check of options.checks) {
    const culprit = (check.needs ?? []).map((id) => blocked.get(id)).find((id) => id !== undefined);
    let result: Result = { check, finding: culprit === undefined ? await look(check, scene) : notLookedAt(culprit) };
    if (options.mending !== undefined) {
      const mending = mend(result, scene, options.mending);
      if (mending !== undefined) {
        scene = openScene(input);
        result = { check, finding: mending.kind === "ran" ? await look(check, scene) : result.finding, mending };
      }
    }
    if (culprit !== undefined || result.finding.kind === "fail") blocked.set(check.id, culprit ?? check.id);
    results.push(result);
    options.onResult?.(result);
  }
  return results;
}

function notLookedAt(culprit: string): Finding {
  return { kind: "skip", why: `not looked at, because ${culprit} failed` };
}

async function look(check: Check, scene: Scene): Promise<Finding> {
  try {
    return await check.run(scene);
  } catch (thrown) {
    if (!scene.isRoot && isRefusal(thrown)) return skip(`only root may look: ${BerthError.from(thrown).message}`);
    const { code, message, remedy } = BerthError.from(thrown);
    return fail({ code, cause: message, remedy });
  }
}

/** What another user is refused says nothing of the machine. */
function isRefusal(thrown: unknown): boolean {
  const code = errnoCode(thrown instanceof BerthError ? thrown.cause : thrown);
  return code === "EACCES" || code === "EPERM";
}

/** Those of the checks that are named, with what they need, in order. Throws BERTH-U001 for a name that none has. */
export function choose(checks: readonly Check[], ids: readonly string[]): readonly Check[] {
  if (ids.length === 0) return checks;
  const wanted = new Set<string>();
  const add = (id: string): void => {
    if (wanted.has(id)) return;
    wanted.add(id);
    for (const need of find(checks, id).needs ?? []) add(need);
  };
  for (const id of ids) add(id);
  return checks.filter(({ id }) => wanted.has(id));
}

function find(checks: readonly Check[], id: string): Check {
  const check = checks.find((each) => each.id === id);
  if (check !== undefined) return check;
  const names = checks.map((each) => each.id);
  const near = nearest(id, names);
  const meaning = near === undefined ? `the checks are ${names.join(", ")}` : `did you mean "${near}"?`;
  const message = `Cannot look at "${id}": there is no such check: ${meaning}`;
  throw new BerthError({ code: "BERTH-U001", message, remedy: "berth doctor --only CHECK; berth doctor lists them" });
}
