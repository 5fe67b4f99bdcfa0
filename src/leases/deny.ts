import { BerthError } from "../base/index.ts";
import type { Asking } from "./asking.ts";
import { lookNow } from "./lease-site.ts";
import type { LeaseStore } from "./store.ts";

/** Writes a refusal down, and takes who waited out of the row, where the store takes it: that it is full or held by others changes nothing of the refusal, and a ticket ends with its process. */
export function deny(
  store: LeaseStore,
  asking: Pick<Asking, "owner" | "uid" | "container">,
  why: string,
  ticket?: number,
): void {
  try {
    if (ticket !== undefined) store.leaveQueue(ticket, lookNow());
    store.deny(asking, why, lookNow());
  } catch (error) {
    if (!(error instanceof BerthError)) throw error;
  }
}
