import { escapeControls } from "../../base/index.ts";
import type { GpuFacts } from "../../nvml/index.ts";
import type { GpuUser } from "../../watch/index.ts";
import type { GpusView, ShownGpu } from "./gpu-view.ts";

export interface GpusLayout {
  readonly hasColours: boolean;
  /** Columns of the terminal; undefined: lines are as long as they are. */
  readonly width: number | undefined;
}

/** Below it memory is in GiB and models are cut. */
const NARROW = 80;
const NARROW_MODEL = 14;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const UNKNOWN = "-";

/** Select Graphic Rendition (ECMA-48). */
const COLOURS = { light: "32", moderate: "33", heavy: "31", sick: "1;31" } as const;
type Colour = keyof typeof COLOURS;
/** From where on a load is moderate, and heavy; those of nvitop. */
const LOADS = { gpu: [10, 75], memory: [10, 80] } as const;

interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
  readonly isRight?: boolean;
}

/** The driver and one line for each GPU: index, model, temperature, utilisation, memory, and who uses it, or why it is sick. */
export function formatGpus({ driver, gpus }: GpusView, layout: GpusLayout): string {
  const count = `${gpus.length} ${gpus.length === 1 ? "GPU" : "GPUs"}`;
  const sick = gpus.filter(({ state }) => state.sick !== undefined).length;
  const heading = `Driver ${driver ?? "of an unknown version"}, ${count}${sick === 0 ? "" : `, ${sick} sick`}\n`;
  const rows = gpus.map((gpu) => cellsOf(gpu, layout));
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => Bun.stringWidth(row[at]?.text ?? ""))));
  const lines = rows.map((row, at) => {
    const cells = row.map((cell, column) => pad(cell, widths[column] ?? 0, layout));
    const used = widths.reduce((sum, width) => sum + width + 2, 0);
    const gpu = gpus[at];
    return gpu === undefined ? "" : `${cells.join("  ")}  ${describeUse(gpu, used, layout)}`.trimEnd();
  });
  return `${heading}${lines.map((line) => `${line}\n`).join("")}`;
}

function cellsOf({ index, model, state: { facts } }: ShownGpu, { width }: GpusLayout): readonly Cell[] {
  const isNarrow = width !== undefined && width < NARROW;
  const name = escapeControls(model).replace(/^NVIDIA /, "");
  return [
    { text: index === undefined ? UNKNOWN : String(index), isRight: true },
    { text: isNarrow ? cut(name, NARROW_MODEL) : name },
    { text: facts.temperatureC === undefined ? UNKNOWN : `${facts.temperatureC}°C`, isRight: true },
    { ...percent(facts.gpuPercent), isRight: true },
    { ...memory(facts, isNarrow), isRight: true },
  ];
}

function percent(value: number | undefined): Cell {
  return value === undefined ? { text: UNKNOWN } : { text: `${value} %`, colour: loadColour(value, LOADS.gpu) };
}

function memory({ memoryUsedBytes: used, memoryTotalBytes: total }: GpuFacts, isNarrow: boolean): Cell {
  if (used === undefined || total === undefined || total === 0) return { text: UNKNOWN };
  const inUnit = (bytes: number): string => (isNarrow ? (bytes / GIB).toFixed(1) : String(Math.round(bytes / MIB)));
  const text = isNarrow ? `${inUnit(used)}/${inUnit(total)}G` : `${inUnit(used)} / ${inUnit(total)} MiB`;
  return { text, colour: loadColour((100 * used) / total, LOADS.memory) };
}

function loadColour(value: number, [moderate, heavy]: readonly [number, number]): Colour {
  if (value >= heavy) return "heavy";
  return value >= moderate ? "moderate" : "light";
}

function pad({ text, colour, isRight = false }: Cell, width: number, { hasColours }: GpusLayout): string {
  const blanks = " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
  const painted = paint(text, colour, hasColours);
  return isRight ? blanks + painted : painted + blanks;
}

function paint(text: string, colour: Colour | undefined, hasColours: boolean): string {
  return hasColours && colour !== undefined ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
}

/** What fits of it: all, then without images and projects, then cut. */
function describeUse({ state, users }: ShownGpu, used: number, { width, hasColours }: GpusLayout): string {
  const room = width === undefined ? Infinity : Math.max(0, width - used);
  if (state.sick !== undefined) return paint(cut(`SICK: ${escapeControls(state.sick)}`, room), "sick", hasColours);
  const [whole, short] = [true, false].map((isWhole) => users.map((user) => describeUser(user, isWhole)).join(", "));
  return Bun.stringWidth(whole ?? "") <= room ? (whole ?? "") : cut(short ?? "", room);
}

/** "web-1/alice(11821M, nginx:1.27, shop)" */
function describeUser({ name, user, memoryBytes, container }: GpuUser, isWhole: boolean): string {
  const memoryText = memoryBytes === undefined ? [] : [`${Math.round(memoryBytes / MIB)}M`];
  const more = isWhole ? [container?.image, container?.project].filter((part) => part !== undefined) : [];
  const said = [...memoryText, ...more].join(", ");
  return escapeControls(`${name}${user === undefined ? "" : `/${user}`}${said === "" ? "" : `(${said})`}`);
}

/** A text in so many columns, the last an ellipsis where it is longer. */
function cut(text: string, room: number): string {
  if (Bun.stringWidth(text) <= room) return text;
  let shown = "";
  for (const character of text) {
    if (Bun.stringWidth(shown + character) > room - 1) break;
    shown += character;
  }
  return room < 1 ? "" : `${shown.trimEnd()}…`;
}
