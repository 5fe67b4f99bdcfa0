import { NO_EDITS, type CdiDevice, type CdiHook } from "../cdi/index.ts";
import type { Host } from "../host/index.ts";
import { CHOOSING_HOOK } from "../request/index.ts";
import { HOOK_ENVIRONMENT, HOOK_TIMEOUT_S } from "./cdi-hook.ts";
import { STAGE, WISH } from "./choosing-hook.ts";
import { nameOf } from "./paths.ts";

/**
 * The devices of a CDI file that leave open which GPU: `any`, `auto`, and each with a number. All that belongs to one is a hook whose arguments say the wish. It counts because the engine has put it there. None where GPUs
 * cannot be told apart, or all are split.
 */
export function anyDevices({ unit, gpus }: Host, hookPath: string): readonly CdiDevice[] {
  const count = unit === undefined ? gpus.filter(({ isMigEnabled }) => !isMigEnabled).length : 0;
  // As a hook of nvidia-ctk has no wish.
  if (count === 0 || nameOf(hookPath) === "nvidia-ctk") return [];
  const numbers = ["", ...Array.from({ length: count }, (_, index) => `:${index + 1}`)];
  return ["any", "auto"].flatMap((word) => numbers.map((number) => anyDevice(`${word}${number}`, hookPath)));
}

function anyDevice(name: string, hookPath: string): CdiDevice {
  const hook: CdiHook = {
    hookName: STAGE,
    path: hookPath,
    args: [nameOf(hookPath), CHOOSING_HOOK, WISH, name],
    env: HOOK_ENVIRONMENT,
    timeout: HOOK_TIMEOUT_S,
  };
  return { name, annotations: {}, containerEdits: { ...NO_EDITS, hooks: [hook] } };
}
