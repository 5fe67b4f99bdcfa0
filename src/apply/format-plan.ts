import { escapeControls } from "../base/index.ts";
import type { PlannedContainer } from "./plan-container.ts";

/** A plan for people: every reason, and below it what the container gets for it; then what it does without. */
export function formatPlan({ grant, plan }: PlannedContainer): string {
  const byReason = Map.groupBy(plan.steps, ({ reason }) => reason);
  const groups = [...byReason].map(([reason, steps]) => {
    const lines = steps.map(({ kind, text }) => `  ${kind.padEnd(7)} ${escapeControls(text)}\n`);
    return `\n${escapeControls(reason)}\n${lines.join("")}`;
  });
  const warnings = plan.warnings.map((warning) => `\nwarning: ${escapeControls(warning)}\n`);
  return [`Driver ${grant.driver.version ?? "of unknown version"}\n`, ...groups, ...warnings].join("");
}
