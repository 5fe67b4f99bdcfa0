import { BerthError } from "../base/index.ts";
import { formatWish, type Wish } from "../request/index.ts";
import type { Choice, Verdict } from "./choose.ts";
import type { Taken } from "./asking.ts";

type Short = Pick<Taken, "choice" | "waiting">;

/** Whether waiting helps nothing: the machine has not enough of the kind, or the driver does not say how they are used. */
export function isHopeless(wish: Wish, { verdicts, fitting }: Choice): boolean {
  return fitting < wish.count || isBlind(wish, verdicts);
}

/** Why a wish is not met. */
export function refusal(asked: Wish, { choice, waiting }: Short): BerthError {
  // A lease that the wish names is gone, or it would have been had.
  const wish = { ...asked, lease: undefined };
  const { verdicts, fitting } = choice;
  if (fitting < wish.count) return notHere(wish, choice);
  return isBlind(wish, verdicts) ? blind(wish, verdicts) : notFree(wish, verdicts, waiting);
}

function isBlind({ count }: Wish, verdicts: readonly Verdict[]): boolean {
  const free = verdicts.filter(({ kind }) => kind === "free").length;
  const unknown = verdicts.filter(({ kind }) => kind === "unknown").length;
  return unknown > 0 && free < count && free + unknown >= count;
}

function notHere(wish: Wish, { verdicts, fitting }: Choice): BerthError {
  const misfit = firstReason(verdicts, "misfit");
  return new BerthError({
    code: "BERTH-A003",
    message: `Cannot give "${formatWish(wish)}": ${whatIsHere(wish, verdicts.length, fitting)}${misfit}`,
    remedy:
      verdicts.length === 0
        ? "see why: berth doctor"
        : `ask for fewer or for others: berth lease explain -g '${formatWish(wish)}'`,
  });
}

function whatIsHere({ link }: Wish, count: number, fitting: number): string {
  if (count === 0) return "this host has no GPU that can be leased";
  if (fitting === count) return `this host has ${count} and no more`;
  return `of ${count} here ${fitting} would do${link === undefined || fitting < 2 ? "" : " together"}`;
}

function blind(wish: Wish, verdicts: readonly Verdict[]): BerthError {
  return new BerthError({
    code: "BERTH-A004",
    message: `Cannot give "${formatWish(wish)}": which GPUs are idle is not known${firstReason(verdicts, "unknown")}`,
    remedy: "name the GPU by its index, or, where nobody uses GPUs without a lease: --unchecked",
  });
}

function notFree(wish: Wish, verdicts: readonly Verdict[], waiting: number): BerthError {
  const free = verdicts.filter(({ kind }) => kind === "free").length;
  const row = waiting === 0 ? "" : `, and ${waiting} waited before`;
  return new BerthError({
    code: "BERTH-A002",
    message: `Cannot give "${formatWish(wish)}": ${free === 0 ? "none is free" : `${free} free`}${row}${firstReason(verdicts, "taken")}`,
    remedy: "see who has them: berth lease explain; berth run --wait waits for them",
  });
}

/** One of them says enough; explain says all. */
function firstReason(verdicts: readonly Verdict[], kind: Verdict["kind"]): string {
  const verdict = verdicts.find((each) => each.kind === kind);
  return verdict === undefined ? "" : ` (GPU ${verdict.device.name}: ${verdict.why})`;
}
