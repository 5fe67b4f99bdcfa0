import type { Config } from "../config/index.ts";
import type { Host } from "../host/index.ts";
import { hasLeaseStore, leaseFolder } from "../leases/index.ts";
import { noteLease } from "./edit-spec.ts";
import type { Bundle } from "../oci/index.ts";
import type { Request, Wish } from "../request/index.ts";
import type { PlannedContainer } from "./plan-container.ts";

/** The container that leases are for, and who asks for it. */
export interface LeaseScene {
  readonly host: Host;
  readonly config: Config;
  readonly bundle: Bundle;
  readonly containerId: string;
  readonly process: LeaseProcess;
  /** berth itself, which asks the driver how GPUs are used. */
  readonly executable: string;
}

/** With what a lease lives. */
export interface LeaseProcess {
  /** What becomes the low-level runtime, or the container's init. */
  readonly pid: number;
  readonly isInit: boolean;
  /** Where the low-level runtime keeps what it knows of the container; undefined: that is not known. */
  readonly stateFolder: string | undefined;
  /** Control groups that are the container's alone. */
  readonly cgroups: readonly string[];
}

/** A request whose wish was settled. */
export interface Settled {
  /** With the devices; one that could do without and got none wants nothing. */
  readonly request: Request;
  readonly lease: string | undefined;
  /** Why it goes without; "" where it does not. */
  readonly why: string;
  readonly warnings: readonly string[];
}

/** What becomes of devices that were named. */
export interface Named {
  readonly lease: string | undefined;
  readonly warnings: readonly string[];
}

/*
 * What leases are made with is loaded where there is one to be made: a database, and the questions to the driver. A container that names its GPUs pays one look for the store.
 */

/** Takes a lease for what is wished for. Throws BERTH-A002 to A011, unless the container can do without. */
export async function settleWish(request: Request, wish: Wish, scene: LeaseScene): Promise<Settled> {
  const { settle } = await import("./settle-wish.ts");
  return settle(request, wish, scene);
}

/** Holds what was granted by name against the leases of others, and writes down who has it, where leases are kept or the container says how it wants them. Throws BERTH-A013 where that is not allowed. */
export async function leaseNamed(
  { request, grant, host }: Pick<PlannedContainer, "request" | "grant" | "host">,
  scene: (host: Host) => LeaseScene | Promise<LeaseScene>,
): Promise<Named> {
  const isNamed = grant.gpus.length + grant.migDevices.length > 0;
  if (!isNamed || (request.claim === undefined && !hasLeaseStore(leaseFolder(host.root))))
    return { lease: undefined, warnings: [] };
  const { holdNamed } = await import("./lease-named.ts");
  return holdNamed(grant, request, await scene(host));
}

/** For the log. `why`: what was not to be had. */
export function goingWithout(why: string): string {
  return `the container goes without a GPU, as it may: ${why}`;
}

/** The same plan, with the lease's id in the spec. */
export function withLease<T extends Pick<PlannedContainer, "plan">>(planned: T, lease: string | undefined): T {
  if (lease === undefined) return planned;
  return { ...planned, plan: { ...planned.plan, spec: noteLease(planned.plan.spec, lease) } };
}
