import { hostname } from "node:os";
import { escapeControls } from "../base/index.ts";
import { terminalWidth } from "../linux/index.ts";
import { isColoured } from "./ask-user.ts";
import { callingUid } from "./calling-uid.ts";
import type { World } from "./context.ts";
import type { GpusView } from "./gpus/gpu-view.ts";
import { listRows } from "./gpus/list-rows.ts";
import { openScene, say } from "./gpus/scene.ts";
import { viewToJson } from "./gpus/view-to-json.ts";
import { formatRows } from "./ps/format-rows.ts";
import { isWanted, type RowFilter } from "./ps/row-filter.ts";

interface Flags extends Omit<RowFilter, "uid"> {
  readonly json?: boolean;
  readonly mine?: boolean;
}

/** `berth ps`: who uses the GPUs. Throws BERTH-W001 for a GPU that there is not. */
export async function printProcesses(this: World, { json = false, mine = false, ...words }: Flags): Promise<void> {
  using scene = openScene(this, { hasTraffic: false });
  const view = await scene.look();
  const filter = { ...words, uid: mine ? callingUid(this) : undefined };
  const rows = listRows(view).filter(isWanted(filter, view));
  if (json) return this.print(viewToJson(view, { schema: "berth-ps-1", time: new Date(), host: hostname(), rows }));
  // Without a driver that is all there is to say.
  if (!say(this, scene)) return;
  const layout = { hasColours: isColoured(this.env), width: terminalWidth(1) };
  this.print(rows.length === 0 ? noRows(view) : formatRows(rows, layout));
  for (const error of view.errors) this.note(`warning: ${escapeControls(error)}\n`);
}

/** Why there is nothing to be shown. */
function noRows(view: GpusView): string {
  const isKnown = view.gpus.some(({ state: { facts } }) => facts.processes !== undefined);
  if (!isKnown) return "No GPU says which processes use it.\n";
  return listRows(view).length === 0 ? "No process uses a GPU.\n" : "Nothing on a GPU is what these options ask for.\n";
}
