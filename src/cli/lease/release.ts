import { type Lease, lookNow, openStore } from "../../leases/index.ts";
import { BerthError, parseStrictInteger } from "../../base/index.ts";
import type { World } from "../context.ts";
import { noteWarnings } from "../note-warnings.ts";
import { findLeaseSite } from "./lease-site.ts";

/** `berth lease release`: ends a lease. Whether its memory is free again is seen by whoever asks for GPUs next. */
export function releaseLease(this: World, { generation }: { readonly generation?: string }, id: string): void {
  using store = openStore(findLeaseSite(this));
  const lease = store.release(id, readGeneration(generation), lookNow());
  this.print(`released ${lease.id}\n`);
  if (lease.state === "BOUND")
    noteWarnings(this, [`container ${nameOf(lease)} runs on, and can use its GPUs until it is stopped`]);
}

function nameOf({ container }: Lease): string {
  return container?.name || container?.id.slice(0, 12) || "of this lease";
}

function readGeneration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const generation = parseStrictInteger(text, Number.MAX_SAFE_INTEGER);
  if (generation !== undefined) return generation;
  const message = `Cannot read --generation "${text}": it is no number`;
  throw new BerthError({ code: "BERTH-U001", message, remedy: "write the one that berth lease take --json said" });
}
