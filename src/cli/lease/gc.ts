import { escapeControls } from "../../base/index.ts";
import { lacksLeaseStore, type LeaseEvent, type LeaseSite, lookAtGpus, nameOf, openStore } from "../../leases/index.ts";
import type { World } from "../context.ts";
import { findLeaseSite, isUnchecked } from "./lease-site.ts";

/** `berth lease gc`: a line for each thing that it did. */
export async function collectGarbage(this: World, { unchecked }: { readonly unchecked?: boolean }): Promise<void> {
  const site = findLeaseSite(this);
  if (lacksLeaseStore(site.folder)) return this.print("Nothing to do: nobody has ever had a lease here.\n");
  const look = await lookAtGpus(site, { executable: this.executable, isUnchecked: isUnchecked(site, unchecked) });
  using store = openStore(site);
  const events = store.sweep(look);
  this.print(events.length === 0 ? "Nothing to do.\n" : events.map((event) => formatEvent(event, site)).join(""));
}

/** "reaped lease 3fa21b07, GPU 0 (0000:1b:00.0): process 12 is gone" */
function formatEvent({ kind, lease, device, text }: LeaseEvent, site: LeaseSite): string {
  const what = lease === "" ? "" : ` lease ${lease.slice(0, 8)}`;
  const keys = device === "" ? [] : device.split(",");
  const gpus = keys.map((key) => `, GPU ${nameOf(key, site)}`).join("");
  return `${escapeControls(`${kind}${what}${gpus}${text === "" ? "" : `: ${text}`}`)}\n`;
}
