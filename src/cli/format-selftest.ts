import { escapeControls } from "../base/index.ts";
import type { Layer, Probe } from "../cuda/index.ts";
import type { Trial } from "../engines/index.ts";

const MARKS: Readonly<Record<Layer["state"], string>> = { good: "ok", failed: "FAILED", absent: "-" };

/** A line for each layer, and for each GPU that CUDA counts. */
export function formatProbeLines({ layers, gpus }: Probe): string {
  return layers
    .flatMap(({ id, state, detail }) => {
      const names =
        id === "devices" ? gpus.map(({ index, name, uuid }) => `GPU ${index}: ${name} (UUID: ${uuid})`) : [];
      return [line(MARKS[state], id, detail), ...names.map((text) => line("", "", text))];
    })
    .join("");
}

/** How the start of a container went. */
export function formatStart(trial: Trial): string {
  if (trial.kind === "not-started") return line("FAILED", "start", trial.why);
  const by = trial.libc === "own" ? "" : "; berth runs in it with this machine's C library, as it has none for it";
  return line("ok", "start", `the container runs${by}`);
}

function line(mark: string, id: string, text: string): string {
  return `  ${mark.padEnd(6)}  ${id.padEnd(9)}  ${escapeControls(text)}\n`;
}
