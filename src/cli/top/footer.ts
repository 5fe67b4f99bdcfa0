import { cut, plain, type Line, type Span } from "../gpus/paint.ts";
import { SORTS } from "./table-rows.ts";
import type { TopState } from "./top-state.ts";

/** The last line: a question, what is typed, what came of it, or the keys. */
export function footerLine({ ui, view }: TopState, columns: number): Line {
  const { mode } = ui;
  switch (mode.kind) {
    case "confirm": {
      const { pid, command, user, place } = mode.row;
      const who = [plain(command, "?").slice(0, 40), ...(user === undefined ? [] : [`of ${plain(user)}`]), ...(place === undefined ? [] : [`in ${plain(place)}`])]; // prettier-ignore
      return [{ text: ` Send ${mode.signal} to process ${pid} (${who.join(" ")})? y/n `, style: "notice" }];
    }
    case "filter":
      return [{ text: " filter: ", style: "strong" }, { text: `${plain(ui.filter, "")}_` }];
    case "sort":
      return [{ text: ` sort by: ${sortWords()}`, style: "strong" }];
    case "help":
      return [{ text: " any key goes back", style: "dim" }];
    case "table":
      if (ui.message !== undefined) return [{ text: ` ${plain(ui.message)}`, style: "notice" }];
      return view !== undefined && view.errors.length > 0 && columns >= WIDE
        ? [...hints(ui, columns - ERROR_LEAST), { text: `  ${plain(view.errors[0])}`, style: "sick" }]
        : hints(ui, columns);
  }
}

const WIDE = 140;
const ERROR_LEAST = 60;
/** How much of a filter is shown. */
const MAX_FILTER = 16;

function sortWords(): string {
  return Object.values(SORTS)
    .map(({ letter, title }) => `${letter} ${title}`)
    .join("  ");
}

/** As many keys as there is room for. */
function hints({ sort, isReversed, isTree, filter }: TopState["ui"], columns: number): Line {
  const all = [
    ["q", "quit"],
    ["h", "help"],
    ["o", `sort: ${SORTS[sort].title}${isReversed ? " reversed" : ""}`],
    ["/", filter === "" ? "filter" : `filter: ${cut(plain(filter), MAX_FILTER)}`],
    ...(filter === "" ? [] : [["Esc", "no filter"]]),
    ["t", isTree ? "list" : "tree"],
    ["T", "TERM"],
    ["K", "KILL"],
  ];
  let room = columns - 1;
  const shown: Span[] = [{ text: " " }];
  for (const [key = "", word = ""] of all) {
    room -= key.length + Bun.stringWidth(word) + 3;
    if (room < 0) break;
    shown.push({ text: key, style: "strong" }, { text: ` ${word}  `, style: "dim" });
  }
  return shown;
}
