import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCdiSpec } from "../cdi/index.ts";
import { loadConfig } from "../config/index.ts";
import { PROFILES, simUp } from "../sim/index.ts";
import type { CdiMode } from "./cdi-options.ts";
import { generateCdi, type GeneratedCdi } from "./generate-cdi.ts";

/*
 * Whole CDI files of every simulated machine, to be read in review. `BERTH_UPDATE_GOLDEN=1 bun test src/apply/cdi-golden.test.ts` writes them anew.
 */
const GOLDEN = join(import.meta.dir, "../../testdata/cdi");
const CASES: readonly (readonly [profile: string, mode: CdiMode])[] = [
  // 112 MIG devices are no file to be read.
  ...PROFILES.filter(({ name }) => name !== "none" && name !== "a100x16-mig112").map(
    ({ name }) => [name, "auto"] as const,
  ),
  ["a100x8-mig", "management"],
  ["gb200x4-imex", "imex"],
  ["gds", "gds"],
  ["gds", "gdrcopy"],
  ["gds", "mofed"],
  ["gds", "nvswitch"],
];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-cdi-golden-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function hostOf(profile: string): string {
  const dir = join(folder, profile);
  if (!existsSync(dir)) simUp(dir, profile, { executable: "/usr/bin/berth" });
  return dir;
}

function generate(root: string, mode: CdiMode, ids: readonly string[] = ["all"]): Promise<GeneratedCdi> {
  return generateCdi({
    root,
    config: loadConfig({ get: () => undefined }, join(root, "etc/nvidia-container-runtime/config.toml")),
    scene: {},
    options: {
      mode,
      vendor: undefined,
      class: undefined,
      strategies: ["index", "uuid"],
      ids,
      hasAllDevice: true,
      hasAny: false,
      disabledHooks: new Set(),
      devRoot: undefined,
    },
    featureFlags: [],
    hookPath: "/usr/bin/nvidia-cdi-hook",
    executable: process.execPath,
    path: undefined,
    format: "yaml",
  });
}

describe.skipIf(process.geteuid?.() !== 0)("generateCdi", () => {
  for (const [profile, mode] of CASES) {
    test(`gives the file of ${profile} in the mode ${mode} as reviewed, and the same each time`, async () => {
      const root = hostOf(profile);
      const { text, spec } = await generate(root, mode);
      expect((await generate(root, mode)).text).toBe(text);
      expect(parseCdiSpec(Buffer.from(text), "x.yaml")).toEqual(spec);
      const shown = text.replaceAll(root, "/HOST");
      const file = join(GOLDEN, mode === "auto" ? `${profile}.yaml` : `${profile}-${mode}.yaml`);
      if (process.env["BERTH_UPDATE_GOLDEN"] !== undefined) {
        mkdirSync(GOLDEN, { recursive: true });
        writeFileSync(file, shown);
      }
      expect(shown).toBe(readFileSync(file, "utf8"));
    });
  }

  test("refuses a host without a GPU, unless a file without one is asked for", async () => {
    expect(generate(hostOf("none"), "auto")).rejects.toMatchObject({ code: "BERTH-D001" });
    expect(generate(hostOf("h100x8"), "imex")).rejects.toMatchObject({ code: "BERTH-R001" });
    const { spec } = await generate(hostOf("none"), "auto", ["none"]);
    expect(spec.devices.map(({ name }) => name)).toEqual(["none"]);
  });
});
