import { errnoCode } from "../../base/index.ts";
import { readProcess } from "../../watch/index.ts";
import type { UseRow } from "../gpus/list-rows.ts";
import type { Signal } from "./top-state.ts";

const WHYS: Readonly<Partial<Record<string, string>>> = {
  EPERM: "it belongs to another user",
  ESRCH: "it has ended",
};

/** Sends it to the very process that was shown, and says what came of it. */
export function sendSignal(signal: Signal, { pid, startMs }: Pick<UseRow, "pid" | "startMs">): string {
  if (pid === undefined || pid <= 1) return "This line is no process.";
  const isSame = startMs !== undefined && readProcess(pid, "/proc")?.startMs === startMs;
  if (!isSame) return `Process ${pid} has ended.`;
  try {
    process.kill(pid, signal);
    return `${signal} was sent to process ${pid}.`;
  } catch (thrown) {
    const code = errnoCode(thrown);
    if (code === undefined) throw thrown;
    return `Cannot send ${signal} to process ${pid}: ${WHYS[code] ?? code}.`;
  }
}
