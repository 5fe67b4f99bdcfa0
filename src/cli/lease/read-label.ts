import { escapeControls } from "../../base/index.ts";

const MAX_LABEL = 100;

/** What a lease is for, as it can stand in a table. */
export function readLabel(text: string | undefined): string {
  return escapeControls(text ?? "").slice(0, MAX_LABEL);
}
