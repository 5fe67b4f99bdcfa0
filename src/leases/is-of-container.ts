import type { Lease, LeasedContainer } from "./lease.ts";

/** Whether a lease is a container's, of whichever life of it: two engines may give one id, but not with the same state folder. */
export function isOfContainer({ container }: Pick<Lease, "container">, { id, state }: LeasedContainer): boolean {
  return container?.id === id && container.state === state;
}
