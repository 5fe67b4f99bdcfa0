import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { goldenCases, readTree, treeReader, type GoldenCase, type Tree } from "./golden.test-helper.ts";
import { planEngine } from "./plan-engine.ts";
import { undoEdit } from "./undo-edit.ts";
import type { Added, EnginePlan } from "./wish.ts";

/*
 * Whole configurations before and after, to be read in review. `BERTH_UPDATE_GOLDEN=1 bun test src/engines/plan-engine.test.ts` writes the files after anew.
 */
const isUpdating = process.env["BERTH_UPDATE_GOLDEN"] !== undefined;

interface Done {
  readonly after: Tree;
  readonly records: readonly { readonly path: string; readonly added: Added }[];
  readonly said: { readonly edits: readonly string[]; readonly notes: readonly string[]; readonly activation: string };
}

function planOn({ engine, wish, facts }: GoldenCase, tree: Tree): EnginePlan {
  return planEngine(engine, treeReader(tree), wish, facts);
}

function carryOut(golden: GoldenCase, tree: Tree): Done {
  const { edits, notes, activation } = planOn(golden, tree);
  const after = new Map(tree);
  const records = edits.map(({ path, change }) => {
    const { text, added } = change(after.get(path));
    after.set(path, text);
    return { path, added };
  });
  return { after, records, said: { edits: edits.map(({ path }) => path), notes, activation } };
}

function undoAll({ after, records }: Done, spoil: (text: string) => string = (text) => text): Tree {
  const tree = new Map(after);
  for (const { path, added } of records.toReversed()) {
    const record: Added = JSON.parse(JSON.stringify(added));
    const before = undoEdit(path, spoil(tree.get(path) ?? ""), record);
    if (before === undefined) tree.delete(path);
    else tree.set(path, before);
  }
  return tree;
}

function update({ folder }: GoldenCase, { after, said }: Done): void {
  rmSync(join(folder, "after"), { recursive: true, force: true });
  for (const [path, text] of after) {
    const file = join(folder, "after", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  writeFileSync(join(folder, "plan.json"), `${JSON.stringify(said, undefined, 2)}\n`);
}

describe.each(goldenCases().map((golden) => [`${golden.engine}/${golden.name}`, golden] as const))(
  "%s",
  (_name, golden) => {
    const done = carryOut(golden, golden.before);
    if (isUpdating) update(golden, done);

    test("gives these files, and says this", () => {
      expect(Object.fromEntries(done.after)).toEqual(Object.fromEntries(readTree(join(golden.folder, "after"))));
      expect(done.said).toEqual(JSON.parse(readFileSync(join(golden.folder, "plan.json"), "utf8")));
    });

    test("a second time changes nothing and needs nothing", () => {
      const again = carryOut(golden, done.after);
      expect(Object.fromEntries(again.after)).toEqual(Object.fromEntries(done.after));
      expect(again.records.flatMap(({ added }) => [...added.steps, ...added.spans])).toEqual([]);
      expect(again.said.activation).toBe("none");
    });

    test("undone, every file is what it was", () => {
      expect(Object.fromEntries(undoAll(done))).toEqual(Object.fromEntries(golden.before));
    });

    test("undone after somebody's change, only that change stays", () => {
      const spoil = (text: string): string => `${text.replace(/\s*$/, "")}\n\n`;
      const left = undoAll(done, spoil);
      // An object without a key says what no text says.
      const meant = (text = ""): string => text.trim().replace(/^\{\s*\}$/, "");
      for (const { path, added } of done.records) {
        if (added.spans.length > 0) expect(meant(left.get(path))).toBe(meant(golden.before.get(path)));
      }
    });
  },
);
