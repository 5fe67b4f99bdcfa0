import { describe, expect, test } from "bun:test";
import { schemaFaults } from "../gpus/schema.test-helper.ts";
import { BUSY, shownGpu } from "../gpus/view.test-helper.ts";
import { viewToJson } from "../gpus/view-to-json.ts";
import { cutLine, paintLine } from "../gpus/paint.ts";
import { listRows } from "../gpus/list-rows.ts";
import { isAsciiOnly } from "./ascii.ts";
import { renderFrame, type FrameSize } from "./frame.ts";
import { bar, graph } from "./graph.ts";
import { extendHistory, type History } from "./history.ts";
import { parseKeys } from "./keys.ts";
import { press } from "./press.ts";
import { FIRST_UI, type TopState, type Ui } from "./top-state.ts";

/** After forty looks, in which the work of each GPU went up and down. */
function history(): ReadonlyMap<string, History> {
  let kept: ReadonlyMap<string, History> = new Map();
  for (let at = 0; at < 40; at += 1) {
    const gpus = BUSY.gpus.map((gpu) => {
      const { gpuPercent, memoryUsedBytes = 0 } = gpu.state.facts;
      const facts = { ...gpu.state.facts, gpuPercent: gpuPercent === undefined ? undefined : Math.round(gpuPercent * Math.abs(Math.sin(at / 6))), memoryUsedBytes: (memoryUsedBytes * at) / 40 };
      return { ...gpu, state: { ...gpu.state, facts } };
    });
    kept = extendHistory(kept, { gpus });
  }
  return kept;
} // prettier-ignore

const STATE: TopState = {
  host: "node-7",
  view: BUSY,
  history: history(),
  rows: listRows(BUSY),
  viewer: 1000,
  intervalMs: 1000,
  clock: "14:03:27",
  ui: FIRST_UI,
};

function frame(size: Partial<FrameSize>, ui: Partial<Ui> = {}, more: Partial<TopState> = {}): string {
  const whole = { columns: 100, rows: 30, isAscii: false, ...size };
  const lines = renderFrame({ ...STATE, ...more, ui: { ...FIRST_UI, ...ui } }, whole);
  return lines.map((line) => `${paintLine(line, false).trimEnd()}\n`).join("");
}

/** What is left of `state` after these keys. */
function after(keys: readonly string[], state: TopState = STATE): TopState {
  return keys.reduce((before, key) => ({ ...before, ui: press(before, key).ui }), state);
}

describe("a frame of berth top", () => {
  test.each([
    [60, 24],
    [100, 30],
    [100, 60],
    [200, 50],
  ])("fills %i columns and %i rows", (columns, rows) => {
    const text = frame({ columns, rows });
    expect(text).toMatchSnapshot();
    expect(text.split("\n")).toHaveLength(rows + 1);
  });

  test("is as large as the terminal and never larger, whatever that is", () => {
    for (let columns = 1; columns <= 210; columns += 7)
      for (let rows = 1; rows <= 60; rows += 3) {
        const lines = frame({ columns, rows }, { selected: "none", isTree: rows % 2 === 0 }).split("\n");
        expect(lines).toHaveLength(rows + 1);
        expect(Math.max(...lines.map((line) => Bun.stringWidth(line)))).toBeLessThanOrEqual(columns);
      }
  });

  test.each<[string, Partial<Ui>]>([
    ["a tree by container", { isTree: true }],
    ["one line a GPU", { layout: "compact" }],
    ["a filter", { filter: "train" }],
    ["a filter that nothing fits", { filter: "xyz" }],
    ["help", { mode: { kind: "help" } }],
    ["the question by what to sort", { mode: { kind: "sort" } }],
    ["a filter that is typed", { mode: { kind: "filter", before: "" }, filter: "tr" }],
    ["what came of a key", { message: "Nothing was sent." }],
    ["memory first", { sort: "memory" }],
  ])("shows %s", (_, ui) => {
    expect(frame({ rows: 24 }, ui)).toMatchSnapshot();
  });

  test("in ASCII has nothing else", () => {
    const text = frame({ isAscii: true }, { isTree: true, sort: "memory" });
    expect(text).toMatchSnapshot();
    expect(text).toMatch(/^[ -~\n]*$/);
  });

  test("has colours by load, dims what is of other users, and marks the chosen line", () => {
    const { ui } = after(["j", "j"]);
    const lines = renderFrame({ ...STATE, ui }, { columns: 100, rows: 24, isAscii: false });
    expect(lines.map((line) => paintLine(line, true))).toMatchSnapshot();
  });

  test("says so before the first answer, and why where there is no GPU", () => {
    expect(frame({ rows: 6 }, {}, { view: undefined })).toContain("The driver is asked");
    const none = { ...BUSY, gpus: [], errors: ["there is no driver: no module"] };
    expect(frame({ rows: 6 }, {}, { view: none })).toContain("there is no driver: no module");
  });

  test("says how many GPUs it has no room for", () => {
    const gpus = Array.from({ length: 40 }, (_, index) => shownGpu(index, { gpuPercent: 1 }));
    expect(frame({ rows: 24 }, {}, { view: { ...BUSY, gpus } })).toMatch(/… 2\d more lines of GPUs/);
  });

  test("shows the chosen line of a table that is longer than the terminal", () => {
    const many = Array.from({ length: 200 }, (_, at) => ({ ...(STATE.rows[0] ?? never()), pid: at + 1 }));
    const state = after(["G"], { ...STATE, rows: many });
    expect(frame({ rows: 24 }, state.ui, { rows: many })).toContain(" 200 ");
    expect(frame({ rows: 24 }, after(["G", "g"], state).ui, { rows: many })).toMatch(/ 0 +1 +C /);
  });
});

