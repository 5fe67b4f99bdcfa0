import { escapeControls } from "../../base/index.ts";
import type { Taken } from "../../leases/index.ts";
import type { Wish } from "../../request/index.ts";

/** Shows somebody who waits where it stands and why. */
export interface WaitingLine {
  /** Each time that there was not enough. */
  readonly tell: (short: Taken) => void;
  /** When the wait is over, however it ended. */
  readonly clear: () => void;
}

/** ECMA-48: back to the first column; the rest of the line is erased. */
const TO_START = "\r";
const ERASE = "\u001b[K";

/** At a terminal of so many `columns` one line that is written anew; elsewhere (undefined) a line for each change. */
export function waitingLine(wish: Wish, note: (text: string) => void, columns: number | undefined): WaitingLine {
  let last = "";
  const tell = (short: Taken): void => {
    const text = describeWait(wish, short);
    const key = columns === undefined ? withoutUse(text) : text;
    if (key === last) return;
    last = key;
    note(columns === undefined ? `${text}\n` : `${TO_START}${cut(text, columns - 1)}${ERASE}`);
  };
  const clear = (): void => {
    if (columns !== undefined && last !== "") note(`${TO_START}${ERASE}`);
    last = "";
  };
  return { tell, clear };
}

/** "waiting: 2 before you; 1 of 2 free; GPU 3: lease 3fa21b07 of process 12 (web-1), user 0" */
export function describeWait(wish: Wish, { choice: { verdicts }, waiting }: Taken): string {
  const free = verdicts.filter(({ kind }) => kind === "free").length;
  const other = verdicts.find(({ kind }) => kind === "taken") ?? verdicts.find(({ kind }) => kind === "unknown");
  const parts = [
    waiting === 0 ? "you are next" : `${waiting} before you`,
    free === 0 ? "" : `${free} of ${wish.count} free`,
    other === undefined ? "" : `GPU ${other.device.name}: ${other.why}`,
  ];
  return `waiting: ${escapeControls(parts.filter((part) => part !== "").join("; "))}`;
}

/** How much a stranger's program uses is another number each time. */
function withoutUse(text: string): string {
  return text.replaceAll(/[\d.]+ (?:GB|%)/g, "");
}

function cut(text: string, columns: number): string {
  if (Bun.stringWidth(text) <= columns) return text;
  let line = "";
  for (const character of text) {
    if (Bun.stringWidth(line + character) >= columns) break;
    line += character;
  }
  return `${line}…`;
}
