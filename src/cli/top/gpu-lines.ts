import { migKey } from "../../leases/index.ts";
import type { GpusView, ShownGpu, ShownPart } from "../gpus/gpu-view.ts";
import { gripsOf, leaseOwner } from "../gpus/list-rows.ts";
import { cut, cutLine, fit, plain, type Line, type Span, type Style } from "../gpus/paint.ts";
import { bar, graph } from "./graph.ts";
import { factsOf, fitFacts, gpuValue, memoryValue, type Fact } from "./gpu-facts.ts";
import { memoryPercent, type History } from "./history.ts";

/** How GPUs are drawn. */
export interface GpuStyle {
  readonly width: number;
  readonly isAscii: boolean;
  /** Lines of each of the two graphs; 0: one line a GPU, without graphs. */
  readonly graphRows: 0 | 1 | 2 | 4 | 8;
}

const GPU_VALUE = 4;
const MEMORY_VALUE = 11;
/** A model's name in one line with everything else. */
const MODEL_MOST = 18;
const NARROW = 80;
const NARROW_MODEL = 12;

/** How many lines a GPU takes. */
export function heightOf(gpu: ShownGpu, graphRows: GpuStyle["graphRows"]): number {
  return (graphRows === 0 ? 1 : 1 + 2 * graphRows) + gpu.parts.length;
}

/** One GPU with its MIG devices. */
export function gpuLines(
  gpu: ShownGpu,
  history: History | undefined,
  view: GpusView,
  style: GpuStyle,
): readonly Line[] {
  const own = style.graphRows === 0 ? [compactLine(gpu, view, style)] : panel(gpu, history, view, style);
  return [...own, ...gpu.parts.map((part) => partLine(part, gpu, view, style))];
}

function nameOf({ index, model }: ShownGpu, most: number): string {
  const name = cut(plain(model).replace(/^(NVIDIA|Tesla) /, ""), most);
  return `${index ?? "-"}`.padStart(2) + ` ${name}`;
}

/** What the columns of single lines are. */
export function compactHeading(style: GpuStyle): Line {
  const { most, each } = compactWidths(style);
  const text = `${fit(" # GPU", most + 4)}${fit("WORK", each + GPU_VALUE + 3)}MEMORY`;
  return [{ text, style: "heading" }];
}

function compactWidths({ width }: Pick<GpuStyle, "width">) {
  const isNarrow = width < NARROW;
  const each = Math.max(4, Math.min(24, Math.floor(width * (isNarrow ? 0.12 : 0.16))));
  return { most: isNarrow ? NARROW_MODEL : MODEL_MOST, each };
}

/** Index, model, two bars with their values, and what else fits. */
function compactLine(gpu: ShownGpu, view: GpusView, { width, isAscii }: GpuStyle): Line {
  const { most, each } = compactWidths({ width });
  const name = fit(nameOf(gpu, most), most + 3);
  const { sick } = gpu.state;
  if (sick !== undefined) return sickLine(`${name} `, sick, width);
  const [load, memory] = [barSpans(gpu.state.facts.gpuPercent, each, gpuValue(gpu), isAscii), barSpans(memoryPercent(gpu), each, memoryValue(gpu.state.facts), isAscii)];
  const used = Bun.stringWidth(name) + 2 * each + GPU_VALUE + MEMORY_VALUE + 5;
  const facts = fitFacts(factsOf(gpu, view), width - used);
  return [
    { text: `${name} `, style: "strong" },
    ...load,
    value(gpuValue(gpu), GPU_VALUE + 1),
    { text: "  " },
    ...memory,
    value(memoryValue(gpu.state.facts), MEMORY_VALUE + 1),
    ...facts.flatMap((fact) => [{ text: "  " }, fact]),
  ];
} // prettier-ignore

function sickLine(before: string, sick: string, width: number): Line {
  return cutLine(
    [
      { text: before, style: "strong" },
      { text: `SICK: ${plain(sick)}`, style: "sick" },
    ],
    width,
  );
}

function barSpans(percent: number | undefined, width: number, { style }: Span, isAscii: boolean): Line {
  const { full, rest } = bar(percent ?? 0, width, isAscii);
  return percent === undefined
    ? [{ text: " ".repeat(width) }]
    : [
        { text: full, style },
        { text: rest, style: "dim" },
      ];
}

function value({ text, style }: Span, width: number): Span {
  return { text: fit(text, width, true), style };
}

