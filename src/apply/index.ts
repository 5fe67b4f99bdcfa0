/**
 * Apply: the last room. Plans what one container's spec and root file system need, as data, and carries it out. Decides
 * nothing about who gets what. OCI runtime specification 1.3 (config.md, config-linux.md); glibc's ldconfig, musl's ldso.
 */
export { carryOut, type CarryOutOptions } from "./carry-out.ts";
export { GRANT_ANNOTATION } from "./edit-spec.ts";
export { formatStep, type PlanStep, type SpecPlan } from "./plan.ts";
export { planSpec, type PlanInput } from "./plan-spec.ts";
export { planContainer, type ContainerInput, type ContainerPlan, type PlannedContainer } from "./plan-container.ts";
export { formatPlan } from "./format-plan.ts";
