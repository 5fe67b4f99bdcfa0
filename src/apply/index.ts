/**
 * Apply: the last room. Plans what one container's spec and root file system need, as data, and carries it out. Decides
 * nothing about who gets what. OCI runtime specification 1.3 (config.md, config-linux.md); glibc's ldconfig, musl's ldso.
 */
export { carryOut } from "./carry-out.ts";
export { formatPlan } from "./format-plan.ts";
export { formatStep } from "./plan.ts";
export { planContainer, type ContainerPlan, type PlannedContainer } from "./plan-container.ts";
