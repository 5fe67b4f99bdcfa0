import { escapeControls } from "../base/index.ts";
import { describeHost, hostOptions } from "../host/index.ts";
import { terminalWidth } from "../linux/index.ts";
import { isColoured } from "./ask-user.ts";
import type { World } from "./context.ts";
import { collectGpus } from "./gpus/collect.ts";
import { formatGpus } from "./gpus/format-gpus.ts";
import { gpusToJson } from "./gpus/gpus-to-json.ts";
import { findSite } from "./site.ts";

interface Flags {
  readonly json?: boolean;
}

/** `berth gpus`: what each GPU is doing, and for whom; ends with 1 only when there is none that says anything. */
export async function printGpus(this: World, { json = false }: Flags): Promise<void> {
  const { root, config } = findSite(this);
  const host = describeHost(root, hostOptions(config));
  const collected = await collectGpus(host, this);
  const { absence } = host;
  const errors = absence === undefined ? collected.errors : [`there is no driver: ${absence.why}`, ...collected.errors];
  const view = { ...collected, errors };
  if (json) this.print(gpusToJson(view, new Date()));
  else if (absence !== undefined) this.note(`No GPU: ${escapeControls(absence.why)}.\nRemedy: ${absence.remedy}\n`);
  else this.print(formatGpus(view, { hasColours: isColoured(this.env), width: terminalWidth(1) }));
  if (!json)
    for (const { index, state } of view.gpus)
      for (const why of state.faults) this.note(`warning: GPU ${index}: ${escapeControls(why)}\n`);
  const isAnySaid = view.gpus.some(({ state: { facts } }) => Object.keys(facts).length > 0);
  // What is wrong has been said: no error is left to be printed.
  if (!isAnySaid) Object.assign(this.process, { exitCode: 1 });
}
