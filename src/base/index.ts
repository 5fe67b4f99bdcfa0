/**
 * What every folder may use: errors with codes, terminal output, logs, tables, lossless JSON, strict integers, near words, atomic
 * file replacement, subprocesses. Knows no Linux interface beyond files, and no GPU.
 */
export { ERROR_CODES, type ErrorCode } from "./codes.ts";
export { BerthError, errnoCode, escapeControls, formatProblem, type Problem } from "./error.ts";
export { foldKey } from "./json-fault.ts";
export { parseStrictInteger } from "./integer.ts";
export {
  formatJson,
  isJsonArray,
  isJsonObject,
  MAX_JSON_BYTES,
  ownField,
  parseJson,
  rawJsonText,
  toSafeInteger,
  withField,
  type JsonObject,
  type JsonValue,
} from "./json.ts";
export { matchesGlob } from "./glob.ts";
export { nearest } from "./nearest.ts";
export { openLog, SILENT_LOG, type Log, type LogLevel, type LogSink } from "./log.ts";
export { makePrivateFolder } from "./private-folder.ts";
export { replaceFile } from "./replace-file.ts";
export { runProgram, type RunOptions, type RunResult } from "./run-program.ts";
export { formatTable } from "./table.ts";
export { printErr, printOut } from "./term.ts";
export { isAbandoned, temporaryName } from "./temporary-name.ts";
export { undoable, undoAfter, type Undo } from "./undo.ts";
export { VERSION } from "./version.ts";
export { splitList } from "./split-list.ts";
export { compareVersions, parseVersion } from "./versions.ts";
