import type { Wish } from "../request/index.ts";
import type { Taken } from "./asking.ts";
import { choose } from "./choose.ts";
import { openExistingStore, type LeaseSite } from "./lease-site.ts";
import { joinByNvlink } from "./nvlinks.ts";
import type { Look } from "./reap.ts";

/** What would be given now, and why not the rest. Where there is no store nobody has anything, and none is made for that. */
export function explainChoice(site: LeaseSite, wish: Wish, look: Look): Pick<Taken, "choice" | "waiting"> {
  using store = openExistingStore(site);
  if (store !== undefined) return store.explain(wish, site.pool, look);
  const { usage, nvlinks = new Map(), isUnchecked } = look;
  return {
    choice: choose(wish, { pool: joinByNvlink(site.pool, nvlinks), claims: [], usage, isUnchecked }),
    waiting: 0,
  };
}
