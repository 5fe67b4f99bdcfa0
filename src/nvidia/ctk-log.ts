import { isOn, type Flag, type FlagValues } from "./command-line.ts";

/** Of nvidia-ctk and nvidia-cdi-hook alike. */
export const LOG_FLAGS: readonly Flag[] = [
  {
    kind: "boolean",
    name: "debug",
    aliases: ["d"],
    env: ["NVIDIA_CTK_DEBUG", "NVIDIA_CDI_DEBUG"],
    usage: "Enable debug-level logging",
  },
  {
    kind: "boolean",
    name: "quiet",
    env: ["NVIDIA_CTK_QUIET", "NVIDIA_CDI_QUIET"],
    usage: "Suppress all output except for errors; overrides --debug",
  },
];

/** Whether `--quiet` was given: then only errors are said. */
export function isQuiet(values: FlagValues): boolean {
  return isOn(values, "quiet");
}

/** One line for stderr, as logrus writes it where no terminal is: `time="2026-01-02T03:04:05Z" level=info msg="text"`. */
export function formatLogLine(level: "info" | "warning" | "error", text: string): string {
  const time = `${new Date().toISOString().slice(0, 19)}Z`;
  return `time="${time}" level=${level} msg=${JSON.stringify(text)}\n`;
}
