import { describe, expect, test } from "bun:test";
import { listRows } from "../gpus/list-rows.ts";
import { schemaFaults } from "../gpus/schema.test-helper.ts";
import { BUSY, MIB, shownGpu, WEB_ID } from "../gpus/view.test-helper.ts";
import { viewToJson } from "../gpus/view-to-json.ts";
import { formatRows } from "./format-rows.ts";
import { isWanted, type RowFilter } from "./row-filter.ts";

const rows = listRows(BUSY);
const found = (filter: RowFilter) =>
  rows.filter(isWanted(filter, BUSY)).map(({ gpu, pid, kind }) => `${gpu} ${pid ?? kind}`);

describe("berth ps", () => {
  test.each([60, 100, 200, undefined])("is one line a process in %p columns", (width) => {
    const text = formatRows(rows, { hasColours: false, width });
    expect(text).toMatchSnapshot();
    expect(Math.max(...text.split("\n").map((line) => Bun.stringWidth(line)))).toBeLessThanOrEqual(width ?? Infinity);
    expect(text.trimEnd().split("\n")).toHaveLength(rows.length + 1);
    expect(text).not.toContain("\u001b");
  });

  test("cuts no name where no terminal is", () => {
    const place = "a-container-with-a-name-that-is-longer-than-a-column";
    const long = rows.map((row) => ({ ...row, place, lease: `${place}/alice` }));
    expect(formatRows(long, { hasColours: false, width: undefined })).toContain(`${place}/alice `);
    expect(formatRows(long, { hasColours: false, width: 200 })).not.toContain(place);
  });

  test("does not say of a sick GPU's lease that nothing uses it", () => {
    const unknown = BUSY.gpus.map((gpu) => ({ ...gpu, state: { ...gpu.state, facts: {} } }));
    const [row] = listRows({ ...BUSY, gpus: unknown }).filter(({ kind }) => kind === "lease");
    expect(row?.command).toMatch(/^leased: [0-9a-f]{8} of process \d+$/);
  });

  test("shows processes, leases that nothing uses, and memory that nobody holds", () => {
    expect(rows.map(({ kind, gpu, pid }) => [kind, gpu, pid])).toEqual([
      ["process", "0", 10],
      ["process", "1", 20],
      ["process", "1", 30],
      ["lease", "3", undefined],
      ["process", "4:0", 21],
      ["process", "5", 40],
      ["process", "5", 99],
      ["memory", "5", undefined],
    ]);
    expect(rows.map(({ lease }) => lease)).toEqual(["web/alice", undefined, undefined, "alice", "bob (exclusive)", undefined, undefined, undefined]); // prettier-ignore
  });

  test("tells a stranger on a GPU that another container or user has from whoever has it", () => {
    const [lease] = BUSY.leases ?? [];
    if (lease === undefined) throw new RangeError("no lease");
    const about = { state: "", engine: "docker", image: "", project: "", user: "", name: "web" };
    const whose = (changes: Partial<typeof lease>): string | undefined =>
      listRows({ ...BUSY, leases: [{ ...lease, ...changes }] })[0]?.lease;
    expect(whose({ container: { ...about, id: WEB_ID } })).toBe("web/alice");
    expect(whose({ container: { ...about, id: "d".repeat(64) } })).toBe("not web/alice");
    // What plain runc calls a container its control groups do not say.
    expect(whose({ container: { ...about, id: "box" } })).toBe("web/alice");
    expect(whose({ uid: 1001 })).toBe("not web/bob");
    expect(whose({ uid: 1001, owner: { ...lease.owner, pid: 10 } })).toBe("web/bob");
  });

  test("calls memory nobody's only where the driver says what each process has and keeps its own apart", () => {
    const memoryOf = (...facts: Parameters<typeof shownGpu>[1][]) =>
      facts.map((each) => listRows({ ...BUSY, leases: undefined, gpus: [shownGpu(0, each)] }).filter(({ kind }) => kind === "memory").length); // prettier-ignore
    const used = { memoryUsedBytes: 4000 * MIB, memoryReservedBytes: 0 };
    expect(
      memoryOf(
        { ...used, processes: [] },
        { ...used, memoryUsedBytes: 60 * MIB, processes: [] },
        { ...used, processes: [{ pid: 10, kind: "compute", memoryBytes: 3900 * MIB }] },
        { ...used, processes: [{ pid: 10, kind: "compute" }] },
        { ...used, memoryReservedBytes: undefined, processes: [] },
        { ...used, isMigEnabled: true, processes: [] },
        used,
      ),
    ).toEqual([1, 0, 0, 0, 0, 0, 0]);
  });

  test("a process that is gone is an orphan only for who sees them all", () => {
    const orphans = (seesAll: boolean) =>
      listRows({ ...BUSY, seesAll }).flatMap(({ pid, orphan }) => (orphan === undefined ? [] : [pid]));
    expect([orphans(true), orphans(false)]).toEqual([
      [40, 99, undefined],
      [40, undefined],
    ]);
  });

  test.each<[RowFilter, readonly string[]]>([
    [{ gpu: ["1"] }, ["1 20", "1 30"]],
    [{ gpu: ["gpu-0", "0000:3B:00.0"] }, ["0 10", "3 lease"]],
    [{ gpu: ["4:0"] }, ["4:0 21"]],
    [{ user: ["bob"] }, ["1 20", "4:0 21"]],
    [{ user: ["0"] }, ["1 30"]],
    [{ uid: 1000 }, ["0 10", "3 lease", "5 40"]],
    [{ container: ["web-1"] }, ["0 10"]],
    [{ container: [WEB_ID.slice(0, 6)] }, ["0 10"]],
    [{ container: ["train-0"] }, ["1 20", "4:0 21"]],
    [{ project: ["shop", "ml"] }, ["0 10", "1 20", "4:0 21"]],
    [{ orphans: true }, ["5 40", "5 99", "5 memory"]],
    [{ gpu: ["1"], user: ["alice"] }, []],
  ])("shows only what is wanted: %j", (filter, wanted) => {
    expect(found(filter)).toEqual([...wanted]);
  });

  test("refuses a GPU that there is not, which is not the same as one that nobody uses", () => {
    expect(() => found({ gpu: ["9"] })).toThrow(expect.objectContaining({ code: "BERTH-W001" }));
  });

  test("is as JSON what the schema says, with the containers of its rows alone", () => {
    const wanted = rows.filter(isWanted({ user: ["alice"] }, BUSY));
    const json: unknown = JSON.parse(viewToJson(BUSY, { schema: "berth-ps-1", time: new Date(0), host: "node-7", rows: wanted })); // prettier-ignore
    expect(schemaFaults(json, "ps")).toEqual([]);
    expect(json).toMatchObject({ processes: [{ pid: 10, cpuPercent: 50, runningSeconds: 11_524 }, { pid: 40 }], unclaimed: [] });
    expect(json).toMatchObject({ containers: [{ name: "web-1" }, { name: null }], leases: [{ gpu: 0 }, { gpu: 3 }, { device: "4" }] });
  }); // prettier-ignore
});
