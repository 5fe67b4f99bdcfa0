import type { Config } from "../../config/index.ts";
import { describeHost, hostOptions } from "../../host/index.ts";
import { leaseSiteOf, type LeaseSite } from "../../leases/index.ts";
import type { World } from "../context.ts";
import { findSite } from "../site.ts";

/** A machine's leases, and what its administrator has said of them. */
export interface LeasePlace extends LeaseSite {
  readonly terms: Config["leases"];
}

/** Throws what `findSite` and `describeHost` throw. */
export function findLeaseSite(world: World): LeasePlace {
  const { root, config } = findSite(world);
  return { ...leaseSiteOf(describeHost(root, hostOptions(config))), terms: config.leases };
}

/** Whether the driver is not asked: as the command says, or the administrator. */
export function isUnchecked({ terms }: LeasePlace, flag: boolean | undefined): boolean {
  return flag === true || terms.isUnchecked;
}

/** How many devices a user may have at once: the smaller number of what the command says and the administrator. Undefined: any number. */
export function userLimit({ terms }: LeasePlace, flag: number | undefined): number | undefined {
  const limits = [flag ?? 0, terms.limit].filter((limit) => limit > 0);
  return limits.length === 0 ? undefined : Math.min(...limits);
}
