import { BerthError, escapeControls } from "../../base/index.ts";
import type { RunOption } from "./read-run-options.ts";

const VARIABLE = /^NVIDIA_VISIBLE_DEVICES(?:=|$)/;
const CDI_GPU = /^(?:[\w.-]+\.)?nvidia\.com\/\w+=/;
const OWN_KEY = /^berth\.gpus(?:=|$)/;

/** Engine's words that ask for GPUs, too: one of the two would be given and the other one not, and which is not for anybody to guess. Throws BERTH-A044. */
export function refuseRivals(options: readonly RunOption[]): void {
  const rival = options.find(isRival);
  if (rival === undefined) return;
  const said = escapeControls(`${rival.name} ${rival.value ?? ""}`.trim());
  throw new BerthError({
    code: "BERTH-A044",
    message: `Cannot start the container: which GPUs it gets is said twice, by -g and by "${said}" behind --`,
    remedy: "leave out what is behind --, and say it with -g: any:2, 0,1, GPU-…, all, none",
  });
}

function isRival({ name, value = "" }: RunOption): boolean {
  switch (name) {
    case "--gpus":
      return true;
    case "--env":
      return VARIABLE.test(value);
    case "--device":
      return CDI_GPU.test(value);
    case "--label":
    case "--annotation":
      return OWN_KEY.test(value);
    default:
      return false;
  }
}
