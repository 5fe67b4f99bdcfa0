import type { GpusView, ShownGpu } from "../gpus/gpu-view.ts";
import { gripsOf, leaseOwner } from "../gpus/list-rows.ts";
import { loadStyle, plain, type Span } from "../gpus/paint.ts";
import { gibibytes, shortBytes, UNKNOWN } from "../gpus/units.ts";
import { memoryPercent } from "./history.ts";

/** Something short that is said of a GPU; the lower its rank, the longer it stays where there is little room. */
export interface Fact extends Span {
  readonly rank: number;
}

/** Temperature, power, clocks and so on, those that are known, in the order in which they are shown. */
export function factsOf(gpu: ShownGpu, view: GpusView): readonly Fact[] {
  const { state: { facts }, lastXid, nvlinkRates } = gpu; // prettier-ignore
  const owners = [...new Set(gripsOf(gpu, view).map(({ lease }) => leaseOwner(lease, view)))];
  const { temperatureC, powerW, powerLimitW, smClockMhz, fanPercent, eccUncorrected = 0 } = facts;
  const { pcieRxBytesPerSecond: rx, pcieTxBytesPerSecond: tx, encoderPercent = 0, decoderPercent = 0 } = facts;
  const limit = powerLimitW === undefined ? "" : `/${Math.round(powerLimitW)}`;
  return [
    ...known(temperatureC, 1, (celsius) => `${String(celsius).padStart(3)}°C`),
    ...known(powerW, 2, (watts) => `${Math.round(watts)}${limit}W`.padStart(8)),
    ...known(smClockMhz, 5, (mhz) => `${mhz}MHz`.padStart(7)),
    ...known(fanPercent, 8, (percent) => `fan ${percent}%`.padStart(8)),
    ...(rx === undefined || tx === undefined ? [] : [{ text: traffic("PCIe", rx, tx), rank: 4 }]),
    ...(nvlinkRates === undefined ? [] : [{ text: traffic("NVLink", nvlinkRates.rxBytesPerSecond, nvlinkRates.txBytesPerSecond), rank: 6 }]),
    ...(encoderPercent + decoderPercent === 0 ? [] : [{ text: `enc ${encoderPercent}% dec ${decoderPercent}%`, rank: 7 }]),
    ...(owners.length === 0 ? [] : [{ text: `lease ${plain(owners.join(", "))}`, style: "strong", rank: 3 } as const]),
    ...(lastXid === undefined ? [] : [{ text: `Xid ${lastXid.code}`, style: "sick", rank: 0 } as const]),
    ...(eccUncorrected === 0 ? [] : [{ text: `ECC ${eccUncorrected}`, style: "sick", rank: 0 } as const]),
  ]; // prettier-ignore
}

function known(value: number | undefined, rank: number, text: (value: number) => string): readonly Fact[] {
  return value === undefined ? [] : [{ text: text(value), rank }];
}

/** What comes and what goes, in a second. */
function traffic(name: string, rx: number, tx: number): string {
  return `${name} ↓${shortBytes(rx).padStart(4)} ↑${shortBytes(tx).padStart(4)}`;
}

/** Those that fit into `width` columns, two blanks before each. */
export function fitFacts(facts: readonly Fact[], width: number): readonly Fact[] {
  const used = facts.reduce((sum, { text }) => sum + Bun.stringWidth(text) + 2, 0);
  if (used <= width || facts.length === 0) return facts;
  const worst = Math.max(...facts.map(({ rank }) => rank));
  return fitFacts(
    facts.filter(({ rank }) => rank !== worst),
    width,
  );
}

/** "96%" in the colour of its load. */
export function gpuValue({ state: { facts } }: Pick<ShownGpu, "state">): Span {
  const { gpuPercent } = facts;
  return gpuPercent === undefined ? { text: UNKNOWN } : { text: `${gpuPercent}%`, style: loadStyle(gpuPercent, "gpu") };
}

interface Memory {
  readonly memoryUsedBytes?: number | undefined;
  readonly memoryTotalBytes?: number | undefined;
}

/** "11.6/79.6G" in the colour of its load. */
export function memoryValue({ memoryUsedBytes: used, memoryTotalBytes: total }: Memory): Span {
  const percent = memoryPercent({ state: { target: "", sick: undefined, faults: [], facts: { memoryUsedBytes: used, memoryTotalBytes: total } } }); // prettier-ignore
  if (used === undefined || total === undefined || percent === undefined) return { text: UNKNOWN };
  return { text: `${gibibytes(used)}/${gibibytes(total)}G`, style: loadStyle(percent, "memory") };
}
