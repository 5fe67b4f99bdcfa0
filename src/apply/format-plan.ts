import { escapeControls, formatTable } from "../base/index.ts";
import type { PlannedContainer } from "./plan-container.ts";

/** A plan as a table for people: each thing with its reason, then what the container does without. */
export function formatPlan({ grant, plan }: PlannedContainer): string {
  const steps = plan.steps.map(({ kind, text, reason }) => [kind, escapeControls(text), escapeControls(reason)]);
  const warnings = plan.warnings.map((warning) => `warning: ${escapeControls(warning)}\n`);
  return [`Driver ${grant.driver.version}\n\n`, formatTable([["KIND", "WHAT", "WHY"], ...steps]), ...warnings].join("");
}
