import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** The table of ARCHITECTURE.md: a folder imports only folders of a lower rank, through their `index.ts`. */
const RANK: Readonly<Record<string, number>> = {
  base: 0,
  linux: 1, text: 1,
  oci: 2, cdi: 2, nvml: 2, config: 2,
  host: 3,
  request: 4,
  leases: 5,
  grant: 6,
  edits: 7,
  apply: 8,
  engines: 9, watch: 9, sim: 9,
  doctor: 10,
  nvidia: 11, cli: 11, web: 11, kube: 11,
  "main.ts": 12,
}; // prettier-ignore

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g;
const root = join(import.meta.dir, ".");

function faults(): string[] {
  const found: string[] = [];
  for (const file of new Bun.Glob("**/*.ts").scanSync(root)) {
    const from = file.split("/")[0] ?? "";
    if (file.endsWith(".test.ts")) continue;
    if (RANK[from] === undefined) found.push(`${file}: no rank`);
    for (const [, path = ""] of readFileSync(join(root, file), "utf8").matchAll(IMPORT)) {
      const target = normalize(join(dirname(file), path));
      const to = target.split("/")[0] ?? "";
      const isInside = to === from || target.startsWith("../");
      const isLower = (RANK[to] ?? Infinity) < (RANK[from] ?? -1) && target === `${to}/index.ts`;
      if (!isInside && !isLower && from !== "main.ts") found.push(`${file} -> ${path}`);
    }
  }
  return found;
}

test("a folder imports only folders of a lower rank, and only their index.ts", () => {
  expect(faults()).toEqual([]);
});
