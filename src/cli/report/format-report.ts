import { fitTable, type Column } from "../gpus/columns.ts";
import { cutLine, paintLine, plain } from "../gpus/paint.ts";
import { duration } from "../gpus/units.ts";
import { formatTime } from "./parse-time.ts";
import type { Aspect } from "./subjects.ts";
import type { Counted, Period, Tally } from "./tally.ts";

const HOUR_MS = 3_600_000;
/** Columns of a name, and of what stands behind it at least. */
const MAX_NAME = 40;
const MIN_NAME = 8;
const HOURS_WIDTH = 12;

export interface Report extends Counted, Period {
  readonly by: Aspect;
  /** How many devices of this machine can be leased. */
  readonly gpus: number;
}

export interface Layout {
  readonly hasColours: boolean;
  /** Columns of the terminal; undefined: lines are as long as they are. */
  readonly width: number | undefined;
}

/** A line for what is reported, a heading, a line for each, and the total. */
export function formatReport(report: Report, { hasColours, width }: Layout): string {
  const { rows, total, since, until, gpus } = report;
  const period = `${formatTime(since)} to ${formatTime(until)}`;
  if (rows.length === 0) return `No leases from ${period}.\n`;
  const table = [...rows, total];
  const { heading, lineOf } = fitTable(columns(report, width), table, width);
  const intro = [{ text: `From ${period}, ${gpus} ${gpus === 1 ? "GPU" : "GPUs"}` }];
  const lines = [intro, heading, ...table.map(lineOf)].map((line) => cutLine(line, width ?? Infinity));
  return lines.map((line) => `${paintLine(line, hasColours).trimEnd()}\n`).join("");
}

function columns(report: Report, width = Infinity): readonly Column<Tally>[] {
  return [
    {
      heading: report.by.toUpperCase(),
      rank: 0,
      most: Math.min(MAX_NAME, Math.max(MIN_NAME, width - HOURS_WIDTH)),
      text: ({ name }) => plain(name),
    },
    number("GPU-HOURS", 1, ({ gpuMs }) => (gpuMs / HOUR_MS).toFixed(2)),
    number("SHARE", 3, (row) => percent(shareOf(row, report))),
    number("LEASES", 2, ({ leases }) => String(leases)),
    number("LIVING", 7, ({ living }) => String(living)),
    number("MOST", 5, ({ mostGpus }) => String(mostGpus)),
    number("LONGEST", 6, ({ longestMs }) => duration(longestMs)),
    number("DENIED", 4, ({ denied }) => String(denied)),
  ];
}

function number(heading: string, rank: number, text: (row: Tally) => string): Column<Tally> {
  return { heading, rank, isRight: true, text };
}

/** Of all GPU-hours that the machine has in the period, from 0 on; undefined: it has none. */
function shareOf({ gpuMs }: Pick<Tally, "gpuMs">, { gpus, since, until }: Report): number | undefined {
  const available = gpus * (until - since);
  return available > 0 ? gpuMs / available : undefined;
}

function percent(share: number | undefined): string {
  return share === undefined ? "-" : `${(share * 100).toFixed(1)}%`;
}

/** The text that docs/report.schema.json describes; what is not known is null. */
export function reportToJson(report: Report): string {
  const { since, until, by, gpus, rows, total } = report;
  const toRow = ({ key, name, ...row }: Tally) => ({ key: key || null, name: name || null, ...toNumbers(row) });
  const toNumbers = ({ gpuMs, longestMs, ...counts }: Omit<Tally, "key" | "name">) => ({
    ...counts,
    gpuHours: gpuMs / HOUR_MS,
    share: shareOf({ gpuMs }, report) ?? null,
    longestHours: longestMs / HOUR_MS,
  });
  const { key: _key, name: _name, ...sums } = total;
  const value = {
    schema: "berth-report-1",
    since: new Date(since).toISOString(),
    until: new Date(until).toISOString(),
    by,
    gpus,
    availableGpuHours: (gpus * (until - since)) / HOUR_MS,
    rows: rows.map(toRow),
    total: toNumbers(sums),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}
