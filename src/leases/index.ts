/**
 * Leases: who has which GPU, which are idle, and which set is best. One SQLite file that every process opens for itself, and no daemon: a lease lives as long as the process that it names
 * (boot id, number and start time) or a control group of its own, which anybody can see at any later time. Knows no engine. The store itself asks no driver: how GPUs are used is handed in (`lookAtGpus`).
 */
export type { Asking, NamedAsking, Taken, Used } from "./asking.ts";
export { isPopulated } from "./cgroup-populated.ts";
export type { Choice, Verdict } from "./choose.ts";
export { instancesIn, listPool, migKey, type Device, type MigInstances, type Pool } from "./device.ts";
export { askerIn, endOf, STARTED_ANEW } from "./history.ts";
export type {
  Holding,
  Lease,
  LeasedContainer,
  LeasedDevice,
  LeaseEvent,
  LeaseMode,
  LeasePolicy,
  Mark,
  Ticket,
} from "./lease.ts";
export { explainChoice } from "./explain-wish.ts";
export { findKey, leaseSiteOf, lookNow, nameOf, openExistingStore, openStore, type LeaseSite } from "./lease-site.ts";
export { identify, lookHere, type Here, type Owner } from "./owner.ts";
export { keepStates, lookAtGpus } from "./read-usage.ts";
export type { Readings } from "./readings.ts";
export type { Look } from "./reap.ts";
export { isHopeless, refusal } from "./refusal.ts";
export { LeaseStore, type Ledger } from "./store.ts";
export { hasLeaseStore, lacksLeaseStore, leaseFolder } from "./store-path.ts";
export { isLack, takeForContainer, useForContainer, type Given } from "./take-for-container.ts";
export { IDLE_BYTES, type Sample, type Usage } from "./usage.ts";
export { waitForLease, type Waiting } from "./wait-for-lease.ts";