function never(): never {
  throw new Error("there are rows");
}

describe("keys of berth top", () => {
  test("are read from what terminals send, several at once, too", () => {
    expect(parseKeys("q\u001b[A\u001bOBj\u001b[17~\u0003\u001bOP\r\u007fä")).toEqual(["q", "up", "down", "j", "f6", "ctrl-c", "f1", "enter", "backspace", "ä"]); // prettier-ignore
    expect(parseKeys("\u001b")).toEqual(["escape"]);
  });

  test("that nobody knows do nothing", () => {
    expect(parseKeys("\u001b[1;5C\u001b[<0;1;1M\u0001")).toEqual([]);
    expect(after(["ä", "f6", "escape"]).ui).toEqual(FIRST_UI);
  });

  test("choose, sort, filter and turn round", () => {
    expect(after(["down", "down", "up"]).ui.selected).toBe(after(["j"]).ui.selected);
    expect(after(["o", "g"]).ui).toMatchObject({ sort: "memory", isReversed: false, mode: { kind: "table" } });
    expect(after(["o", "g", "r"]).ui.isReversed).toBe(true);
    expect(after(["o", "x"]).ui.sort).toBe("gpu");
    expect(after(["/", "q", "x", "backspace", "enter"]).ui).toMatchObject({ filter: "q", mode: { kind: "table" } });
    expect(after(["/", "a", "enter", "/", "b", "escape"]).ui.filter).toBe("a");
    expect(after(["/", "a", "enter", "escape"]).ui.filter).toBe("");
    expect(after(["t"]).ui.isTree).toBe(true);
    expect(after(["?", "x"]).ui.mode.kind).toBe("table");
  });

  test("end it and stop it wherever one is", () => {
    for (const keys of [[], ["h"], ["/"], ["o"], ["j", "T"]]) {
      expect(press(after(keys), "ctrl-c").action).toEqual({ kind: "quit" });
      expect(press(after(keys), "ctrl-z").action).toEqual({ kind: "stop" });
    }
    expect(press(STATE, "q").action).toEqual({ kind: "quit" });
    expect(press(after(["/"]), "q").action).toBeUndefined();
  });

  test("send a signal only after a yes, to the process that was chosen", () => {
    const asked = after(["j", "K"]);
    expect(asked.ui.mode).toMatchObject({ kind: "confirm", signal: "SIGKILL", row: { pid: 10 } });
    expect(frame({ rows: 24 }, asked.ui)).toContain("Send SIGKILL to process 10 (python serve.py --port 80 of alice in web-1)? y/n"); // prettier-ignore
    expect(press(asked, "n").action).toBeUndefined();
    expect(press(asked, "enter").action).toBeUndefined();
    expect(press(asked, "y").action).toMatchObject({ kind: "signal", signal: "SIGKILL", row: { pid: 10 } });
  });

  test("send nothing where no process is chosen: a lease, memory, a process that has gone, a group", () => {
    const choose = (count: number) => after([...Array.from({ length: count }, () => "j"), "T"]).ui;
    expect(choose(0).message).toContain("Choose a process first");
    expect(choose(4).message).toBe("This line is no process.");
    expect(choose(7).message).toBe("This process is not there any more.");
    expect(after(["t", "j", "j", "T"]).ui.message).toBe("This line is no process.");
  });
});

describe("graphs", () => {
  test("have two samples a column, the newest at the right, and a gap for what is not known", () => {
    expect(graph([100, 50, undefined, 0], { width: 3, rows: 1, isAscii: false })).toEqual([" ⣧⢀"]);
    expect(graph([100, 50, 10], { width: 3, rows: 2, isAscii: false })).toEqual([" ⢸ ", " ⢸⣇"]);
    expect(graph([100, 50, 0], { width: 3, rows: 1, isAscii: true })).toEqual(["@+."]);
  });

  test("bars are exactly as wide as they are to be", () => {
    for (const isAscii of [false, true])
      for (let percent = -5; percent <= 105; percent += 1) {
        const { full, rest } = bar(percent, 13, isAscii);
        expect(Bun.stringWidth(full + rest)).toBe(13);
      }
  });

  test("only terminals that say so get more than ASCII, and those that say nothing", () => {
    const isOnly = (variables: Readonly<Record<string, string>>) => isAsciiOnly((name) => variables[name]);
    expect([{}, { LANG: "de_DE.UTF-8" }, { LANG: "C" }, { LC_ALL: "C", LANG: "C.utf8" }, { TERM: "linux", LANG: "C.UTF-8" }].map(isOnly)).toEqual([false, false, true, true, true]); // prettier-ignore
  });
});

test("a line is cut where the terminal ends, with wide characters, too", () => {
  expect(cutLine([{ text: "ab" }, { text: "漢字", style: "dim" }, { text: "x" }], 5).map(({ text }) => text)).toEqual(["ab", "漢…"]); // prettier-ignore
});

test("berth top --json is what its schema says, as one line, too", () => {
  const json = viewToJson(BUSY, { schema: "berth-top-1", time: new Date(0), host: "node-7", rows: STATE.rows, isLine: true }); // prettier-ignore
  expect(json.trimEnd().split("\n")).toHaveLength(1);
  expect(schemaFaults(JSON.parse(json), "top")).toEqual([]);
});
