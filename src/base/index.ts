/**
 * What every folder may use: errors with codes, terminal output, logs, tables, lossless JSON, strict integers, near words, atomic
 * file replacement, subprocesses. Knows no Linux interface beyond files, and no GPU.
 */
export { askChild, type AskedChild, type ChildReader } from "./ask-child.ts";
export { ERROR_CODES, type ErrorCode } from "./codes.ts";
export { BerthError, errnoCode, escapeControls, formatProblem, messageOf, type Problem } from "./error.ts";
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
  readJson,
  toSafeInteger,
  withField,
  type JsonObject,
  type JsonValue,
} from "./json.ts";
export { matchesGlob } from "./glob.ts";
export { nearest } from "./nearest.ts";
export { openLog, SILENT_LOG, type Log, type LogLevel, type LogSink } from "./log.ts";
export { makePrivateFolder } from "./private-folder.ts";
export { DROP_INS, PROGRAMS } from "./programs.ts";
export { quoteAll } from "./quote-all.ts";
export { realPath } from "./real-path.ts";
export { removeAbandoned, replaceFile } from "./replace-file.ts";
export { runProgram, type RunOptions, type RunResult } from "./run-program.ts";
export { sha256Of } from "./sha256.ts";
export { formatTable } from "./table.ts";
export { printErr, printOut } from "./term.ts";
export { isAbandoned, temporaryName } from "./temporary-name.ts";
export { tryJson } from "./try-json.ts";
export { undoable, undoAfter, type Undo } from "./undo.ts";
export { VERSION } from "./version.ts";
export { splitList } from "./split-list.ts";
export { compareVersions, parseVersion } from "./versions.ts";
export { BESIDE_COMMANDS, wrapText } from "./wrap.ts";
