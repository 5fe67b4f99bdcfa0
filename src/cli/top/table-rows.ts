import type { UseRow } from "../gpus/list-rows.ts";
import { projectOf } from "../gpus/row-columns.ts";
import type { SortKey, Ui } from "./top-state.ts";

/** A line of the table: a row, or in a tree a container with all its rows. */
export interface TableRow extends UseRow {
  /** By it a row is found again in the next frame. */
  readonly key: string;
  readonly isGroup: boolean;
}

type SortValue = (row: UseRow) => string | number | undefined;

/** By letter of the key after `o`. Numbers begin with the largest, but for processes. */
export const SORTS: Readonly<Record<SortKey, { readonly letter: string; readonly title: string; readonly of: SortValue; readonly isFalling: boolean }>> = {
  gpu: { letter: "n", title: "GPU", of: () => undefined, isFalling: false },
  pid: { letter: "p", title: "PID", of: ({ pid }) => pid, isFalling: false },
  user: { letter: "u", title: "USER", of: ({ user }) => user, isFalling: false },
  container: { letter: "o", title: "CONTAINER", of: ({ place }) => place, isFalling: false },
  memory: { letter: "g", title: "GPU-MEM", of: ({ memoryBytes }) => memoryBytes, isFalling: true },
  sm: { letter: "s", title: "SM%", of: ({ gpuPercent }) => gpuPercent, isFalling: true },
  cpu: { letter: "c", title: "CPU%", of: ({ cpuPercent }) => cpuPercent, isFalling: true },
  host: { letter: "m", title: "MEM", of: ({ hostMemoryBytes }) => hostMemoryBytes, isFalling: true },
  time: { letter: "t", title: "TIME", of: ({ runningMs }) => runningMs, isFalling: true },
}; // prettier-ignore

/** What the table shows, in its order. */
export function tableRows(rows: readonly UseRow[], ui: Ui): readonly TableRow[] {
  const sorted = sortRows(
    rows.filter((row) => isFound(row, ui.filter)),
    ui,
  );
  return ui.isTree ? asTree(sorted) : sorted.map(asRow);
}

function asRow(row: UseRow): TableRow {
  return { ...row, key: [row.kind, row.gpu, row.pid, row.startMs, row.lease].join(" "), isGroup: false };
}

/** A part of the user, container, image, project, command or process number; case does not count. */
function isFound(row: UseRow, filter: string): boolean {
  const { user, place, container, command, pid, lease } = row;
  const texts = [user, place, container?.id, container?.image, projectOf(row), command, lease, pid?.toString()];
  return filter === "" || texts.some((text) => text?.toLowerCase().includes(filter.toLowerCase()));
}

function sortRows(rows: readonly UseRow[], { sort, isReversed }: Ui): readonly UseRow[] {
  const { of, isFalling } = SORTS[sort];
  const sign = isFalling ? -1 : 1;
  const sorted = sort === "gpu" ? rows : rows.toSorted((a, b) => compare(of(a), of(b), sign));
  return isReversed ? sorted.toReversed() : sorted;
}

/** What is not known stands last. */
function compare(a: string | number | undefined, b: string | number | undefined, sign: number): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a < b ? -sign : sign;
}

/** Each container, or user outside of them, in the order of its first row, and below it all its rows. */
function asTree(rows: readonly UseRow[]): readonly TableRow[] {
  const groups = Map.groupBy(rows, (row) => `${row.container?.id ?? row.place ?? ""} ${row.user ?? ""} ${row.kind === "memory" ? row.gpu : ""}`); // prettier-ignore
  return [...groups].flatMap(([key, members]) => {
    if (members.length === 1) return members.map(asRow);
    return [groupRow(key, members), ...members.map((row, at) => childRow(row, at === members.length - 1))];
  });
}

function childRow(row: UseRow, isLast: boolean): TableRow {
  return { ...asRow(row), place: isLast ? "└─" : "├─", user: undefined, container: undefined };
}

function groupRow(key: string, members: readonly UseRow[]): TableRow {
  const [first] = members;
  if (first === undefined) throw new RangeError("a group without a row");
  const gpus = [...new Set(members.map(({ gpu }) => gpu))].join(",");
  // One that works on several GPUs has a row for each.
  const processes = [...new Map(members.map((row) => [row.pid, row])).values()];
  return {
    ...first,
    key: `group ${key}`,
    isGroup: true,
    gpu: gpus,
    pid: undefined,
    type: undefined,
    memoryBytes: sum(members, ({ memoryBytes }) => memoryBytes),
    gpuPercent: sum(members, ({ gpuPercent }) => gpuPercent),
    cpuPercent: sum(processes, ({ cpuPercent }) => cpuPercent),
    hostMemoryBytes: sum(processes, ({ hostMemoryBytes }) => hostMemoryBytes),
    runningMs: Math.max(...members.map(({ runningMs = 0 }) => runningMs)),
    command: `▾ ${processes.length} processes`,
    orphan: undefined,
  };
}

/** Undefined: none is known. */
function sum(rows: readonly UseRow[], of: (row: UseRow) => number | undefined): number | undefined {
  const known = rows.map(of).filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}
