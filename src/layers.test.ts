import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** The table of ARCHITECTURE.md: a folder imports only folders of a lower rank, through their `index.ts`. */
const RANK: Readonly<Record<string, number>> = {
  base: 0,
  linux: 1, text: 1,
  oci: 2, cdi: 2, nvml: 2, cuda: 2, config: 2,
  host: 3,
  request: 4,
  leases: 5,
  grant: 6,
  edits: 7,
  apply: 8,
  engines: 9, watch: 9, sim: 9,
  doctor: 10, install: 10,
  nvidia: 11, cli: 11, web: 11, kube: 11,
  "main.ts": 12,
}; // prettier-ignore

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g;
const root = import.meta.dir;

/** Why one import is not allowed; undefined: it is. `main.ts` may load any door. */
function faultOf(from: string, file: string, path: string): string | undefined {
  const target = normalize(join(dirname(file), path));
  const to = target.split("/")[0] ?? "";
  if (to === from || target.startsWith("../") || from === "main.ts") return undefined;
  const isLower = (RANK[to] ?? Infinity) < (RANK[from] ?? -1) && target === `${to}/index.ts`;
  return isLower ? undefined : `${file} -> ${path}`;
}

function faultsOf(file: string): string[] {
  const from = file.split("/")[0] ?? "";
  if (RANK[from] === undefined) return [`${file}: no rank`];
  const imports = readFileSync(join(root, file), "utf8").matchAll(IMPORT);
  return [...imports].map(([, path = ""]) => faultOf(from, file, path)).filter((fault) => fault !== undefined);
}

test("a folder imports only folders of a lower rank, and only their index.ts", () => {
  const files = [...new Bun.Glob("**/*.ts").scanSync(root)].filter((file) => !file.endsWith(".test.ts"));
  expect(files.length).toBeGreaterThan(100);
  expect(files.flatMap(faultsOf)).toEqual([]);
});
