import { escapeControls } from "../../base/index.ts";
import type { World } from "../context.ts";
import { findLeaseSite, lookNow, openStore } from "./lease-site.ts";
import { readUsage } from "./read-usage.ts";

/** `berth lease gc`: a line for each thing that it did. */
export async function collectGarbage(this: World, { unchecked }: { readonly unchecked?: boolean }): Promise<void> {
  const site = findLeaseSite(this);
  const look = lookNow(await readUsage(site, this.executable, unchecked !== true), unchecked === true);
  using store = openStore(site);
  for (const { kind, lease, device, text } of store.sweep(look)) {
    const what = lease === "" ? "" : ` lease ${lease.slice(0, 8)}`;
    this.print(escapeControls(`${kind}${what} (${device})${text === "" ? "" : `: ${text}`}`) + "\n");
  }
}
