import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { errnoCode, escapeControls } from "../../base/index.ts";
import { askClient, findClient } from "../ask-client.ts";
import type { DaemonProcess } from "../running/daemon-process.ts";
import type { RunningScene } from "../running/running.ts";
import type { ServiceUnit } from "./service-unit.ts";

const MAX_BYTES = 256 * 1024;
const MAX_TEXT = 500;

/** What a daemon says from now on, where it can be read: in the journal of its service, or in the file that is its standard error. */
export interface DaemonLog extends Disposable {
  /** Its last error since then, on one line; undefined: it said none, or where it says such things cannot be read. */
  readonly lastError: () => string | undefined;
}

/** Begins to listen to a daemon. */
export function listenTo(
  process: DaemonProcess,
  unit: ServiceUnit | undefined,
  { scene, now }: { readonly scene: RunningScene; readonly now: Date },
): DaemonLog {
  const file = openLogFile(process, scene.proc);
  return {
    lastError: () =>
      lastErrorIn(unit === undefined ? "" : readJournal(unit, scene, now)) ?? lastErrorIn(file?.read() ?? ""),
    [Symbol.dispose]: () => file?.close(),
  };
}

function readJournal({ name }: ServiceUnit, scene: RunningScene, now: Date): string {
  const journalctl = findClient("journalctl", scene);
  if (journalctl === undefined) return "";
  const since = `@${Math.floor(now.getTime() / 1000)}`;
  const said = askClient([journalctl, "--unit", name, "--since", since, "--no-pager", "--output", "cat"], scene);
  return said.isGood ? said.text : "";
}

interface LogFile {
  readonly read: () => string;
  readonly close: () => void;
}

/** Undefined: its standard error is no file, or not ours to read. It stays open, since the daemon may end. */
function openLogFile({ pid }: DaemonProcess, proc = "/proc"): LogFile | undefined {
  try {
    const fd = openSync(join(proc, `${pid}`, "fd/2"), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const before = fstatSync(fd);
    if (before.isFile()) return { read: () => readFrom(fd, before.size), close: () => closeSync(fd) };
    closeSync(fd);
  } catch (thrown) {
    if (errnoCode(thrown) === undefined) throw thrown;
  }
  return undefined;
}

/** What was written behind a place; all of it in a file that has become shorter. */
function readFrom(fd: number, start: number): string {
  const size = fstatSync(fd).size;
  const from = size < start ? 0 : start;
  const buffer = Buffer.alloc(Math.min(size - from, MAX_BYTES));
  const length = readSync(fd, buffer, 0, buffer.length, size - buffer.length);
  return buffer.subarray(0, length).toString();
}

/** The last line that says what went wrong: of a line as logrus writes it, its message. */
export function lastErrorIn(text: string): string | undefined {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const line = lines.findLast((each) =>
    /level=(?:error|fatal)|^(?:failed|error|unable)\b|^(?:containerd|panic): /i.test(each),
  );
  if (line === undefined) return undefined;
  const message = /\bmsg=("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
  return escapeControls((message === undefined ? line : unquote(message)).slice(0, MAX_TEXT));
}

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replaceAll(/\\(["\\])/g, "$1");
}
