/**
 * Leases: who has which GPU, which are idle, and which set is best. One SQLite file that every process opens for itself, and no daemon: a lease lives as long as the process that it names
 * (boot id, number and start time) or a control group of its own, which anybody can see at any later time. Knows no engine, no container, and asks no driver: how GPUs are used is handed in.
 */
export type { Choice, Verdict } from "./choose.ts";
export { countFitting } from "./choose.ts";
export { listPool, type Device, type Pool } from "./device.ts";
export type { Lease, LeasedDevice, LeaseEvent, Mark, Ticket } from "./lease.ts";
export { identify, lookHere, type Here, type Owner } from "./owner.ts";
export type { Look } from "./reap.ts";
export { LeaseStore, type Asking, type Ledger, type Taken } from "./store.ts";
export type { Sample, Usage } from "./usage.ts";
export { formatWish, parseWish, type Wish } from "./wish.ts";
