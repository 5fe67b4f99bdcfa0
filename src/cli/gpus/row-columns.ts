import type { Column } from "./columns.ts";
import type { UseRow } from "./list-rows.ts";
import { loadStyle, plain, type Style } from "./paint.ts";
import { duration, mebibytes, share, shortBytes, UNKNOWN } from "./units.ts";

export interface RowOptions {
  /** Whose rows are not dimmed; undefined: nobody's are. */
  readonly viewer: number | undefined;
}

/** The columns of processes; those that no row has anything for are left out. */
export function rowColumns(rows: readonly UseRow[], { viewer }: RowOptions): readonly Column<UseRow>[] {
  const isAny = (has: (row: UseRow) => unknown): boolean => rows.some((row) => has(row) !== undefined);
  const dimmed = (row: UseRow): Style | undefined => styleOf(row, viewer);
  const text = (heading: string, rank: number, most: number, of: (row: UseRow) => string | undefined) =>
    ({ heading, rank, most, text: (row: UseRow) => plain(of(row)), style: dimmed }) as const;
  const number = (heading: string, rank: number, of: (row: UseRow) => string) =>
    ({ heading, rank, isRight: true, text: of, style: dimmed }) as const;
  return [
    text("GPU", 0, 8, ({ gpu }) => gpu),
    number("PID", 1, ({ pid }) => (pid === undefined ? UNKNOWN : String(pid))),
    text("TYPE", 9, 4, ({ type }) => type),
    text("USER", 3, 14, ({ user }) => user),
    text("CONTAINER", 2, 28, ({ place }) => place),
    ...(isAny(({ container }) => container?.image) ? [text("IMAGE", 12, 32, ({ container }) => container?.image)] : []),
    ...(isAny(projectOf) ? [text("PROJECT", 11, 16, projectOf)] : []),
    ...(isAny(({ lease }) => lease) ? [text("LEASE", 8, 20, ({ lease }) => lease)] : []),
    { ...number("GPU-MEM", 2, ({ memoryBytes }) => mebibytes(memoryBytes)) },
    ...(isAny(({ gpuPercent }) => gpuPercent)
      ? [{ ...number("SM%", 7, ({ gpuPercent }) => share(gpuPercent)), style: byLoad(viewer) }]
      : []),
    number("CPU%", 6, ({ cpuPercent }) => share(cpuPercent)),
    number("MEM", 10, ({ hostMemoryBytes }) => shortBytes(hostMemoryBytes)),
    number("TIME", 5, ({ runningMs }) => duration(runningMs)),
    {
      heading: "COMMAND",
      rank: 4,
      isFlexible: true,
      text: commandOf,
      style: dimmed,
    },
  ];
}

/** The command line; of what belongs to nobody first why. */
function commandOf({ command, orphan, kind }: UseRow): string {
  if (orphan === undefined || kind === "memory") return plain(command);
  return `orphan: ${plain(orphan)}${command === "" ? "" : `: ${plain(command)}`}`;
}

/** Of Compose; in Kubernetes the namespace. */
export function projectOf({ container }: UseRow): string | undefined {
  return container?.project ?? container?.pod?.namespace;
}

function styleOf({ orphan, uid, kind }: UseRow, viewer: number | undefined): Style | undefined {
  if (orphan !== undefined) return "notice";
  if (kind === "lease") return "dim";
  return viewer === undefined || uid === viewer ? undefined : "dim";
}

function byLoad(viewer: number | undefined): (row: UseRow) => Style | undefined {
  return (row) => (row.gpuPercent === undefined ? styleOf(row, viewer) : loadStyle(row.gpuPercent, "gpu"));
}
