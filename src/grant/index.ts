/**
 * Decide: what a container gets, each thing with its reason, or a refusal with code, cause and remedy. All policy is here; nothing
 * here knows how a grant is carried out.
 */
export { judgeCompat, type CompatSite } from "./compat.ts";
export { decide, type Sight } from "./decide.ts";
export { conditionsHold, smallestDriver, type Supposed } from "./suppose.ts";
export { listDevices } from "./devices.ts";
export type { FoundDevice } from "./find-device.ts";
export type * from "./grant.ts";
export { goesWithout } from "./goes-without.ts";
export { gpusOf } from "./gpus-of.ts";
export { policyOf, type Policy } from "./policy.ts";
