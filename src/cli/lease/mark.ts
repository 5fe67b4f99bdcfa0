import { escapeControls } from "../../base/index.ts";
import { findKey, lookNow, type Mark, nameOf, openStore } from "../../leases/index.ts";
import type { World } from "../context.ts";
import { findLeaseSite } from "./lease-site.ts";

interface Flags {
  readonly off?: boolean;
  readonly reason?: string;
}

const MAX_REASON = 200;

/** `berth lease drain`. */
export function drain(this: World, flags: Flags, gpu: string): void {
  changeMark(this, "drained", flags, gpu);
}

/** `berth lease quarantine`. */
export function quarantine(this: World, flags: Flags, gpu: string): void {
  changeMark(this, "quarantined", flags, gpu);
}

function changeMark(world: World, state: Mark["state"], { off, reason = "" }: Flags, gpu: string): void {
  const site = findLeaseSite(world);
  const key = findKey(gpu, site);
  using store = openStore(site);
  const look = lookNow();
  if (off === true) {
    const was = store.unmark(key, look);
    // A MIG device is not given either as long as its GPU is not.
    const whole = store.read(look).marks.find((mark) => key.startsWith(`${mark.key}/`));
    const stays = whole === undefined ? "" : `; GPU ${nameOf(whole.key, site)} is still ${whole.state}`;
    world.print(
      `GPU ${nameOf(key, site)}: ${was ? "given away again" : "it was neither drained nor quarantined"}${stays}\n`,
    );
    return;
  }
  const former = store.read(look).marks.find((mark) => mark.key === key && mark.state === state);
  // Who says no reason takes none back.
  const said = reason === "" ? (former?.reason ?? "") : escapeControls(reason).slice(0, MAX_REASON);
  store.mark({ key, state, reason: said, at: look.now }, look);
  world.print(`GPU ${nameOf(key, site)}: ${state}${said === "" ? "" : `: ${said}`}\n`);
}
