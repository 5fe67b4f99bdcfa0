import { hostname } from "node:os";
import { escapeControls } from "../base/index.ts";
import { terminalWidth } from "../linux/index.ts";
import { isColoured } from "./ask-user.ts";
import type { World } from "./context.ts";
import { formatGpus } from "./gpus/format-gpus.ts";
import { openScene, say } from "./gpus/scene.ts";
import { viewToJson } from "./gpus/view-to-json.ts";

interface Flags {
  readonly json?: boolean;
}

/** `berth gpus`: what each GPU is doing, and for whom; ends with 1 only when there is none that says anything. */
export async function printGpus(this: World, { json = false }: Flags): Promise<void> {
  using scene = openScene(this, { hasTraffic: json });
  const view = await scene.look();
  if (json) this.print(viewToJson(view, { schema: "berth-gpus-1", time: new Date(), host: hostname() }));
  else if (say(this, scene))
    this.print(formatGpus(view, { hasColours: isColoured(this.env), width: terminalWidth(1) }));
  if (!json)
    for (const { index, state } of view.gpus)
      for (const why of state.faults) this.note(`warning: GPU ${index}: ${escapeControls(why)}\n`);
}
