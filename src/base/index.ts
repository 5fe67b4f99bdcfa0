/**
 * What every folder may use: errors with codes, terminal output, logs, tables, lossless JSON, atomic file replacement.
 * Knows no Linux interface beyond files, and no GPU.
 */
export { ERROR_CODES, type ErrorCode } from "./codes.ts";
export { BerthError, errnoCode, escapeControls, formatProblem, type Problem } from "./error.ts";
export { LOG_LEVELS, openLog, SILENT_LOG, type Log, type LogLevel, type LogSink } from "./log.ts";
export { formatTable } from "./table.ts";
export { printErr, printOut, writeAll } from "./term.ts";
export { VERSION } from "./version.ts";
