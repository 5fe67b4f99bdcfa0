import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { escapeControls } from "./error.ts";
import { writeAll } from "./term.ts";

const LOG_LEVELS = ["trace", "debug", "info", "warning", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where log lines go. Text lines are logrus text (`time=… level=… msg=…`), JSON lines are runc's `--log-format json`. */
export interface LogSink {
  readonly path: string;
  readonly format: "text" | "json";
}

export interface Log {
  readonly isDebug: boolean;
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** A log that keeps nothing. */
export const SILENT_LOG: Log = { isDebug: false, debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {
  // nothing is to be kept
}

/**
 * A log that appends to files, one line a message. A file is opened only when it gets its first line, with O_NOFOLLOW
 * and mode 0644, its folder made with 0755; "/dev/stderr" is this process's own. A sink that cannot be opened is dropped silently, as logging never stops a start.
 */
export function openLog(sinks: readonly LogSink[], minimum: LogLevel, clock: () => Date): Log {
  if (sinks.length === 0) return SILENT_LOG;
  const write = (level: LogLevel, message: string): void => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(minimum)) return;
    const time = clock()
      .toISOString()
      .replace(/\.\d+Z$/, "Z");
    for (const sink of sinks) append(sink.path, formatLine(sink.format, { time, level, message }));
  };
  return {
    isDebug: LOG_LEVELS.indexOf(minimum) <= LOG_LEVELS.indexOf("debug"),
    debug: (message) => write("debug", message),
    info: (message) => write("info", message),
    warn: (message) => write("warning", message),
    error: (message) => write("error", message),
  };
}

function formatLine(format: LogSink["format"], entry: { time: string; level: LogLevel; message: string }): string {
  if (format === "json") return `${JSON.stringify({ level: entry.level, msg: entry.message, time: entry.time })}\n`;
  return `time="${entry.time}" level=${entry.level} msg=${JSON.stringify(escapeControls(entry.message))}\n`;
}

function append(path: string, line: string): void {
  const flags =
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    // Its name is a link, which no log file may be.
    if (path === "/dev/stderr") return writeAll(2, line);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const fd = openSync(path, flags, 0o644);
    writeAll(fd, line);
    closeSync(fd);
  } catch {
    // A log that cannot be written must not keep a container from starting.
  }
}
