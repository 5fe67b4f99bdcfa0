import { choose, type Claim, type Market } from "./choose.ts";
import type { Lease, Mark, Ticket } from "./lease.ts";
import { parseWish } from "../request/index.ts";

/** What leases and marks keep from others. */
export function claimsOf(leases: readonly Lease[], marks: readonly Mark[]): readonly Claim[] {
  const marked = marks.map(({ key, state, reason }) => ({ key, why: reason === "" ? state : `${state}: ${reason}` }));
  return [
    ...marked,
    ...leases.flatMap((lease) => lease.devices.map(({ key }) => ({ key, why: describeLease(lease) }))),
  ];
}

/** "lease 3fa21b07 of process 12 (train), user 1000", "lease 3fa21b07 of container web (nginx:1.27), shared" */
export function describeLease({ id, state, mode, owner, uid, label, container }: Lease): string {
  const name = `lease ${id.slice(0, 8)}`;
  if (state === "DRAINING") return `${name} has ended, and that its memory is free again is not known yet`;
  const how = mode === "own" ? "" : `, ${mode}`;
  if (container === undefined)
    return `${name} of process ${owner.pid}${label === "" ? "" : ` (${label})`}, user ${uid}${how}`;
  const called = container.name || container.id.slice(0, 12);
  const words = [container.image, container.project, container.user, label];
  const about = words.filter((text) => text !== "" && text !== called).join(", ");
  return `${name} of container ${called}${about === "" ? "" : ` (${about})`}${how}`;
}

/**
 * What those who came earlier are owed: the set that each would get now; or, while there is not enough for one, all that it could use, so that a large wish is not starved by small ones. A wish that
 * the machine cannot meet at all holds nobody up.
 */
export function owedTo(tickets: readonly Ticket[], market: Market): readonly Claim[] {
  let claims: readonly Claim[] = [];
  for (const ticket of tickets) {
    const wish = parseWish(ticket.wish);
    const { devices, verdicts, fitting } = choose(wish, { ...market, claims: [...market.claims, ...claims] });
    if (fitting < wish.count) continue;
    const kept = devices ?? verdicts.flatMap(({ kind, device }) => (kind === "free" ? [device] : []));
    const why = `kept for process ${ticket.owner.pid} of user ${ticket.uid}, which has waited longer`;
    claims = [...claims, ...kept.map(({ key }) => ({ key, why }))];
  }
  return claims;
}
