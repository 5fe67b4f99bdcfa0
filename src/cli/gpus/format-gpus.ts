import { escapeControls } from "../../base/index.ts";
import { migKey } from "../../leases/index.ts";
import type { GpuFacts } from "../../nvml/index.ts";
import type { GpuUser } from "../../watch/index.ts";
import type { GpusView, ShownGpu, ShownPart } from "./gpu-view.ts";
import { gripsOf, leaseOwner } from "./list-rows.ts";
import { cut, cutLine, loadStyle, paintLine, plain, type Line, type Span, type Style } from "./paint.ts";
import { UNKNOWN } from "./units.ts";

export interface GpusLayout {
  readonly hasColours: boolean;
  /** Columns of the terminal; undefined: lines are as long as they are. */
  readonly width: number | undefined;
}

/** Below it memory is in GiB and models are cut. */
const NARROW = 80;
const NARROW_MODEL = 14;
/** From here on leases have a column of their own. */
const WIDE = 100;
const LEASE_MOST = 24;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

interface Cell {
  readonly text: string;
  readonly colour?: Style | undefined;
  readonly isRight?: boolean;
}

/** One line: a GPU, or a MIG device below it. */
interface Shown {
  readonly cells: readonly Cell[];
  readonly sick: string | undefined;
  readonly users: readonly GpuUser[];
  /** What goes before the users: the last Xid, and the lease where it has no column. */
  readonly notes: readonly Span[];
}

/**
 * The driver and one line for each GPU: index, model, temperature, utilisation, memory, whose it is where leases are known, and who uses it, or why it is sick; below it one for each of
 * its MIG devices.
 */
export function formatGpus(view: GpusView, layout: GpusLayout): string {
  const { driver, gpus } = view;
  const count = `${gpus.length} ${gpus.length === 1 ? "GPU" : "GPUs"}`;
  const sick = gpus.filter(({ state }) => state.sick !== undefined).length;
  const heading = `Driver ${plain(driver, "of an unknown version")}, ${count}${sick === 0 ? "" : `, ${sick} sick`}\n`;
  const hasLeases = gpus.some((gpu) => gripsOf(gpu, view).length > 0);
  const shown = gpus.flatMap((gpu) => [wholeGpu(gpu, view, { layout, hasLeases }), ...partsOf(gpu, view, { layout, hasLeases })]); // prettier-ignore
  const widths = (shown[0]?.cells ?? []).map((_, at) =>
    Math.max(...shown.map(({ cells }) => Bun.stringWidth(cells[at]?.text ?? ""))),
  );
  const used = widths.reduce((sum, width) => sum + width + 2, 0);
  const { hasColours, width = Infinity } = layout;
  const lines = shown.map((each) => {
    const cells = each.cells.flatMap((cell, column) => [...pad(cell, widths[column] ?? 0), { text: "  " }]);
    return paintLine(cutLine([...cells, ...describeUse(each, width - used)], width), hasColours).trimEnd();
  });
  return `${heading}${lines.map((line) => `${line}\n`).join("")}`;
}

interface Columns {
  readonly layout: GpusLayout;
  readonly hasLeases: boolean;
}

function wholeGpu(gpu: ShownGpu, view: GpusView, columns: Columns): Shown {
  const { sick } = gpu.state;
  // Below it each MIG device has its own.
  const users = gpu.parts.length === 0 ? gpu.users : [];
  const xid = gpu.lastXid === undefined ? [] : [{ text: `Xid ${gpu.lastXid.code}`, style: "sick" } as const];
  const lease = leaseOf(gpu, gpu.bus, view);
  return { ...withLease(cellsOf(gpu, columns.layout), lease, columns, xid), sick, users };
}

function partsOf(gpu: ShownGpu, view: GpusView, columns: Columns): readonly Shown[] {
  return gpu.parts.map((part) => {
    const lease = leaseOf(gpu, migKey(gpu.bus ?? "", part), view);
    return { ...withLease(partCells(part, columns.layout), lease, columns, []), sick: undefined, users: part.users };
  });
}

/** "lease web/alice"; undefined: it is nobody's. */
function leaseOf(gpu: ShownGpu, key: string | undefined, view: GpusView): string | undefined {
  const owners = gripsOf(gpu, view).filter(({ device }) => device.key === key);
  const text = owners.map(({ lease }) => leaseOwner(lease, view)).join(", ");
  return owners.length === 0 ? undefined : `lease ${plain(text)}`;
}

