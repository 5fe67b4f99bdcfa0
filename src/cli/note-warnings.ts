import { escapeControls } from "../base/index.ts";
import type { World } from "./context.ts";

/** Says each warning on a line of its own. */
export function noteWarnings({ note }: Pick<World, "note">, warnings: readonly string[]): void {
  for (const warning of warnings) note(`warning: ${escapeControls(warning)}\n`);
}
