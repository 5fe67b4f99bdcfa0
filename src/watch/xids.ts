import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { errnoCode } from "../base/index.ts";
import { normalizePciAddress } from "../host/index.ts";

/** What the driver's kernel module said of a GPU that has a fault. Source: NVIDIA's "XID Errors"; the record is that of Documentation/ABI/testing/dev-kmsg. */
export interface Xid {
  /** PCI address: "0000:1b:00.0". */
  readonly bus: string;
  /** 79: it has fallen off the bus. */
  readonly code: number;
  /** The rest of the line. */
  readonly text: string;
  /** Milliseconds since the boot. */
  readonly sinceBootMs: number;
}

/** PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT */
const RECORD =
  /^(\d+),\d+,(\d+),[^;]*;NVRM: Xid \(PCI:([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2})(?:\.0)?\): (\d+)(?:, ?(.*))?$/;
/** Those below are the kernel's own; any other program's lines have its facility in the upper bits. */
const FIRST_OF_OTHERS = 8;

/** One record of /dev/kmsg; undefined: it is about something else, or another program wrote it. */
export function parseXid(record: string): Xid | undefined {
  const [, priority, microseconds, address = "", code, text = ""] = RECORD.exec(record) ?? [];
  if (code === undefined || Number(priority) >= FIRST_OF_OTHERS) return undefined;
  const bus = normalizePciAddress(`${address}.0`);
  if (bus === undefined) return undefined;
  return { bus, code: Number(code), text: text.trim(), sinceBootMs: Number(microseconds) / 1000 };
}

const RECORD_BYTES = 16 * 1024;
/** The largest buffers of a kernel's log have fewer. */
const MAX_RECORDS = 200_000;

/** The kernel's log, of which each record is read once. Close it. */
export class KernelLog implements Disposable {
  readonly #fd: number;
  readonly #last = new Map<string, Xid>();
  #rest = "";

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** `path`: "/dev/kmsg". Undefined: there is none here, or it is not this user's to read. */
  static open(path: string): KernelLog | undefined {
    try {
      const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
      const stat = fstatSync(fd);
      if (stat.isCharacterDevice() || stat.isFile()) return new KernelLog(fd);
      closeSync(fd);
      return undefined;
    } catch (thrown) {
      if (errnoCode(thrown) === undefined) throw thrown;
      // No log is an answer: it is root's on most machines, and containers have none.
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** The last one of each GPU by its PCI address, of all that is in the log by now. */
  lastXids(): ReadonlyMap<string, Xid> {
    const buffer = Buffer.alloc(RECORD_BYTES);
    for (let records = 0; records < MAX_RECORDS; records += 1) {
      const length = readRecord(this.#fd, buffer);
      if (length === 0) break;
      this.#take(buffer.toString("utf8", 0, Math.max(0, length)));
    }
    return this.#last;
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const xid = parseXid(line);
      if (xid !== undefined) this.#last.set(xid.bus, xid);
    }
  }
}

/** Bytes of it; 0: there are no more now; -1: some were overwritten before they were read, and the next one follows. */
function readRecord(fd: number, buffer: Buffer): number {
  try {
    return readSync(fd, buffer);
  } catch (thrown) {
    if (errnoCode(thrown) === "EPIPE") return -1;
    if (errnoCode(thrown) === undefined) throw thrown;
    return 0;
  }
}