/** A column of its own where there is room for one, else among what is said behind the columns. */
function withLease(cells: readonly Cell[], lease: string | undefined, columns: Columns, notes: readonly Span[]): Pick<Shown, "cells" | "notes"> {
  const { hasLeases, layout: { width = Infinity } } = columns;
  const shown = lease === undefined || width === Infinity ? lease : cut(lease, LEASE_MOST);
  if (width < WIDE) return { cells, notes: [...notes, ...(shown === undefined ? [] : [{ text: shown, style: "strong" } as const])] };
  return { cells: [...cells, ...(hasLeases ? [{ text: shown ?? UNKNOWN, colour: shown === undefined ? undefined : ("strong" as const) }] : [])], notes };
} // prettier-ignore

function isNarrowIn({ width }: GpusLayout): boolean {
  return width !== undefined && width < NARROW;
}

function partCells({ name, profile, ...facts }: ShownPart, layout: GpusLayout): readonly Cell[] {
  const shown = `MIG ${plain(profile, "?")}`;
  return [
    { text: name, isRight: true },
    { text: isNarrowIn(layout) ? cut(shown, NARROW_MODEL) : shown },
    { text: UNKNOWN, isRight: true },
    { text: UNKNOWN, isRight: true },
    { ...memory(facts, isNarrowIn(layout)), isRight: true },
  ];
}

function cellsOf({ index, model, state: { facts } }: ShownGpu, layout: GpusLayout): readonly Cell[] {
  const isNarrow = isNarrowIn(layout);
  const name = escapeControls(model).replace(/^NVIDIA /, "");
  return [
    { text: index === undefined ? UNKNOWN : String(index), isRight: true },
    { text: isNarrow ? cut(name, NARROW_MODEL) : name },
    { text: facts.temperatureC === undefined ? UNKNOWN : `${facts.temperatureC}°C`, isRight: true },
    { ...percent(facts.gpuPercent), isRight: true },
    { ...memory(facts, isNarrow), isRight: true },
  ];
}

type Memory = Pick<GpuFacts, "memoryUsedBytes" | "memoryTotalBytes">;

function percent(value: number | undefined): Cell {
  return value === undefined ? { text: UNKNOWN } : { text: `${value} %`, colour: loadStyle(value, "gpu") };
}

function memory({ memoryUsedBytes: used, memoryTotalBytes: total }: Memory, isNarrow: boolean): Cell {
  if (used === undefined || total === undefined || total === 0) return { text: UNKNOWN };
  const inUnit = (bytes: number): string => (isNarrow ? (bytes / GIB).toFixed(1) : String(Math.round(bytes / MIB)));
  const text = isNarrow ? `${inUnit(used)}/${inUnit(total)}G` : `${inUnit(used)} / ${inUnit(total)} MiB`;
  return { text, colour: loadStyle((100 * used) / total, "memory") };
}

function pad({ text, colour, isRight = false }: Cell, width: number): Line {
  const blanks = { text: " ".repeat(Math.max(0, width - Bun.stringWidth(text))) };
  const painted = { text, style: colour };
  return isRight ? [blanks, painted] : [painted, blanks];
}

/** What fits of it: all, then without images and projects, then cut. */
function describeUse({ sick, users, notes }: Shown, left: number): Line {
  const room = Math.max(0, left);
  const why: Line = sick === undefined ? [] : [{ text: `SICK: ${escapeControls(sick)}`, style: "sick" }];
  const fixed = [...why, ...notes];
  const taken = fixed.reduce((sum, { text }) => sum + Bun.stringWidth(text) + 2, 0);
  const [whole = "", short = ""] = [true, false].map((isWhole) => users.map((user) => describeUser(user, isWhole)).join(", "));
  const who = sick !== undefined ? "" : Bun.stringWidth(whole) <= room - taken ? whole : short;
  const spans = [...fixed, ...(who === "" ? [] : [{ text: who }])];
  const line = spans.flatMap((span, at) => (at === 0 ? [span] : [{ text: ", " }, span]));
  return cutLine(line, room);
} // prettier-ignore

/** "web-1/alice(11821M, nginx:1.27, shop)" */
function describeUser({ name, user, memoryBytes, container }: GpuUser, isWhole: boolean): string {
  const memoryText = memoryBytes === undefined ? [] : [`${Math.round(memoryBytes / MIB)}M`];
  const more = isWhole ? [container?.image, container?.project].filter((part) => part !== undefined) : [];
  const said = [...memoryText, ...more].join(", ");
  return escapeControls(`${name}${user === undefined ? "" : `/${user}`}${said === "" ? "" : `(${said})`}`);
}