/** A title with a rule, then the two loads, each with a graph of what was. What does not fit into the title stands below the bars. */
function panel(gpu: ShownGpu, history: History | undefined, view: GpusView, style: GpuStyle): readonly Line[] {
  const { sick, facts } = gpu.state;
  const name = nameOf(gpu, Math.max(NARROW_MODEL, Math.floor(style.width / 2)));
  const all = factsOf(gpu, view);
  const titled = fitFacts(all, style.width - Bun.stringWidth(name) - 4);
  const others = all.filter((fact) => !titled.includes(fact));
  const below = style.graphRows - 1;
  const load = { percent: facts.gpuPercent, said: gpuValue(gpu), samples: history?.gpu ?? [], others: others.slice(0, below) };
  const memory = { percent: memoryPercent(gpu), said: memoryValue(facts), samples: history?.memory ?? [], others: others.slice(below) };
  const rows = [...loadRows("GPU", "graph", load, style), ...loadRows("MEM", "memoryGraph", memory, style)];
  const title = titleLine(name, titled, { width: style.width, isSick: sick !== undefined });
  return sick === undefined ? [title, ...rows] : [title, sickLine("   ", sick, style.width), ...rows.slice(1)];
} // prettier-ignore

interface Title {
  readonly width: number;
  readonly isSick: boolean;
}

function titleLine(name: string, facts: readonly Fact[], { width, isSick }: Title): Line {
  const used = Bun.stringWidth(name) + facts.reduce((sum, { text }) => sum + Bun.stringWidth(text) + 2, 0);
  const title: Line = [
    { text: name, style: isSick ? "sick" : "strong" },
    { text: ` ${"─".repeat(Math.max(1, width - used - 2))}`, style: "dim" },
  ];
  return [...title, ...facts.flatMap((fact) => [{ text: "  " }, fact])];
}

interface Load {
  readonly percent: number | undefined;
  readonly said: Span;
  readonly samples: readonly (number | undefined)[];
  /** Below the bar, one a line. */
  readonly others: readonly Fact[];
}

const LABEL = 7;

function loadRows(label: string, style: Style, load: Load, { width, isAscii, graphRows }: GpuStyle): readonly Line[] {
  const { percent, said, samples, others } = load;
  const barWidth = Math.max(6, Math.min(30, Math.floor((width - LABEL - MEMORY_VALUE) * 0.3)));
  const left = LABEL + barWidth + 1 + MEMORY_VALUE + 2;
  const lines = graph(samples, { width: Math.max(0, width - left), rows: graphRows, isAscii });
  const first = [{ text: `   ${label} ` }, ...barSpans(percent, barWidth, said, isAscii), value(said, MEMORY_VALUE + 1), { text: "  " }];
  return lines.map((line, at) => {
    const fact = at === 0 ? undefined : others[at - 1];
    const shown = { text: `       ${fit(fact?.text.trimStart() ?? "", left - LABEL)}`, style: fact?.style ?? "dim" } as const;
    return [...(at === 0 ? first : [shown]), { text: line, style }];
  });
} // prettier-ignore

function partLine({ name, profile, ...facts }: ShownPart, gpu: ShownGpu, view: GpusView, style: GpuStyle): Line {
  const key = migKey(gpu.bus ?? "", facts);
  const owners = gripsOf(gpu, view).filter(({ device }) => device.key === key);
  const percent = memoryPercent({ state: { target: "", sick: undefined, faults: [], facts: { memoryUsedBytes: facts.memoryUsedBytes, memoryTotalBytes: facts.memoryTotalBytes } } }); // prettier-ignore
  const who = facts.users.map((user) => `${user.name}${user.user === undefined ? "" : `/${user.user}`}`).join(", ");
  const lease = owners.map((grip) => ({
    text: `  lease ${plain(leaseOwner(grip.lease, view))}`,
    style: "strong" as const,
  }));
  return cutLine(
    [
      { text: `   ${fit(name, 5)} ` },
      { text: fit(`MIG ${plain(profile, "?")}`, 14), style: "dim" },
      { text: " " },
      ...barSpans(percent, 12, memoryValue(facts), style.isAscii),
      value(memoryValue(facts), MEMORY_VALUE + 1),
      ...lease,
      { text: who === "" ? "" : `  ${plain(who)}` },
    ],
    style.width,
  );
}
