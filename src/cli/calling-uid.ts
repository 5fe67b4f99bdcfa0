import { parseStrictInteger } from "../base/index.ts";
import { effectiveUid } from "../linux/index.ts";
import type { World } from "./context.ts";

const MAX_UID = 0xffff_fffe;

/** Whose command this is, for whom a lease is written down: this user, under sudo(8) the one behind root. */
export function callingUid({ env }: Pick<World, "env">): number {
  const own = effectiveUid();
  const behind = own === 0 ? parseStrictInteger(env("SUDO_UID") ?? "", MAX_UID) : undefined;
  return behind ?? own;
}
